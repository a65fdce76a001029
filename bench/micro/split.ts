/**
 * Answers: what does cutting a batch cost by items and by bytes, in one large request and in many, and what does
 * looking cost when nothing has to be cut? Milliseconds per batch of 8192 spans, best of many rounds.
 *
 *   node --import tsx bench/micro/split.ts
 */
import { type EncodePart, encodeParts } from '../../src/otlp/encode.ts'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'
import { splitParts } from '../../src/otlp/split.ts'
import { compareWays } from '../compare-ways.ts'
import { corpusRequest } from '../corpus/requests.ts'

const ITEMS = 8192
const MIB = 1 << 20

const one = [partOf(ITEMS)]
const many = Array.from({ length: 16 }, () => partOf(ITEMS / 16))

console.log('one request of 8192 spans, ns per span')
compareWays(ITEMS, [
  ['nothing to cut', () => splitParts(one, { maxItems: ITEMS, maxBytes: 16 * MIB })],
  ['512 items', () => splitParts(one, { maxItems: 512 })],
  ['1 item', () => splitParts(one, { maxItems: 1 })],
  ['1 MiB', () => splitParts(one, { maxBytes: MIB })],
  ['1 MiB, and encoded', () => encodePieces(one, MIB)],
  ['64 KiB', () => splitParts(one, { maxBytes: 65_536 })],
  ['64 KiB, and encoded', () => encodePieces(one, 65_536)],
])
console.log('16 requests of 512 spans, ns per span')
compareWays(ITEMS, [
  ['nothing to cut', () => splitParts(many, { maxItems: ITEMS, maxBytes: 16 * MIB })],
  ['1000 items', () => splitParts(many, { maxItems: 1000 })],
  ['1 MiB', () => splitParts(many, { maxBytes: MIB })],
  ['64 KiB, and encoded', () => encodePieces(many, 65_536)],
])

function partOf(items: number): EncodePart {
  const bytes = corpusRequest('traces', { items })
  const index = indexRequest('traces', bytes)
  if (isWireFault(index)) throw new Error(index.fault)
  return { payload: { bytes }, index, selection: null, edits: null, items }
}

function encodePieces(parts: readonly EncodePart[], maxBytes: number): void {
  for (const piece of splitParts(parts, { maxBytes }).pieces) encodeParts(piece)
}
