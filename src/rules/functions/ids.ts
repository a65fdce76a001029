/** Converters that make trace, span and profile ids of their bytes or their hexadecimal text. */
import { constantOf } from '../constant.ts'
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { EvaluationError, type Id, ProfileId, SpanId, TraceId, type Value } from '../value.ts'

interface IdKind {
  readonly name: string
  readonly bytes: number
  from(bytes: Uint8Array): Id
}

const TRACE: IdKind = { name: 'TraceID', bytes: 16, from: bytes => TraceId.from(bytes) as TraceId }
const SPAN: IdKind = { name: 'SpanID', bytes: 8, from: bytes => SpanId.from(bytes) as SpanId }
const PROFILE: IdKind = {
  name: 'ProfileID',
  bytes: 16,
  from: bytes => ProfileId.from(bytes) as ProfileId,
}

export const idFunctions: readonly FunctionSpec[] = [
  idFunction(TRACE, 'A trace id, of 16 bytes or 32 hexadecimal digits.', {
    expr: 'TraceID("0102030405060708090a0b0c0d0e0f10")',
    result: '0x0102030405060708090a0b0c0d0e0f10',
  }),
  idFunction(SPAN, 'A span id, of 8 bytes or 16 hexadecimal digits.', {
    expr: 'SpanID(0x0102030405060708)',
    result: '0x0102030405060708',
  }),
  idFunction(PROFILE, 'A profile id, of 16 bytes or 32 hexadecimal digits.', {
    expr: 'ProfileID("0102030405060708090a0b0c0d0e0f10")',
    result: '0x0102030405060708090a0b0c0d0e0f10',
  }),
]

function idFunction(kind: IdKind, summary: string, example: FunctionSpec['example']): FunctionSpec {
  return defineFunction({
    name: kind.name,
    kind: 'converter',
    params: [{ name: 'Target', type: 'bytesLike' }],
    summary,
    example,
    make([target]: readonly Getter[]) {
      const constant = constantOf(target)
      if (constant === undefined) return scope => readId(kind, target(scope))
      const id = readId(kind, constant.value)
      return () => id
    },
  })
}

function readId(kind: IdKind, value: Value): Id {
  const bytes = value === null ? new Uint8Array(0) : (value as Uint8Array)
  if (bytes.length === kind.bytes) return kind.from(bytes)
  if (bytes.length !== kind.bytes * 2) {
    const wanted = `expected ${kind.bytes} or ${kind.bytes * 2} bytes, got ${bytes.length}`
    throw new EvaluationError(`${kind.name}: could not decode ID: invalid length: ${wanted}`)
  }
  const text = Buffer.from(bytes).toString('latin1')
  if (!/^[0-9a-fA-F]*$/.test(text)) {
    throw new EvaluationError(`${kind.name}: could not decode ID: invalid hex`)
  }
  return kind.from(Buffer.from(text, 'hex'))
}
