/** Requests of metrics in the mix that a service sends: counters, gauges, histograms, some exponential histograms and summaries. */
import { Random } from '../../src/cli/generate/random.ts'
import { Writer } from '../../src/otlp/wire-writer.ts'
import { type CorpusOptions, EPOCH_NANOS, writeAttributes, writeEnvelope } from './envelope.ts'

const POINTS_PER_METRIC = 8
const BOUNDS = [5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000]
const CUMULATIVE = 2
const ROUTES = [
  '/cart',
  '/checkout',
  '/product/{id}',
  '/orders',
  '/login',
  '/search',
  '/',
  '/health',
]
/** Field of the data in Metric, by turns. */
const KINDS = [7, 5, 9, 7, 9, 10, 5, 11] as const

/** One resource, one scope, metrics of 8 data points each until there are `items` (512). */
export function metricsRequest({
  seed = 1,
  items = 512,
  nonAscii = 0,
}: CorpusOptions = {}): Uint8Array {
  const random = new Random(seed)
  const out = new Writer(items * 300 + 1024)
  writeEnvelope(out, random, '@opentelemetry/instrumentation-runtime-node', () => {
    for (let done = 0, m = 0; done < items; done += POINTS_PER_METRIC, m++) {
      const points = Math.min(POINTS_PER_METRIC, items - done)
      writeMetric(out, random, m, points, random.chance(nonAscii))
    }
  })
  return out.finish()
}

function writeMetric(
  out: Writer,
  random: Random,
  m: number,
  points: number,
  nonAscii: boolean,
): void {
  const kind = KINDS[m % KINDS.length]
  const unit = nonAscii ? 'µs' : 'ms'
  out.begin(2).string(1, `shop.server.request.duration.${m}`)
  out.string(2, 'Duration of inbound HTTP requests').string(3, unit).begin(kind)
  for (let i = 0; i < points; i++) {
    out.begin(1)
    writePoint(out, random, kind, i)
    out.end()
  }
  if (kind !== 5 && kind !== 11) out.varint(2, CUMULATIVE)
  if (kind === 7) out.bool(3, true)
  out.end().end()
}

function writePoint(out: Writer, random: Random, kind: (typeof KINDS)[number], i: number): void {
  out.fixed64(2, EPOCH_NANOS).fixed64(3, EPOCH_NANOS + 60_000_000_000n)
  writeAttributes(out, kind === 9 ? 9 : kind === 10 ? 1 : 7, [
    ['http.request.method', 'GET'],
    ['http.route', ROUTES[i % ROUTES.length]],
    ['http.response.status_code', 200],
  ])
  if (kind === 7) out.fixed64(6, BigInt(random.below(1_000_000)))
  if (kind === 5) out.double(4, random.next() * 100)
  if (kind === 9) writeHistogram(out, random)
  if (kind === 10) writeExponential(out, random)
  if (kind === 11) writeSummary(out, random)
}

function writeHistogram(out: Writer, random: Random): void {
  const counts = new Uint8Array((BOUNDS.length + 1) * 8)
  const view = new DataView(counts.buffer)
  let sum = 0
  for (let i = 0; i <= BOUNDS.length; i++) {
    const count = random.below(500)
    sum += count
    view.setBigUint64(i * 8, BigInt(count), true)
  }
  out
    .fixed64(4, BigInt(sum))
    .double(5, sum * 42.5)
    .bytes(6, counts)
  out.bytes(7, new Uint8Array(Float64Array.from(BOUNDS).buffer))
  out.double(11, 0.4).double(12, 9_876.5)
}

function writeExponential(out: Writer, random: Random): void {
  const counts = Uint8Array.from({ length: 40 }, () => random.below(128))
  const sum = counts.reduce((all, count) => all + count, 0)
  out
    .fixed64(4, BigInt(sum))
    .double(5, sum * 3.5)
    .sint32(6, 3)
    .fixed64(7, 2n)
  out.begin(8).sint32(1, -12).bytes(2, counts).end()
}

function writeSummary(out: Writer, random: Random): void {
  out.fixed64(4, 1_000n).double(5, 12_345.5)
  for (const quantile of [0.5, 0.9, 0.99]) {
    out
      .begin(6)
      .double(1, quantile)
      .double(2, random.next() * 1000)
      .end()
  }
}
