/**
 * Answers: what does it cost to hold spans until their trace is judged? Nanoseconds per span for taking in, for looking at
 * a trace as scoring does, for writing kept traces out and for forgetting, with fresh trace ids throughout; and the
 * bytes that one held span takes beside its own. The spans are those of the corpus: 437 bytes, 10 attributes.
 *
 *   node --import tsx bench/micro/assembly.ts
 */
import { Batch, NO_CONTEXT, type Part } from '../../src/core/batch.ts'
import { Payload } from '../../src/core/payload.ts'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import { isWireFault, ROW, START } from '../../src/otlp/request-index.ts'
import { Assembly } from '../../src/sampler/assembly/assembly.ts'
import { STAMP_THRESHOLD, type Stamp } from '../../src/sampler/assembly/stamp.ts'
import { CountingMemory } from '../../src/testing/fakes.ts'
import { corpusRequest } from '../corpus/requests.ts'

const ITEMS = 512
const PAYLOADS = 16
/** Spans held while measuring: 60,000 a second for five seconds. */
const HELD = 300_000
const ROUNDS = 120
const TICK_MS = 100
const SPANS_PER_TICK = 6000
const KEEP_EVERY = 10
const ID_AT = 2

const parts = Array.from({ length: PAYLOADS }, (_, i) =>
  partOf(corpusRequest('traces', { seed: i + 1, items: ITEMS })),
)
const memory = new CountingMemory()
const assembly = new Assembly({ memory, maxBytes: 2 ** 31, maxWaitMs: 5000, tickMs: TICK_MS })
const handles = new Int32Array(65_536)
const kept = new Int32Array(65_536)
let nowMs = 0
let fresh = 1

const nanos = { reserve: 0, add: 0, ready: 0, look: 0, emit: 0, forget: 0, tidy: 0 }
const best = { ...nanos }
const keys = Object.keys(best) as (keyof typeof best)[]
for (const key of keys) best[key] = Number.POSITIVE_INFINITY
let longestTidy = 0
/** Spans of the last tick. */
let taken = 0

while (assembly.spansHeld < HELD) tick(false)
const spanBytes =
  parts.reduce((sum, part) => sum + part.payload.bytes.length, 0) / (PAYLOADS * ITEMS)
const perSpan = assembly.bytesHeld / assembly.spansHeld
for (let round = 0; round < ROUNDS; round++) {
  for (const key of keys) nanos[key] = 0
  const [judged, sent] = tick(true)
  // Taking in and judging go at the same pace, but not tick by tick.
  for (const key of keys) {
    const spans = key === 'emit' ? sent : key === 'add' || key === 'reserve' ? taken : judged
    if (spans > 0) best[key] = Math.min(best[key], nanos[key] / spans)
  }
}
console.log('ns per span, 300,000 held')
for (const [key, value] of Object.entries(best))
  console.log(`  ${key.padEnd(10)}${value.toFixed(1).padStart(10)}`)
console.log(`longest tidy ${(longestTidy / 1e6).toFixed(2)} ms`)
console.log(`bytes per held span ${perSpan.toFixed(0)}, of these its own ${spanBytes.toFixed(0)}`)

/** What a tenth of a second brings; returns the spans judged and sent. */
function tick(isFull: boolean): [number, number] {
  taken = 0
  for (; taken < SPANS_PER_TICK; taken += ITEMS) {
    const part = parts[fresh % PAYLOADS]
    renew(part)
    const batch = new Batch('traces', 'default', NO_CONTEXT, [part])
    time('reserve', () => assembly.reserve(batch))
    time('add', () => assembly.add(part, 'default', nowMs))
  }
  nowMs += TICK_MS
  if (!isFull) return [0, 0]
  let judged = 0
  let sent = 0
  let count = 0
  time('ready', () => {
    count = assembly.ready(nowMs, handles)
  })
  time('look', () => {
    for (let i = 0; i < count; i++) judged += assembly.spansOf(handles[i]).count
  })
  let keptCount = 0
  for (let i = 0; i < count; i += KEEP_EVERY) kept[keptCount++] = handles[i]
  time('emit', () => {
    const batches = assembly.emit(kept, keptCount, { maxItems: 8192, stamp })
    for (const batch of batches) {
      sent += batch.items
      batch.release()
    }
  })
  time('forget', () => {
    for (let i = 0; i < count; i++) assembly.forget(handles[i])
  })
  const before = nanos.tidy
  time('tidy', () => assembly.tidy(nowMs))
  longestTidy = Math.max(longestTidy, nanos.tidy - before)
  return [judged, sent]
}

function stamp(_handle: number, stamp: Stamp): void {
  stamp.mode = STAMP_THRESHOLD
  stamp.thresholdHigh = 0xe666666
}

function time(key: keyof typeof nanos, run: () => void): void {
  const start = process.hrtime.bigint()
  run()
  nanos[key] += Number(process.hrtime.bigint() - start)
}

/** New trace ids, the same for spans that shared one. */
function renew(part: Part): void {
  const rows = part.index.levels[2]
  const { bytes } = part.payload
  const base = (fresh++ * 2654435761) >>> 0
  for (let at = 0; at < rows.length; at += ROW) {
    const id = rows[at + START] + ID_AT
    bytes[id] = base
    bytes[id + 1] = base >>> 8
    bytes[id + 2] = base >>> 16
    bytes[id + 3] = base >>> 24
  }
}

function partOf(bytes: Uint8Array): Part {
  const index = indexRequest('traces', bytes)
  if (isWireFault(index)) throw new Error(index.fault)
  return { payload: new Payload(bytes), index, selection: null, edits: null, items: index.items }
}
