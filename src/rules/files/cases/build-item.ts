/** One item of the short notation to an export request in bytes, by way of OTLP/JSON. What is not written gets fixed values. */
import type { Problem } from '../../../config/problems.ts'
import { nodeAt, type Path, problemAt, type Tree } from '../../../config/tree.ts'
import type { Signal } from '../../../core/signal.ts'
import { decodeJson } from '../../../otlp/json/decode.ts'
import { isJsonFault } from '../../../otlp/json/fault.ts'
import { parseDuration } from '../../../util/duration.ts'
import {
  attributesJson,
  doubleJson,
  integerText,
  isInteger,
  type Json,
  type JsonObject,
  textOf,
  valueJson,
} from './item-value.ts'
import { type METRIC_TYPES, SPAN_KINDS } from './schema.ts'
import { severityNumber } from './severity.ts'

export interface BuiltItem {
  readonly signal: Signal
  /** One export request. */
  readonly bytes: Uint8Array
}

const STATUS_CODES = ['UNSET', 'OK', 'ERROR']
const TRACE_ID = '0102030405060708090a0b0c0d0e0f10'
const SPAN_ID = '0102030405060708'
/** 2026-01-01T00:00:00Z */
const START_NANOS = 1_767_225_600_000_000_000n
const SPAN_NANOS = 1_000_000n

/** `tree` has passed the schema. Undefined when something is wrong with it still; what, is added to `problems`. */
export function buildItem(tree: Tree, problems: Problem[], path: Path = []): BuiltItem | undefined {
  const kinds = (['span', 'log', 'metric'] as const).filter(
    kind => nodeAt(tree, [kind]) !== undefined,
  )
  if (kinds.length !== 1) {
    const message = kinds.length === 0 ? 'has no item' : `has ${kinds.join(' and ')}`
    problems.push(problemAt(tree.at, { path, message, expected: 'one of span, log and metric' }))
    return undefined
  }
  const builder = new ItemBuilder(problems, path)
  const before = problems.length
  const [signal, request] = builder.request(tree, kinds[0])
  if (problems.length > before) return undefined
  const bytes = decodeJson(signal, Buffer.from(JSON.stringify(request)))
  if (!isJsonFault(bytes)) return { signal, bytes }
  problems.push(problemAt(tree.at, { path, message: bytes.message }))
  return undefined
}

class ItemBuilder {
  readonly #problems: Problem[]
  readonly #path: Path

  constructor(problems: Problem[], path: Path) {
    this.#problems = problems
    this.#path = path
  }

  request(tree: Tree, kind: 'span' | 'log' | 'metric'): [Signal, JsonObject] {
    const resource = { attributes: attributesJson(nodeAt(tree, ['resource'])) }
    const item = nodeAt(tree, [kind])!
    const scope = nodeAt(tree, ['scope'])
    const around = (list: string, scopes: string, items: string, each: Json): JsonObject => ({
      [list]: [{ resource, [scopes]: [{ ...this.#scope(scope), [items]: [each] }] }],
    })
    if (kind === 'span') {
      return ['traces', around('resourceSpans', 'scopeSpans', 'spans', this.#span(item))]
    }
    if (kind === 'log') {
      return ['logs', around('resourceLogs', 'scopeLogs', 'logRecords', this.#log(item))]
    }
    return ['metrics', around('resourceMetrics', 'scopeMetrics', 'metrics', this.#metric(item))]
  }

  #scope(tree: Tree | undefined): JsonObject {
    if (tree === undefined) return {}
    const { name, version } = this.#texts(tree, { name: 'name', version: 'version' })
    const schemaUrl = this.#texts(tree, { schema_url: 'schemaUrl' })
    const attributes = attributesJson(nodeAt(tree, ['attributes']))
    return { scope: { name: name ?? '', version: version ?? '', attributes }, ...schemaUrl }
  }

  #span(tree: Tree): JsonObject {
    const start = this.#time(tree, 'start') ?? START_NANOS
    const kind = this.#scalar(tree, 'kind')
    const duration = this.#scalar(tree, 'duration')
    return {
      traceId: TRACE_ID,
      spanId: SPAN_ID,
      ...this.#texts(tree, { name: 'name', trace_state: 'traceState' }),
      ...this.#ids(tree),
      ...this.#numbers(tree, { flags: 'flags' }),
      kind: kind === undefined ? 0 : SPAN_KINDS.indexOf(kind as (typeof SPAN_KINDS)[number]),
      startTimeUnixNano: String(start),
      endTimeUnixNano: String(start + this.#nanos(tree, duration)),
      attributes: attributesJson(nodeAt(tree, ['attributes'])),
      ...this.#status(nodeAt(tree, ['status'])),
      events: this.#each(tree, 'events', event => ({
        ...this.#texts(event, { name: 'name' }),
        timeUnixNano: String(this.#time(event, 'time') ?? start),
        attributes: attributesJson(nodeAt(event, ['attributes'])),
      })),
      links: this.#each(tree, 'links', link => ({
        ...this.#texts(link, { trace_state: 'traceState' }),
        ...this.#ids(link),
        attributes: attributesJson(nodeAt(link, ['attributes'])),
      })),
    }
  }

  #status(tree: Tree | undefined): JsonObject {
    if (tree === undefined) return {}
    if (tree.kind === 'scalar') return { status: { code: STATUS_CODES.indexOf(textOf(tree)) } }
    const code = STATUS_CODES.indexOf(String(this.#scalar(tree, 'code')))
    return { status: { code, ...this.#texts(tree, { message: 'message' }) } }
  }

  #log(tree: Tree): JsonObject {
    const body = nodeAt(tree, ['body'])
    const time = String(this.#time(tree, 'time') ?? START_NANOS)
    const severity = this.#scalar(tree, 'severity')
    const number = severity === undefined ? 0 : severityNumber(severity)
    if (number === undefined) {
      this.#say(nodeAt(tree, ['severity'])!, 'is no severity', 'INFO, WARN2, ERROR or a number')
    }
    return {
      timeUnixNano: time,
      observedTimeUnixNano: time,
      severityNumber: number ?? 0,
      ...(typeof severity === 'string' ? { severityText: severity } : {}),
      ...this.#texts(tree, { severity_text: 'severityText', event_name: 'eventName' }),
      ...this.#ids(tree),
      ...this.#numbers(tree, { flags: 'flags' }),
      ...(body === undefined ? {} : { body: valueJson(body) }),
      attributes: attributesJson(nodeAt(tree, ['attributes'])),
    }
  }

  #metric(tree: Tree): JsonObject {
    const type = (this.#scalar(tree, 'type') ?? 'gauge') as (typeof METRIC_TYPES)[number]
    const points = nodeAt(tree, ['points'])
    const list = points?.kind === 'list' ? points.items : [tree]
    const dataPoints = list.map(point => this.#point(point, type))
    const temporality = this.#scalar(tree, 'temporality') === 'delta' ? 1 : 2
    const monotonic = this.#scalar(tree, 'monotonic')
    const isMonotonic = typeof monotonic === 'boolean' ? monotonic : true
    const data: Readonly<Record<(typeof METRIC_TYPES)[number], JsonObject>> = {
      gauge: { gauge: { dataPoints } },
      sum: { sum: { dataPoints, aggregationTemporality: temporality, isMonotonic } },
      histogram: { histogram: { dataPoints, aggregationTemporality: temporality } },
      exponential_histogram: {
        exponentialHistogram: { dataPoints, aggregationTemporality: temporality },
      },
      summary: { summary: { dataPoints } },
    }
    const texts = { name: 'name', description: 'description', unit: 'unit' }
    return { ...this.#texts(tree, texts), ...data[type] }
  }

  #point(tree: Tree, type: (typeof METRIC_TYPES)[number]): JsonObject {
    const start = this.#time(tree, 'start')
    const common = {
      timeUnixNano: String(this.#time(tree, 'time') ?? START_NANOS),
      ...(start === undefined ? {} : { startTimeUnixNano: String(start) }),
      ...this.#numbers(tree, { flags: 'flags' }),
      attributes: attributesJson(nodeAt(tree, ['attributes'])),
    }
    if (type === 'gauge' || type === 'sum') return { ...common, ...this.#numberValue(tree) }
    const { count, ...sums } = this.#numbers(tree, {
      count: 'count',
      sum: 'sum',
      min: 'min',
      max: 'max',
      scale: 'scale',
      zero_count: 'zeroCount',
    })
    const counted = { ...common, ...sums, count: String(count ?? 0) }
    if (type === 'summary') return { ...counted, quantileValues: this.#quantiles(tree) }
    const buckets = this.#list(tree, 'buckets').map(String)
    if (type === 'exponential_histogram') {
      return { ...counted, positive: { offset: 0, bucketCounts: buckets } }
    }
    return { ...counted, bucketCounts: buckets, explicitBounds: this.#list(tree, 'bounds') }
  }

  #numberValue(tree: Tree): JsonObject {
    const value = nodeAt(tree, ['value'])
    if (value?.kind !== 'scalar') return {}
    return isInteger(value)
      ? { asInt: integerText(value) }
      : { asDouble: doubleJson(Number(value.value)) }
  }

  #quantiles(tree: Tree): Json[] {
    const quantiles = nodeAt(tree, ['quantiles'])
    if (quantiles?.kind !== 'map') return []
    return [...quantiles.entries].map(([quantile, { value }]) => ({
      quantile: Number(quantile),
      value: value.kind === 'scalar' ? Number(value.value) : 0,
    }))
  }

  #list(tree: Tree, key: string): Json[] {
    const list = nodeAt(tree, [key])
    if (list?.kind !== 'list') return []
    return list.items.map(item => (item.kind === 'scalar' ? item.value : null))
  }

  #each(tree: Tree, key: string, build: (item: Tree) => JsonObject): Json[] {
    const list = nodeAt(tree, [key])
    return list?.kind === 'list' ? list.items.map(build) : []
  }

  #ids(tree: Tree): JsonObject {
    const keys = { trace_id: 'traceId', span_id: 'spanId', parent_span_id: 'parentSpanId' }
    const ids = this.#texts(tree, keys)
    for (const [key, name] of Object.entries(keys)) {
      const digits = key === 'trace_id' ? 32 : 16
      const text = ids[name]
      if (typeof text !== 'string' || text === '') continue
      if (text.length !== digits || !/^[0-9a-fA-F]+$/.test(text)) {
        this.#say(nodeAt(tree, [key])!, 'is no id', `${digits} hexadecimal digits`)
      }
    }
    return ids
  }

  #texts(tree: Tree, names: Readonly<Record<string, string>>): JsonObject {
    return this.#collect(tree, names, textOf)
  }

  #numbers(tree: Tree, names: Readonly<Record<string, string>>): JsonObject {
    return this.#collect(tree, names, ({ value }) => doubleJson(Number(value)))
  }

  #collect(
    tree: Tree,
    names: Readonly<Record<string, string>>,
    read: (scalar: Tree & { kind: 'scalar' }) => Json,
  ): JsonObject {
    const found: JsonObject = {}
    for (const [key, name] of Object.entries(names)) {
      const node = nodeAt(tree, [key])
      if (node?.kind === 'scalar' && node.value !== null) found[name] = read(node)
    }
    return found
  }

  #scalar(tree: Tree, key: string): string | number | boolean | undefined {
    const node = nodeAt(tree, [key])
    return node?.kind === 'scalar' ? (node.value ?? undefined) : undefined
  }

  #nanos(tree: Tree, duration: unknown): bigint {
    if (duration === undefined) return SPAN_NANOS
    const ms = parseDuration(String(duration))
    if (ms !== undefined) return BigInt(Math.round(ms * 1e6))
    this.#say(nodeAt(tree, ['duration'])!, 'is not a duration', 'a number with a unit, 250ms')
    return 0n
  }

  #time(tree: Tree, key: string): bigint | undefined {
    const node = nodeAt(tree, [key])
    if (node?.kind !== 'scalar' || node.value === null) return undefined
    const text = textOf(node)
    if (/^\d{1,20}$/.test(text)) return BigInt(text)
    const match = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(
      text,
    )
    const ms = match === null ? Number.NaN : Date.parse(`${match[1].replace(' ', 'T')}${match[3]}`)
    if (!Number.isNaN(ms)) return BigInt(ms) * 1_000_000n + BigInt((match![2] ?? '').padEnd(9, '0'))
    this.#say(node, 'is not a time', '2026-01-31T10:00:00Z or nanoseconds since 1970')
    return undefined
  }

  #say(tree: Tree, message: string, expected: string): void {
    this.#problems.push(problemAt(tree.at, { path: this.#path, message, expected }))
  }
}
