/**
 * Answers: is reading and writing OTLP/JSON as fast as JavaScript's own JSON, which loses 64-bit numbers and makes objects?
 * MB/s of text and nanoseconds per item (best of many rounds, the ways taking turns).
 *
 *   node --import tsx bench/micro/json.ts
 */
import { decodeJson } from '../../src/otlp/json/decode.ts'
import { encodeJson } from '../../src/otlp/json/encode.ts'
import { isJsonFault } from '../../src/otlp/json/fault.ts'
import { SIGNALS, type Signal } from '../../src/otlp/signal.ts'
import { corpusRequest } from '../corpus/requests.ts'

interface Work {
  readonly title: string
  readonly signal: Signal
  readonly items: number
  readonly nonAscii?: number
}

const ROUNDS = 60
const ROUND_NANOS = 5e6
const NAMES = ['decodeJson', 'JSON.parse', 'encodeJson', 'JSON.stringify']

const WORKS: readonly Work[] = [
  ...SIGNALS.map(signal => ({ title: `${signal}, 512 items`, signal, items: 512 })),
  { title: 'traces, half not ASCII', signal: 'traces', items: 512, nonAscii: 0.5 },
  { title: 'traces, 1 span', signal: 'traces', items: 1 },
]

console.log(`${'ns per item (MB/s)'.padEnd(24)}B/item${NAMES.map(n => n.padStart(18)).join('')}`)
for (const work of WORKS) measure(work)

function measure({ title, signal, items, nonAscii }: Work): void {
  const bytes = corpusRequest(signal, { items, nonAscii })
  const text = encodeJson(signal, bytes)
  const buffer = Buffer.from(text)
  const objects = JSON.parse(buffer.toString())
  const ways = [
    () => check(decodeJson(signal, text)),
    () => JSON.parse(buffer.toString()),
    () => encodeJson(signal, bytes),
    () => Buffer.from(JSON.stringify(objects)),
  ]
  const best = ways.map(() => Number.POSITIVE_INFINITY)
  const calls = ways.map(estimateCalls)
  for (let round = 0; round < ROUNDS; round++) {
    for (let w = 0; w < ways.length; w++) best[w] = Math.min(best[w], time(ways[w], calls[w]))
  }
  const cells = best.map(nanos => {
    return `${(nanos / items).toFixed(0)} (${((text.length * 1e3) / nanos).toFixed(0)})`.padStart(
      18,
    )
  })
  console.log(`${title.padEnd(24)}${(text.length / items).toFixed(0).padStart(6)}${cells.join('')}`)
}

function check(result: ReturnType<typeof decodeJson>): void {
  if (isJsonFault(result)) throw new Error(result.message)
}

/** Warms the way up and says how many calls make a round. */
function estimateCalls(way: () => void): number {
  for (let i = 0; i < 3; i++) time(way, 20)
  return Math.max(1, Math.ceil(ROUND_NANOS / time(way, 5)))
}

/** Nanoseconds per call. */
function time(way: () => void, calls: number): number {
  const start = process.hrtime.bigint()
  for (let i = 0; i < calls; i++) way()
  return Number(process.hrtime.bigint() - start) / calls
}
