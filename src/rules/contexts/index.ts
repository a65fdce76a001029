/** All contexts of OTTL over OTLP bytes: which paths, enums and functions each of them has. */
import type { Signal } from '../../otlp/signal.ts'
import type { ContextName, ContextSpec } from '../context.ts'
import type { FunctionSpec } from '../function.ts'
import { cachePath } from './cache.ts'
import { EXEMPLAR_PATHS, POINT_PATHS } from './datapoint.ts'
import { LOG_ENUMS, METRIC_ENUMS, NO_ENUMS, POINT_ENUMS, SPAN_ENUMS } from './enums.ts'
import { LOG_PATHS } from './log.ts'
import { METRIC_PATHS } from './metric.ts'
import { OTELCOL } from './otelcol.ts'
import { type PathTable, resolveIn, under } from './paths.ts'
import { RESOURCE_PATHS, SCOPE_PATHS } from './resource.ts'
import { EVENT_PATHS, isRootSpan, LINK_PATHS, SPAN_PATHS } from './span.ts'

const SIGNAL_CONTEXTS: Readonly<Record<Signal, readonly ContextName[]>> = {
  traces: ['resource', 'scope', 'span', 'spanevent', 'spanlink'],
  metrics: ['resource', 'scope', 'metric', 'datapoint', 'exemplar'],
  logs: ['resource', 'scope', 'log'],
}

/** From the outermost in. */
export function contextsOf(signal: Signal): readonly ContextName[] {
  return SIGNAL_CONTEXTS[signal]
}

const FROM_RESOURCE = under('otelcol', OTELCOL)

const FROM_SCOPE = { ...FROM_RESOURCE, ...under('resource', RESOURCE_PATHS) }

const FROM_ITEM = {
  ...FROM_SCOPE,
  ...under('scope', SCOPE_PATHS),
  ...under('instrumentation_scope', SCOPE_PATHS),
}

const FROM_SPAN = { ...FROM_ITEM, ...under('span', SPAN_PATHS) }

const FROM_METRIC = { ...FROM_ITEM, ...under('metric', METRIC_PATHS) }

const FROM_POINT = { ...FROM_METRIC, ...under('datapoint', POINT_PATHS) }

const SPECS: Readonly<Record<ContextName, ContextSpec>> = {
  resource: makeSpec('resource', RESOURCE_PATHS, FROM_RESOURCE, NO_ENUMS),
  scope: makeSpec(
    'scope',
    SCOPE_PATHS,
    { ...FROM_SCOPE, ...under('instrumentation_scope', SCOPE_PATHS) },
    NO_ENUMS,
  ),
  span: makeSpec('span', SPAN_PATHS, FROM_ITEM, SPAN_ENUMS, [isRootSpan]),
  spanevent: makeSpec('spanevent', EVENT_PATHS, FROM_SPAN, SPAN_ENUMS),
  spanlink: makeSpec('spanlink', LINK_PATHS, FROM_SPAN, SPAN_ENUMS),
  metric: makeSpec('metric', METRIC_PATHS, FROM_ITEM, METRIC_ENUMS),
  datapoint: makeSpec('datapoint', POINT_PATHS, FROM_METRIC, POINT_ENUMS),
  exemplar: makeSpec('exemplar', EXEMPLAR_PATHS, FROM_POINT, POINT_ENUMS),
  log: makeSpec('log', LOG_PATHS, FROM_ITEM, LOG_ENUMS),
}

/** Resource and scope are the same in all signals. */
export function contextSpec(name: ContextName, _signal?: Signal): ContextSpec {
  return SPECS[name]
}

function makeSpec(
  name: ContextName,
  own: PathTable,
  around: PathTable,
  enums: ReadonlyMap<string, bigint>,
  functions: readonly FunctionSpec[] = [],
): ContextSpec {
  const table = new Map(Object.entries({ ...around, ...own, cache: cachePath }))
  table.delete('')
  return {
    name,
    resolve: segments => resolveIn(table, segments),
    paths: [...table.keys()],
    enums,
    functions,
  }
}
