/** Encoding keeps, drops and changes exactly what it is told to, byte for byte. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type EncodePart, encodedSize, encodeParts, flatten } from '../../src/otlp/encode.ts'
import { indexRequestReference } from '../../src/otlp/kernel/reference.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'
import { Selection } from '../../src/otlp/selection.ts'
import { SIGNALS, type Signal } from '../../src/otlp/signal.ts'
import { Edits } from '../../src/otlp/splice.ts'
import { arbitraryTree, encodeNaively, type Tree } from './wire-tree.ts'

function partOf(tree: Tree, selection: Selection | null, edited = false): EncodePart {
  const items = selection === null ? tree.index.items : selection.count
  const edits = edited ? tree.edits : null
  return { payload: { bytes: tree.bytes }, index: tree.index, selection, edits, items }
}

function partOfBytes(signal: Signal, bytes: Uint8Array, edits: Edits | null = null): EncodePart {
  const index = indexRequestReference(signal, bytes)
  assert.ok(!isWireFault(index))
  return { payload: { bytes }, index, selection: null, edits, items: index.items }
}

const encodeOne = (part: EncodePart): Uint8Array => flatten(encodeParts([part]))

function select(length: number, bits: readonly boolean[]): Selection {
  const selection = Selection.none(length)
  for (let i = 0; i < length; i++) if (bits[i % bits.length]) selection.set(i)
  return selection
}

const bits = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 })

for (const signal of SIGNALS) {
  test(`hands on an untouched ${signal} payload without copying it`, () => {
    fc.assert(
      fc.property(arbitraryTree({ signal, edited: false }), tree => {
        const part = partOf(tree, Selection.all(tree.index.items))
        const { chunks, byteLength } = encodeParts([part])

        assert.equal(byteLength, tree.bytes.length)
        if (byteLength > 0) assert.equal(chunks[0], tree.bytes)
      }),
      { numRuns: 50 },
    )
  })

  test(`keeps exactly the selected items of ${signal} and the envelopes around them`, () => {
    fc.assert(
      fc.property(arbitraryTree({ signal, edited: false }), bits, (tree, kept) => {
        const selection = select(tree.index.items, kept)
        const part = partOf(tree, selection)

        const out = encodeOne(part)

        assert.deepEqual([...out], [...encodeNaively(tree, i => selection.has(i), false)])
        assert.equal(encodedSize([part]), out.length)
      }),
      { numRuns: 300 },
    )
  })

  test(`puts splices of ${signal} in their places and leaves all other bytes alone`, () => {
    fc.assert(
      fc.property(
        arbitraryTree({ signal, edited: true }),
        bits,
        fc.boolean(),
        (tree, kept, all) => {
          const selection = all ? null : select(tree.index.items, kept)
          const part = partOf(tree, selection, true)

          const out = encodeOne(part)

          const expected = encodeNaively(tree, i => selection === null || selection.has(i), true)
          assert.deepEqual([...out], [...expected])
          assert.equal(encodedSize([part]), out.length)
        },
      ),
      { numRuns: 300 },
    )
  })

  test(`gives the same for a narrow window of ${signal} as for the whole walk`, () => {
    const maxChildren = signal === 'metrics' ? 9 : 16
    const big = arbitraryTree({ signal, edited: true, maxChildren, singleData: true })
    fc.assert(
      fc.property(big, fc.nat(), fc.nat({ max: 40 }), fc.boolean(), (tree, at, width, edited) => {
        const { items } = tree.index
        fc.pre(items > 70)
        const from = at % items
        const selection = Selection.range(items, from, Math.min(items, from + width + 1))
        if (selection.count > 3) selection.clear(from + 1)

        const out = encodeOne(partOf(tree, selection, edited))

        assert.deepEqual([...out], [...encodeNaively(tree, i => selection.has(i), edited)])
      }),
      { numRuns: 150 },
    )
  })
}

test('joins small neighbours and leaves large payloads as they are', () => {
  const small = (n: number) => partOfBytes('traces', tracesOf(n, 10))
  const large = partOfBytes('traces', tracesOf(1, 20_000))
  const parts = [small(1), small(2), large, small(3), large, large]

  const { chunks, byteLength } = encodeParts(parts)

  assert.deepEqual(
    chunks.map(chunk => chunk.length),
    [
      parts[0].payload.bytes.length + parts[1].payload.bytes.length,
      large.payload.bytes.length,
      parts[3].payload.bytes.length,
      large.payload.bytes.length,
      large.payload.bytes.length,
    ],
  )
  assert.equal(chunks[1], large.payload.bytes)
  assert.deepEqual(Buffer.concat(chunks), Buffer.concat(parts.map(part => part.payload.bytes)))
  assert.equal(byteLength, Buffer.concat(chunks).length)
})

test('writes an edited large part into one buffer of exactly its size', () => {
  const edits = new Edits()
  const bytes = tracesOf(40, 1000)
  edits.add(bytes.length, bytes.length, Uint8Array.of(0x30, 1))
  const part = partOfBytes('traces', bytes, edits)

  const { chunks, byteLength } = encodeParts([part])

  assert.equal(chunks.length, 1)
  assert.equal(chunks[0].length, byteLength)
  assert.equal(chunks[0].buffer.byteLength, byteLength)
  const item = indexRequestReference('traces', chunks[0])
  assert.ok(!isWireFault(item))
  assert.equal(item.items, 40)
})

test('emits nothing for a payload of which every item was dropped', () => {
  const part = partOfBytes('traces', tracesOf(3, 10))

  const { chunks, byteLength } = encodeParts([{ ...part, selection: Selection.none(3), items: 0 }])

  assert.deepEqual(chunks, [])
  assert.equal(byteLength, 0)
})

test('keeps the temporality of a metric whose data comes in two messages', () => {
  const point = [0x0a, 0x02, 0x40, 0x01]
  const sum = (fields: number[]) => [0x3a, fields.length, ...fields]
  const metric = [...sum([...point, 0x10, 0x02]), ...sum(point)]
  const scope = [0x12, metric.length, ...metric]
  const resource = [0x12, scope.length, ...scope]
  const part = partOfBytes('metrics', Uint8Array.from([0x0a, resource.length, ...resource]))
  const second = Selection.range(2, 1, 2)

  const out = encodeOne({ ...part, selection: second, items: 1 })

  const left = [...sum([0x10, 0x02]), ...sum(point)]
  assert.deepEqual([...out.subarray(6)], left)
})

test('refuses a splice that crosses the border of a group', () => {
  const bytes = tracesOf(2, 10)
  const index = partOfBytes('traces', bytes).index
  const edits = new Edits()
  edits.add(index.levels[2][1], index.levels[2][5], new Uint8Array(0))

  assert.throws(() => encodeParts([partOfBytes('traces', bytes, edits)]), /group border/)
})

/** One resource, one scope, `count` spans with a name of `size` bytes. */
function tracesOf(count: number, size: number): Uint8Array {
  const field = (tag: number, content: Uint8Array): Uint8Array => {
    const head = [tag]
    let n = content.length
    for (; n > 0x7f; n >>>= 7) head.push((n & 0x7f) | 0x80)
    head.push(n)
    return Buffer.concat([Uint8Array.from(head), content])
  }
  const span = field(0x12, field(0x2a, Buffer.alloc(size, 'a')))
  return Uint8Array.from(field(0x0a, field(0x12, Buffer.concat(Array(count).fill(span)))))
}
