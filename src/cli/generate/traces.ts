/** Trace trees through the invented shop, and log records of the spans in them, as the SDK's serializers take them. */
import {
  type Attributes,
  CLIENT,
  CONSUMER,
  type Described,
  describeBackend,
  describeCall,
  describeServed,
} from './descriptions.ts'
import type { Random } from './random.ts'
import { resourceOf, type SdkResource } from './resources.ts'
import { BACKENDS, ENTRIES, SERVICES, type Service } from './shop.ts'

/** Seconds and nanoseconds, as the SDK has times. */
export type HrTime = [number, number]

export interface SdkContext {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
  readonly isRemote: boolean
}

/** What the serializer reads of a finished span. */
export interface SdkSpan {
  readonly name: string
  /** The API's numbering, one below the protocol's. */
  readonly kind: number
  spanContext(): SdkContext
  readonly parentSpanContext: SdkContext | undefined
  readonly startTime: HrTime
  readonly endTime: HrTime
  readonly status: { readonly code: number; readonly message?: string }
  readonly attributes: Attributes
  readonly links: readonly { readonly context: SdkContext; readonly attributes: Attributes }[]
  readonly events: readonly {
    readonly name: string
    readonly time: HrTime
    readonly attributes: Attributes
    readonly droppedAttributesCount: number
  }[]
  readonly droppedAttributesCount: number
  readonly droppedEventsCount: number
  readonly droppedLinksCount: number
  readonly resource: SdkResource
  readonly instrumentationScope: { readonly name: string; readonly version: string }
}

export interface SdkLogRecord {
  readonly hrTime: HrTime
  readonly hrTimeObserved: HrTime
  readonly spanContext: SdkContext
  readonly severityText: string
  readonly severityNumber: number
  readonly body: string
  readonly attributes: Attributes
  readonly droppedAttributesCount: number
  readonly resource: SdkResource
  readonly instrumentationScope: { readonly name: string; readonly version: string }
}

/** All templates happen just before this moment; stamping moves them to the present. */
export const TEMPLATE_EPOCH_MS = Date.UTC(2026, 0, 1)

const OK_OR_UNSET = 0
const FAILED = 2

const SCOPES = new Map(
  SERVICES.map(({ name, scope }) => [name, { name: scope, version: '1.30.0' }] as const),
)

interface Trace {
  readonly random: Random
  readonly traceId: string
  readonly spans: SdkSpan[]
  /** Most spans to make; a tree that would be larger is cut at its leaves. */
  readonly limit: number
}

/** Exactly so many spans, in whole traces except that the last one may lack leaves. Parents come before children. */
export function makeSpans(random: Random, count: number): SdkSpan[] {
  const spans: SdkSpan[] = []
  while (spans.length < count) {
    const trace = { random, traceId: random.hex(32), spans, limit: count }
    const startMs = TEMPLATE_EPOCH_MS - 3000 + random.next() * 2000
    addServed(trace, pickEntry(random), startMs, undefined)
  }
  return spans
}

/** A log record for every one of the spans that has something to say, again and again until there are enough. */
export function makeLogs(random: Random, spans: readonly SdkSpan[], count: number): SdkLogRecord[] {
  const logs: SdkLogRecord[] = []
  while (logs.length < count) logs.push(logOf(random, spans[logs.length % spans.length]))
  return logs
}

function pickEntry(random: Random): string {
  let at = random.next() * ENTRIES.reduce((sum, { weight }) => sum + weight, 0)
  for (const { to, weight } of ENTRIES) if ((at -= weight) < 0) return to
  return ENTRIES[0].to
}

interface Opened {
  readonly context: SdkContext
  readonly endMs: number
  readonly failed: boolean
}

/** The server's span of a call and everything below it. */
function addServed(
  trace: Trace,
  target: string,
  startMs: number,
  parent: SdkContext | undefined,
): Opened {
  const { random } = trace
  const [serviceName, operationName] = target.split('/')
  const service = SERVICES.find(({ name }) => name === serviceName)!
  const operation = service.operations[operationName]
  const resource = resourceOf(service, random.below(service.instances))
  const context = newContext(trace, false)
  const at = trace.spans.length
  // Held for the parent, whose end is known only after its children.
  trace.spans.push(undefined as unknown as SdkSpan)
  let nowMs = startMs + random.lognormal(operation.medianMs, 0.5) / 2
  let failed = random.chance(operation.errorRate)
  for (const { to, times } of operation.calls) {
    const calls = times < 1 ? Number(random.chance(times)) : times
    for (let i = 0; i < calls && trace.spans.length < trace.limit; i++) {
      const call = addCall(trace, { service, resource, to, startMs: nowMs, parent: context })
      nowMs = call.endMs + 0.1
      failed ||= call.failed && random.chance(0.7)
    }
  }
  const endMs = nowMs + random.lognormal(operation.medianMs, 0.5) / 2
  const remote = parent === undefined ? undefined : { ...parent, isRemote: true }
  const described = describeServed(random, operation, failed)
  const around = { service, resource, context, parent: remote, startMs, endMs }
  trace.spans[at] = makeSpan({ ...around, ...described, failed })
  return { context, endMs, failed }
}

interface CallSite {
  readonly service: Service
  readonly resource: SdkResource
  readonly to: string
  readonly startMs: number
  readonly parent: SdkContext
}

/** The caller's span of a call, and the callee's below it if the callee has telemetry. */
function addCall(trace: Trace, site: CallSite): Opened {
  const { random } = trace
  const { service, resource, to, startMs, parent } = site
  const context = newContext(trace, false)
  const at = trace.spans.length
  trace.spans.push(undefined as unknown as SdkSpan)
  const backend = BACKENDS[to]
  const around = { service, resource, context, parent, startMs }
  if (backend !== undefined) {
    const endMs = startMs + random.lognormal(backend.medianMs, 0.6)
    const failed = random.chance(backend.errorRate)
    trace.spans[at] = makeSpan({ ...around, endMs, failed, ...describeBackend(backend) })
    return { context, endMs, failed }
  }
  const served =
    trace.spans.length < trace.limit
      ? addServed(trace, to, startMs + 0.3, context)
      : { endMs: startMs + 1, failed: false }
  const endMs = served.endMs + 0.3
  trace.spans[at] = makeSpan({ ...around, endMs, failed: served.failed, ...describeCall(to) })
  return { context, endMs, failed: served.failed }
}

function newContext(trace: Trace, isRemote: boolean): SdkContext {
  return { traceId: trace.traceId, spanId: trace.random.hex(16), traceFlags: 1, isRemote }
}

interface SpanParts extends Described {
  readonly service: Service
  readonly resource: SdkResource
  readonly context: SdkContext
  readonly parent: SdkContext | undefined
  readonly startMs: number
  readonly endMs: number
  readonly failed: boolean
}

function makeSpan(parts: SpanParts): SdkSpan {
  const { service, resource, context, parent, startMs, endMs, failed, name, kind } = parts
  const attributes = failed ? { ...parts.attributes, 'error.type': 'timeout' } : parts.attributes
  return {
    name,
    kind,
    spanContext: () => context,
    parentSpanContext: parent,
    startTime: hrTime(startMs),
    endTime: hrTime(endMs),
    status: failed ? { code: FAILED, message: `${name} failed` } : { code: OK_OR_UNSET },
    attributes,
    links: kind === CONSUMER && parent !== undefined ? [{ context: parent, attributes: {} }] : [],
    events: failed ? [exceptionEvent(endMs)] : [],
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
    resource,
    instrumentationScope: SCOPES.get(service.name)!,
  }
}

function exceptionEvent(endMs: number): SdkSpan['events'][number] {
  return {
    name: 'exception',
    time: hrTime(endMs - 0.05),
    attributes: {
      'exception.type': 'TimeoutError',
      'exception.message': 'the operation did not complete in time',
      'exception.stacktrace':
        'TimeoutError: the operation did not complete in time\n    at call (client.js:88:15)',
    },
    droppedAttributesCount: 0,
  }
}

function logOf(random: Random, span: SdkSpan): SdkLogRecord {
  const failed = span.status.code === FAILED
  const debug = span.kind === CLIENT
  const [severityText, severityNumber] = failed
    ? (['ERROR', 17] as const)
    : debug
      ? (['DEBUG', 5] as const)
      : (['INFO', 9] as const)
  const [seconds, nanos] = span.endTime
  return {
    hrTime: span.endTime,
    hrTimeObserved: [seconds, Math.min(999_999_999, nanos + 20_000)],
    spanContext: span.spanContext(),
    severityText,
    severityNumber,
    body: failed ? `${span.name} failed: TimeoutError` : `${span.name} done`,
    attributes: {
      'log.logger': span.instrumentationScope.name,
      'thread.name': `worker-${random.below(16)}`,
      'order.customer': random.below(100_000),
    },
    droppedAttributesCount: 0,
    resource: span.resource,
    instrumentationScope: span.instrumentationScope,
  }
}

export function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6))]
}
