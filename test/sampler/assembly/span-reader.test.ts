/** The one-walk reader against a slow one, on spans that are encoded in every way that protobuf allows. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { indexRequest, kernelName, spanFacts } from '../../../src/otlp/kernel/kernel.ts'
import { FACT_WORDS } from '../../../src/otlp/kernel/span-facts.ts'
import { END, isWireFault, ROW, START } from '../../../src/otlp/request-index.ts'
import {
  FieldCursor,
  readFixed64,
  readString,
  readVarint32,
} from '../../../src/otlp/wire-reader.ts'
import { Writer } from '../../../src/otlp/wire-writer.ts'
import * as C from '../../../src/sampler/assembly/row.ts'
import { SpanReader } from '../../../src/sampler/assembly/span-reader.ts'
import {
  SPAN_CLIENT_FAULT,
  SPAN_ERROR,
  SPAN_EXCEPTION,
  SPAN_LINKED,
  SPAN_SERVER_FAULT,
} from '../../../src/sampler/trace-spans.ts'

const KEYS = ['http.response.status_code', 'http.status_code', 'rpc.grpc.status_code']
const GRPC_FAULTS = new Set([2, 4, 12, 13, 14, 15])

type Write = (out: Writer) => void

const time = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })
const id = (length: number) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.uint8Array({ minLength: length, maxLength: length }) },
    { weight: 1, arbitrary: fc.constant(new Uint8Array(length)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  )
const code = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 200, max: 620 }))
const value: fc.Arbitrary<Write> = fc.oneof(
  code.map(
    (n): Write =>
      out =>
        out.varint(3, n),
  ),
  code.map(
    (n): Write =>
      out =>
        out.string(1, `${n}`),
  ),
  fc.string({ maxLength: 200 }).map(
    (text): Write =>
      out =>
        out.string(1, text),
  ),
  fc.constant<Write>(out => out.bool(2, true)),
  fc.constant<Write>(() => {}),
)
const key = fc.oneof(
  fc.constantFrom(...KEYS),
  fc.constantFrom('x'.repeat(25), 'y'.repeat(16), 'z'.repeat(20), ''),
  fc.string({ maxLength: 150 }),
)
const attribute: fc.Arbitrary<Write> = fc
  .tuple(key, value, fc.integer({ min: 0, max: 3 }))
  .map(([name, write, order]) => out => {
    out.begin(9)
    const writeKey = () => out.string(1, name)
    const writeValue = () => {
      out.begin(2)
      write(out)
      out.end()
    }
    if (order === 0) writeValue()
    writeKey()
    if (order === 2) out.varint(77, 5)
    if (order !== 0) writeValue()
    out.end()
  })
const event: fc.Arbitrary<Write> = fc
  .tuple(fc.constantFrom('exception', 'exceptiom', 'log', ''), fc.boolean(), fc.boolean())
  .map(([name, before, after]) => out => {
    out.begin(11)
    if (before) out.fixed64(1, 5n)
    out.string(2, name)
    if (after) out.varint(4, 1).begin(3).string(1, 'exception').end()
    out.end()
  })
const field: fc.Arbitrary<Write> = fc.oneof(
  id(16).map(
    (bytes): Write =>
      out =>
        out.bytes(1, bytes),
  ),
  id(8).map(
    (bytes): Write =>
      out =>
        out.bytes(2, bytes),
  ),
  id(8).map(
    (bytes): Write =>
      out =>
        out.bytes(4, bytes),
  ),
  fc.string({ maxLength: 200 }).map(
    (text): Write =>
      out =>
        out.string(3, text),
  ),
  fc.string({ maxLength: 200 }).map(
    (text): Write =>
      out =>
        out.string(5, text),
  ),
  fc.integer({ min: 0, max: 5 }).map(
    (kind): Write =>
      out =>
        out.varint(6, kind),
  ),
  time.map(
    (t): Write =>
      out =>
        out.fixed64(7, t),
  ),
  time.map(
    (t): Write =>
      out =>
        out.fixed64(8, t),
  ),
  attribute,
  attribute,
  event,
  fc.constant<Write>(out => out.begin(13).bytes(1, new Uint8Array(16)).end()),
  fc.integer({ min: -1, max: 3 }).map(
    (status): Write =>
      out => {
        out.begin(15)
        if (status >= 0) out.varint(3, status)
        else out.string(2, 'message')
        out.end()
      },
  ),
  fc.nat().map(
    (flags): Write =>
      out =>
        out.fixed32(16, flags),
  ),
  fc.constant<Write>(out => out.varint(10, 3).string(99, 'unknown').fixed64(98, 1n)),
)

test('reads what a slow reader reads', () => {
  const reader = new SpanReader()
  const words = new Int32Array(C.ROW_WORDS + 3)
  fc.assert(
    fc.property(fc.array(field, { maxLength: 25 }), fields => {
      const out = new Writer()
      out.string(100, 'before')
      const from = out.length
      for (const write of fields) write(out)
      const to = out.length
      const bytes = out.string(100, 'after').finish()
      words.fill(-1)
      reader.read(bytes, new DataView(bytes.buffer, bytes.byteOffset), from, to, words, 3)

      const slow = readSlowly(bytes, from, to)
      const row = words.subarray(3)
      const join = (low: number, high: number) => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
      const ids = [reader.id0, reader.id1, reader.id2, reader.id3]
      assert.equal(reader.isValid, slow.trace.length === 16 && slow.trace.some(byte => byte !== 0))
      if (slow.trace.length === 16) {
        assert.deepEqual(
          ids,
          [0, 4, 8, 12].map(at => Buffer.from(slow.trace).readInt32BE(at)),
        )
      }
      assert.equal(join(row[C.SPAN_LOW], row[C.SPAN_HIGH]), slow.span)
      assert.equal(join(row[C.PARENT_LOW], row[C.PARENT_HIGH]), slow.parent)
      assert.equal(join(row[C.START_LOW], row[C.START_HIGH]), slow.start)
      assert.equal(join(reader.endLow, reader.endHigh), slow.end)
      const duration = slow.end > slow.start ? slow.end - slow.start : 0n
      // Nobody has spans of centuries; what is longer counts as none or as it is.
      if (duration < 1n << 63n)
        assert.equal(join(row[C.DURATION_LOW], row[C.DURATION_HIGH]), duration)
      assert.equal(reader.kind, slow.kind)
      assert.equal(readString(bytes, reader.nameFrom, reader.nameTo), slow.name)
      assert.equal(readString(bytes, reader.stateFrom, reader.stateTo), slow.state)
      assert.equal(row[C.BITS], slow.bits)
    }),
    { numRuns: 3000 },
  )
})

test('takes over from the kernel what it would have read itself', {
  skip: kernelName() === 'js',
}, () => {
  const reader = new SpanReader()
  const taker = new SpanReader()
  const words = new Int32Array(C.ROW_WORDS)
  const taken = new Int32Array(C.ROW_WORDS)
  fc.assert(
    fc.property(
      fc.array(fc.array(field, { maxLength: 25 }), { minLength: 1, maxLength: 4 }),
      fc.nat({ max: 500 }),
      (requested, moved) => {
        const out = new Writer()
        out.begin(1).begin(2)
        for (const fields of requested) {
          out.begin(2)
          for (const write of fields) write(out)
          out.end()
        }
        const request = out.end().end().finish()
        const index = indexRequest('traces', request)
        assert.ok(!isWireFault(index))
        const held = new Uint8Array(request.length + moved)
        held.set(request, moved)
        const view = new DataView(held.buffer)
        const spans = index.levels[2]
        const facts = spanFacts(request, index, 0, requested.length)
        assert.ok(facts !== null)
        for (let i = 0; i < requested.length; i++) {
          const from = spans[i * ROW + START] + moved
          const to = spans[i * ROW + END] + moved
          words.fill(-1)
          taken.fill(-1)
          reader.read(held, view, from, to, words, 0)
          taker.take(facts, i * FACT_WORDS, moved, taken, 0)
          assert.deepEqual(taken, words)
          assert.deepEqual(readOf(held, taker), readOf(held, reader))
        }
      },
    ),
    { numRuns: 2000 },
  )
})

test('the kernel tells nothing of a request that it has no longer', () => {
  const request = new Writer().begin(1).begin(2).begin(2).varint(6, 1).end().end().end().finish()
  const index = indexRequest('traces', request)
  assert.ok(!isWireFault(index))

  indexRequest('traces', request)

  assert.equal(spanFacts(request, index, 0, 1), null)
})

function readOf(bytes: Uint8Array, reader: SpanReader) {
  return {
    ...{ id: [reader.id0, reader.id1, reader.id2, reader.id3], length: reader.traceIdLength },
    ...{ end: [reader.endLow, reader.endHigh], kind: reader.kind },
    name: readString(bytes, reader.nameFrom, reader.nameTo),
    state: readString(bytes, reader.stateFrom, reader.stateTo),
    hasState: reader.stateTo > reader.stateFrom,
  }
}

function readSlowly(bytes: Uint8Array, from: number, to: number) {
  const span = {
    ...{ trace: new Uint8Array(0), span: 0n, parent: 0n, start: 0n, end: 0n },
    ...{ kind: 0, name: '', state: '', bits: 0 },
  }
  let status = 0
  for (const at of fieldsOf(bytes, from, to)) {
    const { number, start, end } = at
    const text = () => readString(bytes, start, end)
    const eight = () => (end - start === 8 ? readFixed64(bytes, start) : 0n)
    if (number === 1) span.trace = bytes.slice(start, end)
    if (number === 2) span.span = eight()
    if (number === 3) span.state = text()
    if (number === 4) span.parent = eight()
    if (number === 5) span.name = text()
    if (number === 6) span.kind = readVarint32(bytes, start)
    if (number === 7) span.start = readFixed64(bytes, start)
    if (number === 8) span.end = readFixed64(bytes, start)
    if (number === 9) span.bits |= faultOf(bytes, start, end)
    if (number === 11) {
      const name = [...fieldsOf(bytes, start, end)].filter(each => each.number === 2).pop()
      if (name !== undefined && readString(bytes, name.start, name.end) === 'exception') {
        span.bits |= SPAN_EXCEPTION
      }
    }
    if (number === 13) span.bits |= SPAN_LINKED
    if (number === 15) {
      for (const each of fieldsOf(bytes, start, end)) {
        if (each.number === 3) status = readVarint32(bytes, each.start)
      }
    }
    if (number === 16 && (bytes[start] & 2) !== 0) span.bits |= C.ROW_RANDOM_ID
  }
  if (status === 2) span.bits |= SPAN_ERROR
  if (span.parent === 0n) span.bits |= C.ROW_ROOT
  if (span.state !== '') span.bits |= C.ROW_TRACE_STATE
  return span
}

function faultOf(bytes: Uint8Array, from: number, to: number): number {
  let name = ''
  let number = -1
  for (const each of fieldsOf(bytes, from, to)) {
    if (each.number === 1) name = readString(bytes, each.start, each.end)
    if (each.number !== 2) continue
    for (const inner of fieldsOf(bytes, each.start, each.end)) {
      if (inner.number === 3) number = readVarint32(bytes, inner.start)
      const text = inner.number === 1 ? readString(bytes, inner.start, inner.end) : ''
      if (/^[0-9]{1,3}$/.test(text)) number = Number(text)
    }
  }
  if (!KEYS.includes(name)) return 0
  if (name.startsWith('rpc')) return GRPC_FAULTS.has(number) ? SPAN_SERVER_FAULT : 0
  if (number >= 500 && number < 600) return SPAN_SERVER_FAULT
  return number >= 400 && number < 500 ? SPAN_CLIENT_FAULT : 0
}

function fieldsOf(bytes: Uint8Array, from: number, to: number) {
  const cursor = new FieldCursor(bytes, from, to)
  const fields: { number: number; start: number; end: number }[] = []
  while (cursor.next()) fields.push({ number: cursor.number, start: cursor.start, end: cursor.end })
  return fields
}
