/** `convert_exponential_histogram_to_histogram`: exponential buckets spread over bounds that a person chose. */
import { readSint32 } from '../../otlp/wire-reader.ts'
import type { FunctionSpec } from '../../rules/function.ts'
import { declare } from './make-metrics.ts'
import { EXPONENTIAL, emptyLike, HISTOGRAM, writeMetric } from './metric-model.ts'
import type { MetricOutbox } from './metric-outbox.ts'
import { RawFields } from './raw-fields.ts'

/** Puts the observations of one bucket, from `lower` to `upper`, into the counts by bound. */
type Spread = (
  count: bigint,
  lower: number,
  upper: number,
  bounds: readonly number[],
  counts: bigint[],
) => void

/** Observations that are thrown one by one; what is more is shared out evenly. */
const MAX_THROWS = 10_000n

export function toHistogram(outbox: MetricOutbox): FunctionSpec {
  return declare(outbox, {
    name: 'convert_exponential_histogram_to_histogram',
    params: [
      { name: 'DistributionFn', type: 'literalString' },
      { name: 'ExplicitBounds', type: 'literalFloat', list: true },
    ],
    summary:
      'Makes a histogram with these bounds of an exponential one: upper, midpoint, uniform or random.',
    example: 'convert_exponential_histogram_to_histogram("upper", [1.0, 10.0, 100.0])',
    make: ([name, list]) => {
      const spread = SPREADS[name === '' ? 'random' : (name as string)]
      if (spread === undefined) {
        throw new Error(
          `invalid conversion function: ${name}, must be one of upper, midpoint, random, uniform`,
        )
      }
      const bounds = list as readonly number[]
      if (bounds.length === 0) throw new Error('explicit bounds cannot be empty')
      return (metric, scope) => {
        if (metric.kind !== EXPONENTIAL) return
        const made = { ...emptyLike(metric, HISTOGRAM), temporality: metric.temporality }
        made.points = metric.points.map(point => convert(point, bounds, spread))
        outbox.replace(scope, writeMetric(made))
      }
    },
  })
}

function convert(point: Uint8Array, bounds: readonly number[], spread: Spread): Uint8Array {
  const from = new RawFields(point)
  const made = new RawFields()
  for (const number of [2, 3, 4]) {
    const value = from.fixed64(number)
    if (value !== 0n) made.add(writer => writer.fixed64(number, value))
  }
  const counts = countBuckets(from, bounds, spread)
  const packedCounts = new Uint8Array(BigUint64Array.from(counts).buffer)
  const packedBounds = new Uint8Array(Float64Array.from(bounds).buffer)
  return made
    .add(writer => writer.double(5, from.double(5) ?? 0))
    .add(writer => writer.bytes(6, packedCounts).bytes(7, packedBounds))
    .messages(8, from.all(11))
    .messages(9, from.all(1))
    .add(writer => writer.double(11, from.double(12) ?? 0).double(12, from.double(13) ?? 0))
    .finish()
}

/** Negative observations are left out, as upstream does. */
function countBuckets(point: RawFields, bounds: readonly number[], spread: Spread): bigint[] {
  const scale = signed(point.last(6))
  const factor = Math.LN2 * 2 ** -scale
  const counts = bounds.map(() => 0n)
  const last = bounds.length - 1
  if (bounds[0] === 0) counts[0] += point.fixed64(7)
  const positive = new RawFields(point.last(8))
  const offset = signed(positive.last(1))
  for (const [position, count] of positive.packedVarint64(2).entries()) {
    const index = offset + position
    const upper = Math.exp((index + 1) * factor)
    const lower = Math.exp(index * factor)
    if (lower > bounds[last]) {
      counts[last] += count
      continue
    }
    const inside = bounds.findIndex((bound, b) => b > 0 && lower > bounds[b - 1] && upper <= bound)
    if (inside > 0) counts[inside - 1] += count
    else spread(count, lower, upper, bounds, counts)
  }
  return counts
}

function signed(content: Uint8Array | undefined): number {
  return content === undefined ? 0 : readSint32(content, 0)
}

const SPREADS: Readonly<Record<string, Spread | undefined>> = {
  upper: (count, _, upper, bounds, counts) => {
    const at = bounds.findIndex(bound => upper <= bound)
    counts[at < 0 ? bounds.length - 1 : at] += count
  },
  midpoint: (count, lower, upper, bounds, counts) => {
    const at = bounds.findIndex(bound => (upper + lower) / 2 <= bound)
    counts[at < 0 ? bounds.length - 1 : Math.max(0, at - 1)] += count
  },
  uniform: (count, lower, upper, bounds, counts) => {
    const { start, end } = touched(lower, upper, bounds)
    shareOut(count, start, end, counts)
  },
  random: (count, lower, upper, bounds, counts) => {
    const { start, end } = touched(lower, upper, bounds)
    if (end <= start) {
      counts[start] += count
      return
    }
    let rest = count
    for (let j = start; j <= end; j++) {
      const from = j === 0 ? lower : bounds[j - 1]
      const overlap = Math.min(bounds[j], upper) - Math.max(from, lower)
      const most = Math.trunc(Number(count) * (overlap / (upper - lower)))
      const share = BigInt(Math.max(0, Math.trunc(Math.random() * most)))
      counts[j] += share
      rest -= share
    }
    for (let thrown = 0n; rest > 0n && thrown < MAX_THROWS; thrown++, rest--) {
      counts[start + Math.floor(Math.random() * (end - start + 1))]++
    }
    if (rest > 0n) shareOut(rest, start, end, counts)
  },
}

/** The bounds from the first that is not below the bucket to the first that is not below its end. */
function touched(lower: number, upper: number, bounds: readonly number[]) {
  const last = bounds.length - 1
  const first = (value: number, from: number): number => {
    let at = from
    while (at <= last && bounds[at] < value) at++
    return at
  }
  const start = first(lower, 0)
  return { start: Math.min(start, last), end: Math.min(first(upper, start), last) }
}

function shareOut(count: bigint, start: number, end: number, counts: bigint[]): void {
  if (end <= start) {
    counts[start] += count
    return
  }
  const shares = BigInt(end - start + 1)
  let rest = count % shares
  for (let j = start; j <= end; j++) {
    counts[j] += count / shares
    if (rest > 0n) {
      counts[j]++
      rest--
    }
  }
}
