/** Values of data points as they are kept between scrapes, read from the wire and added up where they come as deltas. */
import type { PointView } from '../../otlp/metrics-view.ts'
import type { BucketsView, ExemplarView } from '../../otlp/points-view.ts'
import type { RepeatedView } from '../../otlp/repeated-view.ts'

/** Of one point; upstream's limit is what the sender puts there. */
const MAX_EXEMPLARS = 64
/** Buckets of one point; far more than any SDK makes. */
const MAX_BUCKETS = 20_000
const NANOS_PER_MS = 1e6

export interface Exemplar {
  readonly traceId: string
  readonly spanId: string
  readonly value: number
  readonly timeMs: number
}

interface Timed {
  readonly startNano: bigint
  readonly timeNano: bigint
  readonly exemplars: readonly Exemplar[]
}

export interface NumberValue extends Timed {
  readonly kind: 'number'
  readonly value: number
}

export interface HistogramValue extends Timed {
  readonly kind: 'histogram'
  readonly count: number
  readonly sum: number
  readonly bounds: readonly number[]
  /** One more than bounds, not cumulative; may be absent altogether. */
  readonly counts: readonly number[]
}

export interface Buckets {
  readonly offset: number
  readonly counts: readonly number[]
}

export interface ExponentialValue extends Timed {
  readonly kind: 'exponential'
  readonly count: number
  readonly sum: number
  readonly scale: number
  readonly zeroCount: number
  readonly zeroThreshold: number
  readonly positive: Buckets
  readonly negative: Buckets
}

export interface SummaryValue extends Timed {
  readonly kind: 'summary'
  readonly count: number
  readonly sum: number
  readonly quantiles: readonly (readonly [number, number])[]
}

export type PointValue = NumberValue | HistogramValue | ExponentialValue | SummaryValue

/** Undefined for a point that is too large to keep. */
export function readPoint(point: PointView): PointValue | undefined {
  const { startTimeUnixNano: startNano, timeUnixNano: timeNano } = point
  const times = { startNano, timeNano }
  if (point.kind === 'number') {
    const value = Number(point.value ?? 0)
    return { kind: 'number', ...times, value, exemplars: readExemplars(point.exemplars) }
  }
  const count = Number(point.count)
  if (point.kind === 'summary') {
    const quantiles: [number, number][] = []
    while (point.quantiles.next()) {
      const { quantile, value } = point.quantiles.current
      quantiles.push([quantile, value])
      if (quantiles.length > MAX_BUCKETS) return undefined
    }
    return { kind: 'summary', ...times, count, sum: point.sum, quantiles, exemplars: [] }
  }
  const exemplars = readExemplars(point.exemplars)
  const sum = point.sum ?? 0
  if (point.kind === 'histogram') {
    const bounds = point.explicitBounds
    const counts = point.bucketCounts.map(Number)
    if (Math.max(bounds.length, counts.length) > MAX_BUCKETS) return undefined
    return { kind: 'histogram', ...times, count, sum, bounds, counts, exemplars }
  }
  const positive = readBuckets(point.positive)
  const negative = readBuckets(point.negative)
  if (Math.max(positive.counts.length, negative.counts.length) > MAX_BUCKETS) return undefined
  const { scale, zeroThreshold } = point
  const zeroCount = Number(point.zeroCount)
  const value = { count, sum, scale, zeroCount, zeroThreshold, positive, negative, exemplars }
  return { kind: 'exponential', ...times, ...value }
}

function readBuckets(view: BucketsView): Buckets {
  return { offset: view.offset, counts: view.bucketCounts.map(Number) }
}

function readExemplars(view: RepeatedView<ExemplarView>): Exemplar[] {
  const exemplars: Exemplar[] = []
  while (exemplars.length < MAX_EXEMPLARS && view.next()) {
    const { traceId, spanId, value, timeUnixNano } = view.current
    exemplars.push({
      traceId: isZeros(traceId) ? '' : traceId,
      spanId: isZeros(spanId) ? '' : spanId,
      value: Number(value ?? 0),
      timeMs: Number(timeUnixNano) / NANOS_PER_MS,
    })
  }
  return exemplars
}

function isZeros(id: string): boolean {
  return /^0*$/.test(id)
}

/** What becomes of a point that comes as a delta. */
export type Merged = { readonly value: PointValue } | { readonly reason: 'misaligned_delta' }

/** Adds a delta to what was kept. One that does not begin where that ended starts anew, or is of before. */
export function addDelta(kept: PointValue, delta: PointValue): Merged {
  if (kept.kind !== delta.kind) return { value: delta }
  const isAligned = delta.startNano === kept.timeNano
  if (delta.kind === 'number' && kept.kind === 'number') {
    if (!isAligned) return { value: delta }
    return { value: { ...delta, startNano: kept.startNano, value: kept.value + delta.value } }
  }
  if (!isAligned) {
    return delta.startNano > kept.timeNano ? { value: delta } : { reason: 'misaligned_delta' }
  }
  if (delta.kind === 'histogram' && kept.kind === 'histogram') {
    return { value: addHistograms(kept, delta) }
  }
  if (delta.kind === 'exponential' && kept.kind === 'exponential') {
    const value = addExponentials(kept, delta)
    return value === undefined ? { reason: 'misaligned_delta' } : { value }
  }
  return { value: delta }
}

function addHistograms(kept: HistogramValue, delta: HistogramValue): HistogramValue {
  const { startNano } = kept
  const fits =
    kept.counts.length === delta.counts.length &&
    kept.bounds.length === delta.bounds.length &&
    delta.bounds.every((bound, i) => bound === kept.bounds[i])
  // Counts in other buckets cannot be added up.
  if (!fits) return { ...delta, startNano }
  const counts = delta.counts.map((count, i) => count + kept.counts[i])
  const [count, sum] = [delta.count + kept.count, delta.sum + kept.sum]
  return { ...delta, startNano, count, sum, counts }
}

function addExponentials(
  kept: ExponentialValue,
  delta: ExponentialValue,
): ExponentialValue | undefined {
  const scale = Math.min(kept.scale, delta.scale)
  const zeroThreshold = Math.max(kept.zeroThreshold, delta.zeroThreshold)
  const at = (value: ExponentialValue, side: 'positive' | 'negative') => {
    const buckets = coarsen(value[side], value.scale - scale)
    return value.zeroThreshold < zeroThreshold
      ? aboveZero(buckets, scale, zeroThreshold)
      : { buckets, zeros: 0 }
  }
  const sides = (['positive', 'negative'] as const).map(side => {
    const [a, b] = [at(kept, side), at(delta, side)]
    return { buckets: addBuckets(a.buckets, b.buckets), zeros: a.zeros + b.zeros }
  })
  const [positive, negative] = sides.map(({ buckets }) => buckets)
  if (positive === undefined || negative === undefined) return undefined
  const zeros = sides[0].zeros + sides[1].zeros
  return {
    ...delta,
    startNano: kept.startNano,
    scale,
    zeroThreshold,
    positive,
    negative,
    count: kept.count + delta.count,
    sum: kept.sum + delta.sum,
    zeroCount: kept.zeroCount + delta.zeroCount + zeros,
  }
}

/** Fewer buckets, each of 2^`by` of before. */
export function coarsen({ offset, counts }: Buckets, by: number): Buckets {
  if (by <= 0 || counts.length === 0) return { offset, counts }
  const width = 2 ** Math.min(by, 40)
  const first = Math.floor(offset / width)
  const made: number[] = []
  for (const [i, count] of counts.entries()) {
    const to = Math.floor((offset + i) / width) - first
    made[to] = (made[to] ?? 0) + count
  }
  return { offset: first, counts: made }
}

/** Buckets that lie wholly within the zero threshold count as zeros. */
function aboveZero(
  { offset, counts }: Buckets,
  scale: number,
  zeroThreshold: number,
): { buckets: Buckets; zeros: number } {
  let zeros = 0
  let first = 0
  while (first < counts.length && 2 ** ((offset + first + 1) / 2 ** scale) <= zeroThreshold) {
    zeros += counts[first++]
  }
  return { buckets: { offset: offset + first, counts: counts.slice(first) }, zeros }
}

function addBuckets(a: Buckets, b: Buckets): Buckets | undefined {
  if (a.counts.length === 0) return b
  if (b.counts.length === 0) return a
  const offset = Math.min(a.offset, b.offset)
  const end = Math.max(a.offset + a.counts.length, b.offset + b.counts.length)
  if (end - offset > MAX_BUCKETS) return undefined
  const counts = new Array<number>(end - offset).fill(0)
  for (const each of [a, b]) {
    for (const [i, count] of each.counts.entries()) counts[each.offset - offset + i] += count
  }
  return { offset, counts }
}
