/**
 * Answers: what does tail sampling cost for each span, from taking it in to handing it on or dropping it, and how much of it are
 * the policies? Nanoseconds per span with fresh trace ids, 60,000 spans a second for 5 s held, best of many ticks. The spans are
 * those of the corpus; a tenth of the traces is kept.
 *
 *   node --import tsx bench/micro/tail-sampling.ts
 */
import { Batch, NO_CONTEXT, type Part } from '../../src/core/batch.ts'
import type { Clock, Timer } from '../../src/core/clock.ts'
import { ACCEPTED } from '../../src/core/outcome.ts'
import { Payload } from '../../src/core/payload.ts'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import { isWireFault, ROW, START } from '../../src/otlp/request-index.ts'
import { config as spec } from '../../src/processors/tail-sampling/config.ts'
import { TailSamplingProcessor } from '../../src/processors/tail-sampling/processor.ts'
import { fakeServices } from '../../src/testing/fakes.ts'
import { corpusRequest } from '../corpus/requests.ts'

const ITEMS = 512
const PAYLOADS = 16
/** Requests in a tick of 100 ms. */
const REQUESTS = 12
const TICK_MS = 100
const WARM_TICKS = 60
const TICKS = 150
/** Tag and length of the trace id. */
const ID_AT = 2

/** Time that is moved by hand, and timers that run when it is. */
class TickingClock implements Clock {
  nowMs = 0
  readonly #ticks = new Set<() => void>()

  now(): number {
    return 1_700_000_000_000 + this.nowMs
  }

  monotonic(): number {
    return this.nowMs
  }

  after(_: number, f: () => void): Timer {
    return this.every(0, f)
  }

  every(_: number, f: () => void): Timer {
    this.#ticks.add(f)
    return { cancel: () => this.#ticks.delete(f) }
  }

  tick(): void {
    this.nowMs += TICK_MS
    for (const tick of this.#ticks) tick()
  }
}

const SHARE = {
  name: 'rest',
  type: 'probabilistic',
  probabilistic: { sampling_percentage: 10 },
}
const STATUS = { name: 'err', type: 'status_code', status_code: { status_codes: ['ERROR'] } }
const SLOW = { name: 'slow', type: 'latency', latency: { threshold_ms: 500_000 } }
const OTTL = {
  name: 'ottl',
  type: 'ottl_condition',
  ottl_condition: { span: ['attributes["url.path"] == "/none" and status.code == 2'] },
}

const SETS: readonly (readonly [title: string, policies: readonly object[]])[] = [
  ['a share', [SHARE]],
  ['status, latency, a share', [STATUS, SLOW, SHARE]],
  ['with an OTTL condition', [STATUS, SLOW, OTTL, SHARE]],
  ['with 20 attributes', [STATUS, SLOW, SHARE, ...attributes(20)]],
]

const parts = Array.from({ length: PAYLOADS }, (_, i) => partOf(i + 1))
let fresh = 1

console.log('ns per span              take in   decide and hand on   bytes held per span')
for (const [title, policies] of SETS) measure(title, policies)

function measure(title: string, policies: readonly object[]): void {
  const clock = new TickingClock()
  const services = { ...fakeServices(), clock }
  const config = spec.schema.parse({ decision_wait: '5s', num_traces: 1_000_000, policies })
  const next = {
    consume(batch: Batch) {
      batch.release()
      return ACCEPTED
    },
  }
  const context = { ...services, id: 'tail_sampling', config, signals: ['traces' as const] }
  const processor = new TailSamplingProcessor(context, next)
  void processor.start()
  let taken = Number.POSITIVE_INFINITY
  let decided = Number.POSITIVE_INFINITY
  for (let tick = 0; tick < WARM_TICKS + TICKS; tick++) {
    for (let i = 0; i < REQUESTS; i++) renew(parts[i])
    const start = process.hrtime.bigint()
    for (let i = 0; i < REQUESTS; i++) processor.consume(batchOf(parts[i]))
    const middle = process.hrtime.bigint()
    clock.tick()
    const end = process.hrtime.bigint()
    if (tick < WARM_TICKS) continue
    taken = Math.min(taken, Number(middle - start) / (REQUESTS * ITEMS))
    decided = Math.min(decided, Number(end - middle) / (REQUESTS * ITEMS))
  }
  const spans = (5000 / TICK_MS) * REQUESTS * ITEMS
  const held = services.meter.total('millrace_tail_sampling_held_bytes') / spans
  const numbers = [taken, decided, held].map(n => n.toFixed(0).padStart(12)).join('')
  console.log(`  ${title.padEnd(26)}${numbers}`)
  void processor.stop(AbortSignal.abort())
}

function attributes(count: number): object[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `a${i}`,
    type: 'string_attribute',
    string_attribute: { key: i % 2 === 0 ? 'http.request.method' : `key-${i}`, values: [`v${i}`] },
  }))
}

function partOf(seed: number): Part {
  const bytes = corpusRequest('traces', { seed, items: ITEMS })
  const index = indexRequest('traces', bytes)
  if (isWireFault(index)) throw new Error(index.fault)
  return { payload: new Payload(bytes), index, selection: null, edits: null, items: ITEMS }
}

function batchOf(part: Part): Batch {
  part.payload.retain()
  return new Batch('traces', 'default', NO_CONTEXT, [part])
}

/** Every eight spans are another trace. */
function renew({ payload, index }: Part): void {
  const spans = index.levels[2]
  for (let item = 0; item < ITEMS; item++) {
    if (item % 8 === 0) fresh++
    const at = spans[item * ROW + START] + ID_AT
    for (let i = 0; i < 16; i++)
      payload.bytes[at + i] = Math.imul(fresh, 0x9e3779b1 + i * 77) >>> 13
  }
}
