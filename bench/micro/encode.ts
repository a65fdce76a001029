/**
 * Answers: what does encoding a batch cost when nothing is changed, when a tenth of the items is dropped, and when every
 * item is changed once? Nanoseconds per item of a batch of 16 parts with 512 items each, best of many rounds, the
 * ways taking turns; and the same batch copied into one buffer, which is the least that any way with a copy can cost.
 *
 *   node --import tsx bench/micro/encode.ts
 */
import { type EncodePart, encodedSize, encodeParts } from '../../src/otlp/encode.ts'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import { isWireFault, ROW, START } from '../../src/otlp/request-index.ts'
import { Selection } from '../../src/otlp/selection.ts'
import { SIGNALS, type Signal } from '../../src/otlp/signal.ts'
import { Edits } from '../../src/otlp/splice.ts'
import { Writer } from '../../src/otlp/wire-writer.ts'
import { compareWays } from '../compare-ways.ts'
import { corpusRequest } from '../corpus/requests.ts'

const PARTS = 16
const ITEMS = 512

/** Field of the attributes; in a data point of the corpus' mix any unknown field costs the same. */
const ATTRIBUTES: Readonly<Record<Signal, number>> = { traces: 9, metrics: 100, logs: 6 }

for (const signal of SIGNALS) {
  const whole = Array.from({ length: PARTS }, (_, i) => partOf(signal, i + 1, ITEMS))
  const tenth = whole.map(part => ({ ...part, ...withoutTenth(part) }))
  const spliced = whole.map(part => ({ ...part, edits: addToEach(signal, part) }))
  const small = Array.from({ length: PARTS }, (_, i) => partOf(signal, i + 1, 1))
  const bytes = whole.map(part => part.payload.bytes)
  console.log(`${signal}, ns per item`)
  compareWays(PARTS * ITEMS, [
    ['pass-through', () => encodeParts(whole)],
    ['copied into one buffer', () => Buffer.concat(bytes)],
    ['a tenth dropped', () => encodeParts(tenth)],
    ['  its size only', () => encodedSize(tenth)],
    ['an attribute put into each', () => encodeParts(spliced)],
    ['  its size only', () => encodedSize(spliced)],
  ])
  compareWays(PARTS, [['16 parts of one item, joined', () => encodeParts(small)]])
}

function partOf(signal: Signal, seed: number, items: number): EncodePart {
  const bytes = corpusRequest(signal, { seed, items })
  const index = indexRequest(signal, bytes)
  if (isWireFault(index)) throw new Error(index.fault)
  return { payload: { bytes }, index, selection: null, edits: null, items }
}

function withoutTenth(part: EncodePart): Pick<EncodePart, 'selection' | 'items'> {
  const selection = Selection.all(part.items)
  for (let item = 3; item < part.items; item += 10) selection.clear(item)
  return { selection, items: selection.count }
}

function addToEach(signal: Signal, part: EncodePart): Edits {
  const put = new Writer()
    .begin(ATTRIBUTES[signal])
    .string(1, 'tenant')
    .begin(2)
    .string(1, 'a')
    .end()
    .end()
    .finish()
  const edits = new Edits()
  const rows = part.index.levels[part.index.levels.length - 1]
  for (let o = 0; o < rows.length; o += ROW) edits.add(rows[o + START], rows[o + START], put)
  return edits
}
