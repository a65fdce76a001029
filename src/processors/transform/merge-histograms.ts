/** Several histogram points, or exponential ones, made one. */
import { readSint32 } from '../../otlp/wire-reader.ts'
import { earliestStart } from './merge-numbers.ts'
import { RawFields } from './raw-fields.ts'

const COUNT = 4
const SUM = 5
const BUCKETS = 6
const EXEMPLARS = 8

const ZERO_COUNT = 7
const POSITIVE = 8
const NEGATIVE = 9
const EXPONENTIAL_EXEMPLARS = 11

/** The widest range of buckets that is written out; more comes only from made-up offsets. */
const MAX_BUCKETS = 65_536

/** Points without any observation are passed over. */
export function mergeHistograms(group: readonly RawFields[]): RawFields {
  const [first, ...rest] = group
  const others = rest.filter(point => point.fixed64(COUNT) !== 0n)
  if (others.length === 0) return first
  mergeCommon(first, others, 11, 12, EXEMPLARS)
  const counts = first.packedFixed64(BUCKETS)
  for (const other of others) {
    for (const [i, count] of other.packedFixed64(BUCKETS).entries()) {
      if (i < counts.length) counts[i] = BigInt.asUintN(64, counts[i] + count)
    }
  }
  if (counts.length === 0) return first
  const packed = new Uint8Array(BigUint64Array.from(counts).buffer)
  return first.set(BUCKETS, writer => writer.bytes(BUCKETS, packed))
}

export function mergeExponential(group: readonly RawFields[]): RawFields {
  const [first, ...rest] = group
  const others = rest.filter(point => point.fixed64(COUNT) !== 0n)
  if (others.length === 0) return first
  mergeCommon(first, others, 12, 13, EXPONENTIAL_EXEMPLARS)
  setTotal(first, others, ZERO_COUNT)
  for (const side of [POSITIVE, NEGATIVE]) {
    const all = [first, ...others].map(point => readBuckets(point.last(side)))
    const merged = all.filter(buckets => buckets.counts.length > 0).reduce(joinBuckets, all[0])
    if (merged.counts.length > 0 || first.last(side) !== undefined) {
      first.remove(side).message(side, writeBuckets(merged))
    }
  }
  return first
}

interface Buckets {
  readonly offset: number
  readonly counts: readonly bigint[]
}

function readBuckets(content: Uint8Array | undefined): Buckets {
  if (content === undefined) return { offset: 0, counts: [] }
  const fields = new RawFields(content)
  const offset = fields.last(1)
  return {
    offset: offset === undefined ? 0 : readSint32(offset, 0),
    counts: fields.packedVarint64(2),
  }
}

function writeBuckets({ offset, counts }: Buckets): Uint8Array {
  const fields = new RawFields()
  if (offset !== 0) fields.add(writer => writer.sint32(1, offset))
  if (counts.length > 0) {
    const packed = new RawFields().add(writer => {
      for (const count of counts) writer.varint64(2, count)
    })
    // Each value stands in a field of its own there; packed they stand without their tags.
    fields.message(2, Buffer.concat(packed.all(2)))
  }
  return fields.finish()
}

/** By what the buckets mean: a count goes to the bucket with the same index. */
function joinBuckets(a: Buckets, b: Buckets): Buckets {
  if (a === b || b.counts.length === 0) return a
  if (a.counts.length === 0) return b
  const offset = Math.min(a.offset, b.offset)
  const end = Math.max(a.offset + a.counts.length, b.offset + b.counts.length)
  if (end - offset > MAX_BUCKETS) return a
  const counts = new Array<bigint>(end - offset).fill(0n)
  for (const { offset: from, counts: added } of [a, b]) {
    for (const [i, count] of added.entries()) {
      const at = from - offset + i
      counts[at] = BigInt.asUintN(64, counts[at] + count)
    }
  }
  return { offset, counts }
}

function mergeCommon(
  first: RawFields,
  others: readonly RawFields[],
  min: number,
  max: number,
  exemplars: number,
): void {
  earliestStart(first, others)
  setTotal(first, others, COUNT)
  const all = [first, ...others]
  const sum = all.reduce((total, point) => total + (point.double(SUM) ?? 0), 0)
  first.set(SUM, writer => writer.double(SUM, sum))
  if (first.double(min) !== undefined) {
    const least = Math.min(...all.map(point => point.double(min) ?? 0))
    first.set(min, writer => writer.double(min, least))
  }
  if (first.double(max) !== undefined) {
    const greatest = Math.max(...all.map(point => point.double(max) ?? 0))
    first.set(max, writer => writer.double(max, greatest))
  }
  for (const other of others) first.messages(exemplars, other.all(exemplars))
}

function setTotal(first: RawFields, others: readonly RawFields[], number: number): void {
  const total = others.reduce((sum, point) => sum + point.fixed64(number), first.fixed64(number))
  if (total === 0n) first.remove(number)
  else first.set(number, writer => writer.fixed64(number, BigInt.asUintN(64, total)))
}
