/** What encoding makes means what it should: judged by protobufjs on whole OTLP requests, not by bytes. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type EncodePart, encodeParts, flatten } from '../../src/otlp/encode.ts'
import { END, ROW, START } from '../../src/otlp/request-index.ts'
import { REQUEST_MESSAGE } from '../../src/otlp/schema.ts'
import { Selection } from '../../src/otlp/selection.ts'
import { SIGNALS } from '../../src/otlp/signal.ts'
import { Edits } from '../../src/otlp/splice.ts'
import { splitParts } from '../../src/otlp/split.ts'
import { TracesView } from '../../src/otlp/traces-view.ts'
import { FieldCursor } from '../../src/otlp/wire-reader.ts'
import { Writer } from '../../src/otlp/wire-writer.ts'
import { encode } from './oracle.ts'
import {
  arbitraryRequest,
  decodeRequest,
  filterRequest,
  listItems,
  type Model,
  type Request,
  requestOf,
} from './request-models.ts'

function partOf(request: Request, selection: Selection | null, edits: Edits | null): EncodePart {
  const items = selection === null ? request.index.items : selection.count
  return { payload: { bytes: request.bytes }, index: request.index, selection, edits, items }
}

const decoded = (request: Request, part: EncodePart): Model =>
  decodeRequest(request.signal, flatten(encodeParts([part])))

function keyValue(key: string, value: string): Uint8Array {
  const text = new Writer().begin(9).string(1, key).begin(2).string(1, value)
  return text.end().end().finish()
}

for (const signal of SIGNALS) {
  test(`drops ${signal} items so that protobufjs reads the filtered request`, () => {
    fc.assert(
      fc.property(arbitraryRequest(signal), fc.nat(), (request, mask) => {
        const selection = Selection.all(request.index.items)
        for (let i = 0; i < selection.length; i++) if (mask & (1 << (i % 30))) selection.clear(i)
        const part = partOf(request, selection, null)

        const model = decoded(request, part)

        const whole = decodeRequest(signal, request.bytes)
        assert.deepEqual(
          model,
          filterRequest(signal, whole, i => selection.has(i)),
        )
      }),
      { numRuns: 60 },
    )
  })

  test(`cuts ${signal} into pieces whose items are the same in the same order`, () => {
    const maxBytes = fc.integer({ min: 200, max: 4000 })
    fc.assert(
      fc.property(arbitraryRequest(signal), maxBytes, (request, maxBytes) => {
        const { pieces, oversize } = splitParts([partOf(request, null, null)], { maxBytes })

        const whole = listItems(signal, decodeRequest(signal, request.bytes))
        const apart = oversize.map(part => part.selection?.from ?? 0)
        const found = pieces.flatMap(piece => {
          const bytes = flatten(encodeParts(piece))
          assert.ok(bytes.length <= maxBytes)
          return listItems(signal, decodeRequest(signal, bytes))
        })
        assert.equal(found.length + apart.length, whole.length)
        if (apart.length === 0) {
          assert.deepEqual(
            found.map(path => path.at(-1)),
            whole.map(path => path.at(-1)),
          )
        }
      }),
      { numRuns: 60 },
    )
  })
}

test('renames spans and adds, removes and replaces their attributes', () => {
  fc.assert(
    fc.property(arbitraryRequest('traces'), request => {
      const edits = new Edits()
      const expected = decodeRequest('traces', request.bytes)
      const spans = listItems('traces', expected).map(path => path.at(-1))
      const view = new TracesView()
      view.reset(request.bytes, request.index)
      for (let i = 0; i < spans.length; i++) editSpan(request, view, i, edits, spans[i])

      const model = decoded(request, partOf(request, null, edits))

      assert.deepEqual(model, expected)
    }),
    { numRuns: 60 },
  )
})

/** By turns: a new name, no first attribute, another first attribute, one attribute more. */
function editSpan(request: Request, view: TracesView, i: number, edits: Edits, span: Model): void {
  const rows = request.index.levels[2]
  const { attributes } = view.moveTo(i)
  const stringPair = { key: 'k', value: { stringValue: 'v' } }
  if (i % 4 === 0) {
    const put = new Writer().string(5, `renamed ${i}`).finish()
    const name = findField(request.bytes, rows[i * ROW + START], rows[i * ROW + END], 5)
    edits.add(name.tag, name.end, put)
    span.name = `renamed ${i}`
  } else if (i % 4 === 3 || !attributes.next()) {
    edits.add(rows[i * ROW + END], rows[i * ROW + END], keyValue('k', 'v'))
    span.attributes = [...(span.attributes ?? []), stringPair]
  } else if (i % 4 === 1) {
    edits.add(attributes.fieldStart, attributes.fieldEnd, new Uint8Array(0))
    span.attributes.shift()
    if (span.attributes.length === 0) delete span.attributes
  } else {
    edits.add(attributes.fieldStart, attributes.fieldEnd, keyValue('k', 'v'))
    span.attributes[0] = stringPair
  }
}

/** The field, or the empty place at the start of the message where it may be put. */
function findField(bytes: Uint8Array, start: number, end: number, number: number) {
  const field = new FieldCursor(bytes, start, end)
  while (field.next()) if (field.number === number) return { tag: field.tag, end: field.end }
  return { tag: start, end: start }
}

test('replaces the resource of each group', () => {
  fc.assert(
    fc.property(arbitraryRequest('logs'), request => {
      const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'new' } }] }
      const put = new Writer().bytes(1, encode('Resource', resource)).finish()
      const edits = new Edits()
      const rows = request.index.levels[0]
      for (let o = 0; o < rows.length; o += ROW) {
        const old = findField(request.bytes, rows[o + START], rows[o + END], 1)
        edits.add(old.tag, old.end, put)
      }

      const model = decoded(request, partOf(request, null, edits))

      const expected = decodeRequest('logs', request.bytes)
      for (const group of expected.resourceLogs) group.resource = resource
      assert.deepEqual(model, expected)
    }),
    { numRuns: 40 },
  )
})

test('keeps interleaved groups apart and joins the parts of a batch into one request', () => {
  const group = (service: string, ...names: string[]) => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
    scopeSpans: [{ spans: names.map(name => ({ name })) }],
  })
  const groups = [group('a', '1', '2'), group('b', '3'), group('a', '4'), group('b')]
  const bytes = encode(REQUEST_MESSAGE.traces, { resourceSpans: groups })
  const request = requestOf('traces', bytes)
  const some = Selection.all(4)
  some.clear(0)
  some.clear(2)

  const parts = [partOf(request, some, null), partOf(request, null, null)]
  const model = decodeRequest('traces', flatten(encodeParts(parts)))

  const whole = decodeRequest('traces', bytes).resourceSpans
  const onlySecond = { ...whole[0], scopeSpans: [{ spans: [{ name: '2' }] }] }
  assert.deepEqual(model.resourceSpans, [onlySecond, whole[2], whole[3], ...whole])
})
