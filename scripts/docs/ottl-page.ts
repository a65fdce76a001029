/** docs/ottl.md: the rule language with every function, context, path and enum of this build, made from their declarations. */
import { readFileSync } from 'node:fs'
import { MetricOutbox } from '../../src/processors/transform/metric-outbox.ts'
import { functionsOf } from '../../src/processors/transform/own-functions.ts'
import { pointFunctions } from '../../src/rules/apply/point-functions.ts'
import type { ContextName, ContextSpec } from '../../src/rules/context.ts'
import { contextSpec } from '../../src/rules/contexts/index.ts'
import type { FunctionSpec, Param, ParamType } from '../../src/rules/function.ts'
import { standardFunctions } from '../../src/rules/functions/index.ts'
import { limitsTable } from './ottl-limits.ts'

const CONTEXTS: Readonly<Record<ContextName, string>> = {
  resource: 'A resource, with everything below it.',
  scope:
    'An instrumentation scope within a resource; `instrumentation_scope` is another name for it.',
  span: 'A span.',
  spanevent: 'An event of a span.',
  spanlink: 'A link of a span.',
  metric: 'A metric, with all its points.',
  datapoint: 'A point of a metric, of whichever type.',
  exemplar: 'An exemplar of a point.',
  log: 'A log record.',
}

/** Types of paths by their last names, the longest that is here; `-` after a type means that it can only be read. */
const PATH_TYPES: Readonly<Record<string, string>> = {
  ...byType('int', 'kind', 'severity_number', 'aggregation_temporality', 'status.code', 'flags'),
  ...byType('int', 'time_unix_nano', 'start_time_unix_nano', 'end_time_unix_nano', 'scale'),
  ...byType('int', 'observed_time_unix_nano', 'value_int', 'int_value', 'count', 'zero_count'),
  ...byType('int', 'dropped_attributes_count', 'dropped_events_count', 'dropped_links_count'),
  ...byType('int', 'positive.offset', 'negative.offset'),
  ...byType('int, read only', 'event_index', 'type'),
  ...byType('float', 'value_double', 'double_value', 'sum'),
  ...byType('bool', 'is_monotonic'),
  ...byType('string', 'name', 'version', 'schema_url', 'description', 'unit', 'status.message'),
  ...byType('string', 'severity_text', 'event_name', 'trace_id.string', 'span_id.string'),
  ...byType('string', 'parent_span_id.string', 'kind.string', 'kind.deprecated_string'),
  ...byType('string', 'body.string'),
  ...byType('string; a key is one member', 'trace_state'),
  ...byType('time', 'time', 'start_time', 'end_time', 'observed_time'),
  ...byType('id', 'trace_id', 'span_id', 'parent_span_id'),
  ...byType('map', 'attributes', 'metadata', 'cache', 'filtered_attributes'),
  ...byType('any', 'body'),
  ...byType('list', 'bucket_counts', 'explicit_bounds', 'positive.bucket_counts'),
  ...byType('list', 'negative.bucket_counts'),
  ...byType('messages', 'events', 'links', 'data_points', 'exemplars', 'quantile_values'),
  ...byType('message', 'resource', 'scope', 'instrumentation_scope', 'span', 'metric'),
  ...byType('message', 'status', 'positive', 'negative'),
  ...byType('string, read only', 'otelcol.client.addr'),
  ...byType('map, read only', 'otelcol.client.metadata', 'otelcol.client.auth.attributes'),
  ...byType('map, read only', 'otelcol.grpc.metadata'),
}

function byType(type: string, ...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map(name => [name, type]))
}

const PARAM_TYPES: Readonly<Record<ParamType, string>> = {
  any: 'any',
  string: 'string',
  int: 'int',
  float: 'float',
  bool: 'bool',
  map: 'map',
  list: 'list',
  time: 'time',
  duration: 'duration',
  bytes: 'bytes',
  stringLike: 'string~',
  intLike: 'int~',
  floatLike: 'float~',
  boolLike: 'bool~',
  bytesLike: 'bytes~',
  target: 'path',
  mapTarget: 'map path',
  literalString: 'literal string',
  literalInt: 'literal int',
  literalFloat: 'literal float',
  literalBool: 'literal bool',
  enum: 'enum',
  function: 'converter',
  lambda: 'lambda',
}

export function ottlPage(): string {
  const [language, differences] = ['ottl-language.md', 'ottl-differences.md'].map(name =>
    readFileSync(new URL(name, import.meta.url), 'utf8').trim(),
  )
  return `${[language, functionsText(), contextsText(), limitsText(), differences].join('\n\n')}\n`
}

function functionsText(): string {
  const transform = (context: ContextName) => functionsOf(context, new MetricOutbox())
  const group = (title: string, specs: readonly FunctionSpec[]): string =>
    `### ${title}\n\n${functionTable(specs)}`
  return [
    '## Functions',
    group('Editors', standardFunctions.filter(isEditor)),
    group(
      'Converters',
      standardFunctions.filter(spec => !isEditor(spec)),
    ),
    group('Only in context `span`', contextSpec('span').functions),
    group('Only in the `transform` processor, context `metric`', transform('metric')),
    group('Only in the `transform` processor, context `datapoint`', transform('datapoint')),
    group('Only in the `filter` processor, context `metric`', pointFunctions),
    'The `routing` connector also has the editor `route()`, which does nothing: what stands after `where` decides.',
  ].join('\n\n')
}

function isEditor({ kind }: FunctionSpec): boolean {
  return kind === 'editor'
}

function functionTable(specs: readonly FunctionSpec[]): string {
  const sorted = [...specs].sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1))
  const rows = sorted.map(({ name, params, summary, example }) => {
    const before = example.before === undefined ? '' : `${code(example.before)}: `
    const result =
      example.result === 'nil' && summary !== '' && /^[a-z]/.test(name)
        ? ''
        : ` → ${code(example.result)}`
    const signature = `${name}(${params.map(paramText).join(', ')})`
    return `| ${code(signature)} | ${cell(summary)} | ${before}${code(example.expr)}${result} |`
  })
  return ['| function | what | example |', '|---|---|---|', ...rows].join('\n')
}

function paramText({ name, type, list, optional }: Param): string {
  const plain = PARAM_TYPES[type]
  return `${snakeCase(name)}${optional === true ? '?' : ''}: ${list === true ? `[${plain}]` : plain}`
}

function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
}

function contextsText(): string {
  const names = Object.keys(CONTEXTS) as ContextName[]
  const intro =
    'A path may begin with its context (`span.name`) or, where it is of the own context, without (`name`). Paths of what\nstands around are written with theirs, as listed. `cache` is empty whenever the rules come to the next item.'
  return ['## Contexts', intro, ...names.map(name => contextText(contextSpec(name)))].join('\n\n')
}

function contextText({ name, paths, enums, functions }: ContextSpec): string {
  const isAround = (path: string): boolean =>
    /^(?:resource|scope|instrumentation_scope|span|metric|datapoint|otelcol)(?:\.|$)/.test(path)
  const own = paths.filter(path => !isAround(path))
  const around = paths.filter(isAround)
  const rows = own.map(path => `| ${code(path)} | ${typeOf(path)} |`)
  const symbols = [...enums].map(([symbol, value]) => `${code(symbol)} ${value}`)
  const more = functions.map(({ name: each }) => code(`${each}()`)).join(', ')
  return [
    `### ${code(name)}`,
    CONTEXTS[name],
    ['| path | type |', '|---|---|', ...rows].join('\n'),
    ...(around.length === 0 ? [] : [`Around it: ${around.map(code).join(', ')}.`]),
    ...(symbols.length === 0 ? [] : [`Enums: ${symbols.join(', ')}.`]),
    ...(more === '' ? [] : [`Functions of its own: ${more}.`]),
  ].join('\n\n')
}

function typeOf(path: string): string {
  const type = PATH_TYPES[path]
  if (type === undefined) throw new Error(`scripts/docs/ottl-page.ts has no type for ${path}`)
  return type
}

function limitsText(): string {
  return `## Limits\n\nBeyond them an expression is refused when it is loaded, or an evaluation fails (see error modes).\n\n${limitsTable()}`
}

function code(text: string): string {
  const fence = text.includes('`') ? '``' : '`'
  return `${fence}${cell(text)}${fence}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
