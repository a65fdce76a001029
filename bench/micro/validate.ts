/**
 * Answers: what does validating and indexing cost, in WebAssembly, in the JavaScript twin, and as a protobufjs decode?
 * Nanoseconds per item (best of many rounds, the ways taking turns), and per call for a request with one item.
 *
 *   node --import tsx bench/micro/validate.ts
 */
import { indexRequest, kernelName } from '../../src/otlp/kernel/kernel.ts'
import { indexRequestReference } from '../../src/otlp/kernel/reference.ts'
import { isWireFault, type RequestIndex, type WireFault } from '../../src/otlp/request-index.ts'
import { REQUEST_MESSAGE } from '../../src/otlp/schema.ts'
import { SIGNALS, type Signal } from '../../src/otlp/signal.ts'
import { decoderOf } from '../../test/otlp/oracle.ts'
import { timeByTurns } from '../compare-ways.ts'
import { corpusRequest } from '../corpus/requests.ts'

interface Work {
  readonly title: string
  readonly signal: Signal
  readonly items: number
  readonly nonAscii?: number
}

const WORKS: readonly Work[] = [
  ...SIGNALS.map(signal => ({ title: `${signal}, 512 items`, signal, items: 512 })),
  { title: 'traces, half not ASCII', signal: 'traces', items: 512, nonAscii: 0.5 },
  { title: 'traces, 8192 spans', signal: 'traces', items: 8192 },
  { title: 'traces, 10 spans', signal: 'traces', items: 10 },
  { title: 'traces, 1 span', signal: 'traces', items: 1 },
]

console.log(`kernel in use: ${kernelName()}`)
console.log(`${'ns per item'.padEnd(26)}B/item    wasm      js  protobufjs`)
for (const work of WORKS) measure(work)

function measure({ title, signal, items, nonAscii }: Work): void {
  const bytes = corpusRequest(signal, { items, nonAscii })
  const decode = decoderOf(REQUEST_MESSAGE[signal])
  const best = timeByTurns([
    ['wasm', () => check(indexRequest(signal, bytes))],
    ['js', () => check(indexRequestReference(signal, bytes))],
    ['protobufjs', () => decode(bytes)],
  ])
  const cells = best.map(nanos => (nanos / items).toFixed(0))
  console.log(
    `${title.padEnd(26)}${(bytes.length / items).toFixed(0).padStart(6)}${cells[0].padStart(8)}` +
      `${cells[1].padStart(8)}${cells[2].padStart(12)}`,
  )
}

function check(result: RequestIndex | WireFault): void {
  if (isWireFault(result)) throw new Error(JSON.stringify(result))
}
