/** Cases of contexts over telemetry: paths read and set, statements and conditions run over the input's items, dropping. */
import assert from 'node:assert/strict'
import type { Part } from '../../../src/core/batch.ts'
import { NO_CONTEXT } from '../../../src/core/batch.ts'
import { Payload } from '../../../src/core/payload.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { REQUEST_MESSAGE } from '../../../src/otlp/schema.ts'
import type { Signal } from '../../../src/otlp/signal.ts'
import { compileCondition, compileStatement, compileValue } from '../../../src/rules/compile.ts'
import type { ContextName, ContextSpec } from '../../../src/rules/context.ts'
import type { Cursor } from '../../../src/rules/contexts/cursor.ts'
import { contextSpec, contextsOf } from '../../../src/rules/contexts/index.ts'
import { materialise } from '../../../src/rules/contexts/materialise.ts'
import { PartEditor } from '../../../src/rules/contexts/part-editor.ts'
import { standardFunctions } from '../../../src/rules/functions/index.ts'
import { type ErrorMode, runSequence, testSequence } from '../../../src/rules/sequence.ts'
import type { Value } from '../../../src/rules/value.ts'
import { OtlpList, OtlpMessage, SpanId, TraceId } from '../../../src/rules/value.ts'
import { decode, encode } from '../../otlp/oracle.ts'
import { hasFunctions } from './ottl-functions.ts'
import { assertSameValue, type OttlCase, readValue } from './ottl-values.ts'

// biome-ignore lint/suspicious/noExplicitAny: JSON of the case file
type Json = any

export interface ContextCase extends OttlCase {
  readonly context: ContextName | 'mixed' | 'test' | Signal
  readonly input?: string
  readonly path?: string
  readonly get?: Json
  readonly set?: Json
  readonly groups?: readonly { context: ContextName; statements: readonly string[] }[]
  readonly conditions?: readonly string[] | Readonly<Record<string, readonly string[]>>
}

export type Inputs = Readonly<Record<string, Json>>

export const contextChecks: Readonly<Record<string, (c: ContextCase, inputs: Inputs) => void>> = {
  path: checkPath,
  statement: checkStatement,
  statements: checkStatements,
  condition: checkCondition,
  conditions: checkConditions,
  'drop-conditions': checkDrops,
  value: checkValue,
}

/** Whether the case can be asked: its context is one of ours and its functions are built. */
export function isContextCase(c: ContextCase): boolean {
  if (contextChecks[c.kind] === undefined || c.context === 'test') return false
  const texts = [c.expr, ...(c.statements ?? []), ...(c.groups ?? []).flatMap(g => g.statements)]
  const conditions = Array.isArray(c.conditions) ? c.conditions : Object.values(c.conditions ?? {})
  const own = contextSpec('span').functions
  return [...texts, ...(conditions.flat() as string[])].every(
    text => text === undefined || hasFunctions(text, own),
  )
}

interface Telemetry {
  readonly signal: Signal
  readonly part: Part
}

const SIGNAL_OF: readonly (readonly [key: string, signal: Signal])[] = [
  ['resourceSpans', 'traces'],
  ['resourceLogs', 'logs'],
  ['resourceMetrics', 'metrics'],
]

const EMPTY_INPUTS: Readonly<Record<Signal, Json>> = {
  traces: { resourceSpans: [{ scopeSpans: [{ spans: [{ events: [{}], links: [{}] }] }] }] },
  logs: { resourceLogs: [{ scopeLogs: [{ logRecords: [{}] }] }] },
  metrics: {
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ gauge: { dataPoints: [{}] } }] }] }],
  },
}

export function telemetryOf(json: Json): Telemetry {
  const signal = SIGNAL_OF.find(([key]) => key in json)?.[1] ?? 'traces'
  const bytes = bytesOf(signal, json)
  const index = indexRequest(signal, bytes)
  if (isWireFault(index)) throw new Error(index.fault)
  const part = { payload: new Payload(bytes), index, selection: null, edits: null }
  return { signal, part: { ...part, items: index.items } }
}

function bytesOf(signal: Signal, json: Json): Uint8Array {
  const bytes = decodeJson(signal, Buffer.from(JSON.stringify(json)))
  if (!(bytes instanceof Uint8Array)) throw new Error(bytes.message)
  return bytes
}

function inputOf(c: ContextCase, inputs: Inputs): Telemetry {
  const signal = signalOf(c.context)
  return telemetryOf(c.input === undefined ? EMPTY_INPUTS[signal] : inputs[c.input])
}

function signalOf(context: ContextCase['context']): Signal {
  if (context === 'log' || context === 'logs') return 'logs'
  return ['metric', 'metrics', 'datapoint', 'exemplar'].includes(context) ? 'metrics' : 'traces'
}

function options(context: ContextSpec) {
  return { context, functions: standardFunctions }
}

/** Runs a pass over the part and gives the part as it is then. */
function pass(t: Telemetry, work: (editor: PartEditor) => void): Telemetry {
  const editor = new PartEditor(t.signal)
  editor.open(t.part, NO_CONTEXT)
  work(editor)
  return { signal: t.signal, part: materialise({ ...t.part, ...editor.finish() }) }
}

export function assertTelemetry(actual: Telemetry, expected: Json): void {
  const name = REQUEST_MESSAGE[actual.signal]
  const bytes = flatten(encodeParts([actual.part]))
  assert.deepEqual(
    canonical(decode(name, bytes)),
    canonical(decode(name, bytesOf(actual.signal, expected))),
  )
}

function assertUntouched(after: Telemetry, before: Telemetry): void {
  const [actual, expected] = [after, before].map(t => Buffer.from(flatten(encodeParts([t.part]))))
  assert.ok(actual.equals(expected), 'the part was edited')
}

/** Attribute order does not matter, and a message without fields is as good as none. */
function canonical(json: Json): Json {
  if (Buffer.isBuffer(json) || json instanceof Uint8Array) return Buffer.from(json).toString('hex')
  if (Array.isArray(json)) {
    const items = json.map(canonical)
    const isMap = items.length > 0 && items.every(item => item !== null && 'key' in Object(item))
    return isMap ? items.sort((a, b) => (a.key < b.key ? -1 : 1)) : items
  }
  if (json === null || typeof json !== 'object') return json
  const fields = Object.entries(json).map(([key, value]) => [key, canonical(value)] as const)
  const isPlainEmpty = (key: string, value: Json) =>
    ['resource', 'scope', 'status', 'body', 'value', 'positive', 'negative'].includes(key) &&
    JSON.stringify(value) === '{}'
  return Object.fromEntries(fields.filter(([key, value]) => !isPlainEmpty(key, value)))
}

const MESSAGE_NAMES: Readonly<Record<string, string>> = {
  QV: 'ValueAtQuantile',
  SpanEvent: 'Event',
  SpanLink: 'Link',
}

const METRIC_TYPES = ['Empty', 'Gauge', 'Sum', 'Histogram', 'ExponentialHistogram', 'Summary']

/** Values of cases, with messages and with what the context's own types make of plain ones. */
function readTyped(json: Json, like: Value): Value {
  if (json !== null && typeof json === 'object' && 'otlp' in json) return readMessage(json)
  if (typeof json === 'string' && METRIC_TYPES.includes(json) && typeof like === 'bigint') {
    return BigInt(METRIC_TYPES.indexOf(json))
  }
  return readValue(json)
}

function readMessage({ otlp, data }: Json): Value {
  const isList = otlp.endsWith('[]')
  const short = isList ? otlp.slice(0, -2) : otlp
  const type = MESSAGE_NAMES[short] ?? short
  if (!isList) return new OtlpMessage(type, encode(type, unhex(data)))
  return new OtlpList(
    type,
    data.map((item: Json) => encode(type, unhex(item))),
  )
}

/** Ids are hex in OTLP/JSON; protobufjs reads base64. */
function unhex(json: Json): Json {
  if (Array.isArray(json)) return json.map(unhex)
  if (json === null || typeof json !== 'object') return json
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [
      key,
      /Id$/.test(key) ? Buffer.from(value as string, 'hex') : unhex(value),
    ]),
  )
}

function assertTyped(actual: Value, expected: Value): void {
  if (expected instanceof OtlpMessage && actual instanceof OtlpMessage) {
    assert.equal(actual.type, expected.type)
    const { events: _, ...fields } = decode(actual.type, actual.bytes)
    assert.deepEqual(canonical(fields), canonical(decode(expected.type, expected.bytes)))
  } else if (expected instanceof OtlpList && actual instanceof OtlpList) {
    assert.equal(actual.type, expected.type)
    assert.equal(actual.items.length, expected.items.length)
    for (const [i, item] of expected.items.entries()) {
      assertTyped(
        new OtlpMessage(actual.type, actual.items[i]),
        new OtlpMessage(expected.type, item),
      )
    }
  } else assertSameValue(actual, expected)
}

function checkPath(c: ContextCase, inputs: Inputs): void {
  const context = contextSpec(c.context as ContextName)
  const get = compileValue(c.path!, options(context))
  const set = targetOf(c.path!, context)
  const input = telemetryOf(withEvent(inputs[c.input!]))
  let cache: unknown
  let visited = 0
  const after = pass(input, editor => {
    editor.each(context.name, scope => {
      if (visited++ > 0) return
      const value = get.get(scope)
      assertTyped(value, readTyped(c.get, value))
      if (c.set !== undefined) set(scope, asStored(readTyped(c.set, value), value))
      cache = scope.cache
    })
  })
  assert.ok(visited > 0, 'the cursor came to nothing')
  if (c.expect.cache !== undefined) assert.deepEqual(cache, readValue(c.expect.cache))
  const { output } = c.expect
  if (output === 'unchanged') assertUntouched(after, input)
  else if (output !== undefined) {
    assertTelemetry(after, c.path === 'span' ? output : withEvent(output))
  }
}

/** The reference's tests hold the event of a span event apart from its span; here it stands in it. */
function withEvent(json: Json): Json {
  if (json.$spanevent === undefined) return json
  const copy = structuredClone(json)
  delete copy.$spanevent
  copy.resourceSpans[0].scopeSpans[0].spans[0].events = [json.$spanevent]
  return copy
}

function asStored(value: Value, like: Value): Value {
  if (like instanceof TraceId) return new TraceId(value as Uint8Array)
  return like instanceof SpanId ? new SpanId(value as Uint8Array) : value
}

/** The setter behind a path, taken through an editor of our own. */
function targetOf(path: string, context: ContextSpec): (scope: Cursor, value: Value) => void {
  let put: Value = null
  const statement = compileStatement(`put(${path})`, {
    context,
    functions: [
      {
        name: 'put',
        kind: 'editor',
        params: [{ name: 'Target', type: 'target' }],
        summary: '',
        example: { expr: '', result: '' },
        make:
          ([target]) =>
          scope => {
            target.set(scope, put)
            return null
          },
      },
    ],
  })
  return (scope, value) => {
    put = value
    statement.run(scope)
  }
}

function checkStatement(c: ContextCase, inputs: Inputs): void {
  const input = inputOf(c, inputs)
  const run = () =>
    runGroup(input, { context: c.context as ContextName, statements: [c.expr] }, 'propagate')
  if (c.expect.error === true) {
    const contains: string = c.expect.messageContains ?? ''
    assert.throws(run, (error: Error) => error.message.includes(contains))
    return
  }
  const after = run()
  if (c.expect.unchanged === true) assertUntouched(after, input)
  else assertTelemetry(after, c.expect.output)
}

function runGroup(
  input: Telemetry,
  group: { context: ContextName; statements: readonly string[] },
  errorMode: ErrorMode,
): Telemetry {
  const context = contextSpec(group.context)
  const statements = group.statements.map(text => compileStatement(text, options(context)))
  return pass(input, editor => {
    editor.each(group.context, scope => {
      runSequence(statements, scope, { errorMode, onError: () => {} })
    })
  })
}

function checkStatements(c: ContextCase, inputs: Inputs): void {
  let telemetry = inputOf(c, inputs)
  for (const group of c.groups ?? []) {
    telemetry = runGroup(telemetry, group, (c.errorMode ?? 'ignore') as ErrorMode)
  }
  if (c.expect.unchanged === true) assertUntouched(telemetry, inputOf(c, inputs))
  else assertTelemetry(telemetry, c.expect.output)
}

function checkConditions(c: ContextCase, inputs: Inputs): void {
  const context = contextSpec(c.context as ContextName)
  const texts = c.conditions as readonly string[]
  const conditions = texts.map(text => compileCondition(text, options(context)))
  const results: boolean[] = []
  pass(inputOf(c, inputs), editor => {
    editor.each(context.name, scope => {
      const errorMode = (c.errorMode ?? 'ignore') as ErrorMode
      const join = (c.join ?? 'or') as 'and' | 'or'
      results.push(testSequence(conditions, join, scope, { errorMode, onError: () => {} }))
    })
  })
  assert.equal(results[0], c.expect.value)
}

function checkCondition(c: ContextCase, inputs: Inputs): void {
  checkConditions({ ...c, conditions: [c.expr] }, inputs)
}

function checkValue(c: ContextCase, inputs: Inputs): void {
  const context = contextSpec(c.context as ContextName)
  const values: Value[] = []
  const run = () => {
    const { get } = compileValue(c.expr, options(context))
    pass(inputOf(c, inputs), editor => {
      editor.each(context.name, scope => values.push(get(scope)))
    })
  }
  if (c.expect.error === true) assert.throws(run, Error)
  else {
    run()
    assertTyped(values[0], readTyped(c.expect.value, values[0]))
  }
}

/** As the filter processor goes: outer contexts first, each item dropped where any condition holds. */
function checkDrops(c: ContextCase, inputs: Inputs): void {
  const input = inputOf(c, inputs)
  const byContext = c.conditions as Readonly<Record<string, readonly string[]>>
  const errorMode = (c.errorMode ?? 'ignore') as ErrorMode
  const after = pass(input, editor => {
    for (const name of contextsOf(input.signal)) {
      const context = contextSpec(name)
      const conditions = (byContext[name] ?? []).map(t => compileCondition(t, options(context)))
      if (conditions.length === 0) continue
      editor.each(name, scope => {
        const isDropped = testSequence(conditions, 'or', scope, { errorMode, onError: () => {} })
        if (isDropped) editor.drop(scope)
      })
    }
  })
  if (c.expect.dropAll === true) assert.equal(after.part.items, 0)
  else if (c.expect.unchanged === true) assertUntouched(after, input)
  else assertTelemetry(after, c.expect.output)
}
