/** Contexts over requests decoded by protobufjs: they share no code with the product's, so they can judge predicates. */
import type {
  ContextSpec,
  PathSegment,
  ResolvedPath,
  SlotPath,
} from '../../../src/rules/context.ts'
import type { Value } from '../../../src/rules/value.ts'
import { EvaluationError } from '../../../src/rules/value.ts'
import type { Model } from '../../otlp/request-models.ts'

/** Where the general evaluation stands. */
export interface NaiveScope {
  readonly item: Model
  readonly scope: Model
  readonly resource: Model
}

type Read = (scope: NaiveScope) => Value

interface NaivePath {
  readonly read: Read
  readonly slot: SlotPath
  /** The path is a map, and this its key. */
  readonly key?: true
}

const attributes =
  (from: (scope: NaiveScope) => Model): Read =>
  scope =>
    mapOf(from(scope)?.attributes)
const text =
  (name: string): Read =>
  ({ item }) =>
    item[name] ?? ''
const integer =
  (name: string): Read =>
  ({ item }) =>
    BigInt.asIntN(64, BigInt(item[name] ?? 0))
const field = (as: SlotPath['as'], ...path: string[]): SlotPath => ({ level: 'item', path, as })

const AROUND: Readonly<Record<string, NaivePath>> = {
  'resource.attributes': {
    read: attributes(({ resource }) => resource.resource),
    slot: { level: 'resource', path: ['resource', 'attributes'], as: 'value' },
    key: true,
  },
  'scope.attributes': {
    read: attributes(({ scope }) => scope.scope),
    slot: { level: 'scope', path: ['scope', 'attributes'], as: 'value' },
    key: true,
  },
  'scope.name': {
    read: ({ scope }) => scope.scope?.name ?? '',
    slot: { level: 'scope', path: ['scope', 'name'], as: 'text' },
  },
}

const PATHS: Readonly<Record<'span' | 'log' | 'datapoint', Readonly<Record<string, NaivePath>>>> = {
  span: {
    ...AROUND,
    attributes: {
      read: attributes(({ item }) => item),
      slot: field('value', 'attributes'),
      key: true,
    },
    name: { read: text('name'), slot: field('text', 'name') },
    trace_state: { read: text('traceState'), slot: field('text', 'traceState') },
    kind: { read: integer('kind'), slot: field('int', 'kind') },
    start_time_unix_nano: {
      read: integer('startTimeUnixNano'),
      slot: field('int', 'startTimeUnixNano'),
    },
    'status.code': {
      read: ({ item }) => BigInt(item.status?.code ?? 0),
      slot: field('int', 'status', 'code'),
    },
    'status.message': {
      read: ({ item }) => item.status?.message ?? '',
      slot: field('text', 'status', 'message'),
    },
  },
  log: {
    ...AROUND,
    attributes: {
      read: attributes(({ item }) => item),
      slot: field('value', 'attributes'),
      key: true,
    },
    severity_number: { read: integer('severityNumber'), slot: field('int', 'severityNumber') },
    severity_text: { read: text('severityText'), slot: field('text', 'severityText') },
    body: { read: ({ item }) => readValue(item.body), slot: field('value', 'body') },
  },
  datapoint: {
    ...AROUND,
    attributes: {
      read: attributes(({ item }) => item),
      slot: field('value', 'attributes'),
      key: true,
    },
    flags: { read: integer('flags'), slot: field('int', 'flags') },
    time_unix_nano: { read: integer('timeUnixNano'), slot: field('int', 'timeUnixNano') },
  },
}

export function naiveContext(name: keyof typeof PATHS): ContextSpec {
  const paths = PATHS[name]
  return {
    name,
    paths: Object.keys(paths),
    enums: new Map([
      ['STATUS_CODE_ERROR', 2n],
      ['SPAN_KIND_SERVER', 2n],
      ['SEVERITY_NUMBER_ERROR', 17n],
    ]),
    functions: [],
    resolve: segments => resolve(paths, segments),
  }
}

function resolve(
  paths: Readonly<Record<string, NaivePath>>,
  segments: readonly PathSegment[],
): ResolvedPath | undefined {
  const path = paths[segments.map(segment => segment.name).join('.')]
  if (path === undefined) return undefined
  const set = () => {
    throw new EvaluationError('read only')
  }
  const [key, ...rest] = segments.flatMap(segment => segment.keys)
  if (key === undefined) {
    return {
      get: scope => path.read(scope as NaiveScope),
      set,
      slot: path.key ? undefined : path.slot,
    }
  }
  if (key.kind !== 'string' || rest.length > 0 || !path.key) throw new Error('no such key')
  const get = (scope: unknown) =>
    (path.read(scope as NaiveScope) as ReadonlyMap<string, Value>).get(key.value) ?? null
  return { get, set, slot: { ...path.slot, key: key.value } }
}

/** The first of several equal keys. */
function mapOf(pairs: readonly Model[] = []): ReadonlyMap<string, Value> {
  const map = new Map<string, Value>()
  for (const { key = '', value } of pairs) if (!map.has(key)) map.set(key, readValue(value))
  return map
}

function readValue(value: Model | undefined): Value {
  const [name, content] = Object.entries(value ?? {})[0] ?? ['empty']
  if (name === 'intValue') return BigInt(content as string)
  if (name === 'arrayValue') return ((content as Model).values ?? []).map(readValue)
  if (name === 'kvlistValue') return mapOf((content as Model).values)
  if (name === 'bytesValue') return Uint8Array.from(content as Buffer)
  return name === 'empty' || name === 'stringValueStrindex' ? null : (content as Value)
}
