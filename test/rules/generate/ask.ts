/** Puts a question to the reference's own implementation and to ours, with the answers in one notation. */
import { spawnSync } from 'node:child_process'
import { NO_CONTEXT } from '../../../src/core/batch.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { REQUEST_MESSAGE } from '../../../src/otlp/schema.ts'
import type { Signal } from '../../../src/otlp/signal.ts'
import { compileCondition, compileStatement, compileValue } from '../../../src/rules/compile.ts'
import type { ContextName } from '../../../src/rules/context.ts'
import type { Cursor } from '../../../src/rules/contexts/cursor.ts'
import { contextSpec } from '../../../src/rules/contexts/index.ts'
import { PartEditor } from '../../../src/rules/contexts/part-editor.ts'
import { RuleError } from '../../../src/rules/format-error.ts'
import { standardFunctions } from '../../../src/rules/functions/index.ts'
import { formatRfc3339Nano } from '../../../src/rules/rfc3339.ts'
import {
  Duration,
  EvaluationError,
  OtlpList,
  OtlpMessage,
  Time,
  type Value,
} from '../../../src/rules/value.ts'
import { decode } from '../../otlp/oracle.ts'
import type { Json } from './telemetry.ts'

export interface Question {
  readonly id: number
  readonly context: ContextName
  readonly kind: 'value' | 'condition' | 'statement'
  readonly expr: string
  readonly input: Json
  readonly signal: Signal
  /** Every item, not only the first. */
  readonly all: boolean
}

export interface Answer {
  readonly verdict: 'refused' | 'failed' | 'done'
  readonly message: string
  /** For values in the notation of the data's README, for conditions booleans. */
  readonly results: readonly Json[]
  /** For statements: the telemetry afterwards, made comparable. */
  readonly output: Json
}

const GATES = ['-gates', 'ottl.functions.enableLambda']

/** The binary's answers, in order. */
export function askReference(binary: string, questions: readonly Question[]): Answer[] {
  const input = `${questions.map(question => JSON.stringify(question)).join('\n')}\n`
  const { stdout, status, stderr } = spawnSync(binary, GATES, { input, maxBuffer: 1 << 30 })
  if (status !== 0) throw new Error(`the oracle ended with ${status}: ${stderr}`)
  const lines = stdout.toString().trimEnd().split('\n')
  return lines.map((line, i) => readAnswer(JSON.parse(line), questions[i]))
}

function readAnswer(json: Json, { signal }: Question): Answer {
  const verdict = json.parseError === true ? 'refused' : json.ok === true ? 'done' : 'failed'
  return {
    verdict,
    message: json.error ?? '',
    results: json.values ?? json.results ?? [],
    output:
      json.output === undefined ? null : canonicalRequest(signal, bytesOf(signal, json.output)),
  }
}

export function bytesOf(signal: Signal, json: Json): Uint8Array {
  const bytes = decodeJson(signal, Buffer.from(JSON.stringify(json)))
  if (!(bytes instanceof Uint8Array)) throw new Error(bytes.message)
  return bytes
}

/** Anything else than a coded refusal or an EvaluationError comes out as a thrown error: a defect. */
export function askOurs(question: Question): Answer {
  const answer = { message: '', results: [] as Json[], output: null as Json }
  let run: (scope: Cursor) => Json
  try {
    run = compile(question)
  } catch (error) {
    if (!(error instanceof RuleError)) throw error
    return { ...answer, verdict: 'refused', message: error.message }
  }
  const { signal, context, all } = question
  const bytes = bytesOf(signal, question.input)
  const index = indexRequest(signal, bytes)
  if (isWireFault(index)) throw new Error(index.fault)
  const part = { payload: { bytes }, index, selection: null, edits: null, items: index.items }
  const editor = new PartEditor(signal)
  editor.open(part, NO_CONTEXT)
  let seen = 0
  try {
    editor.each(context, scope => {
      if (seen++ > 0 && !all) return
      answer.results.push(run(scope))
    })
  } catch (error) {
    editor.finish()
    if (!(error instanceof EvaluationError)) throw error
    return { ...answer, verdict: 'failed', message: error.message }
  }
  const after = flatten(encodeParts([{ ...part, ...editor.finish() }]))
  const output = question.kind === 'statement' ? canonicalRequest(signal, after) : null
  return { ...answer, verdict: 'done', output }
}

function compile({ context, kind, expr }: Question): (scope: Cursor) => Json {
  const options = { context: contextSpec(context), functions: standardFunctions }
  if (kind === 'statement') {
    const { run } = compileStatement(expr, options)
    return scope => run(scope)
  }
  if (kind === 'condition') {
    const { test } = compileCondition(expr, options)
    return scope => test(scope)
  }
  const { get } = compileValue(expr, options)
  return scope => typed(get(scope))
}

function typed(value: Value): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'bigint') return { i: String(value) }
  if (typeof value === 'number') return { f: Number.isFinite(value) ? value : String(value) }
  if (value instanceof Uint8Array) return { b: Buffer.from(value).toString('hex') }
  if (value instanceof Time) return { t: formatRfc3339Nano(value), ns: String(value.unixNano) }
  if (value instanceof Duration) return { d: String(value.nanos) }
  if (value instanceof Map) {
    return { m: Object.fromEntries([...value].map(([key, item]) => [key, typed(item)])) }
  }
  if (value instanceof OtlpMessage || value instanceof OtlpList) return { go: value.type }
  return (value as readonly Value[]).map(typed)
}

function canonicalRequest(signal: Signal, bytes: Uint8Array): Json {
  return canonical(decode(REQUEST_MESSAGE[signal], bytes))
}

const IS_MAP = /^(?:attributes|metadata|entries)$/
const MAY_BE_EMPTY = /^(?:resource|scope|status|body|value|positive|negative)$/

/** Attributes and the entries of maps sorted by key; a message without fields is as good as none. */
function canonical(json: Json, name = ''): Json {
  if (json instanceof Uint8Array) return Buffer.from(json).toString('hex')
  if (Array.isArray(json)) {
    const items = json.map(item => canonical(item))
    return IS_MAP.test(name)
      ? items.sort((a, b) => ((a.key ?? '') < (b.key ?? '') ? -1 : 1))
      : items
  }
  if (json === null || typeof json !== 'object') {
    if (typeof json !== 'number') return json
    // JSON has no minus before zero.
    return Number.isFinite(json) ? json + 0 : String(json)
  }
  if ('key' in json && json.key === '') delete json.key
  const fields = Object.entries<Json>(json).map(([key, value]) => {
    const isEntries = name === 'kvlistValue' && key === 'values'
    return [key, canonical(value, isEntries ? 'entries' : key)] as const
  })
  return Object.fromEntries(
    fields.filter(([key, value]) => !(MAY_BE_EMPTY.test(key) && JSON.stringify(value) === '{}')),
  )
}
