/**
 * Names of resources and metric streams that are the same wherever they are computed: hashes over sorted attributes, as
 * the Go collector's `identity` packages make them.
 *
 * ```
 * attributes: (f4 key value)*        value: f7 text | f8 true | f9 false | fa int64 | fb double | f6 bytes | f5 none
 *                                           | fc attributes fd | fe values ff
 * hash: XXH64 of that, then XXH64 of that with f3 behind it; without attributes 16 zeros
 * ```
 */
import type { AnyValue } from '../../../otlp/any-value.ts'
import type { AttributesView } from '../../../otlp/attributes-view.ts'
import type { MetricKind, MetricsView } from '../../../otlp/metrics-view.ts'
import { asBuffer } from '../../../otlp/wire-reader.ts'
import { xxh64 } from '../../../util/xxh64.ts'

/** Sets of attributes whose hashes are kept; beyond that all are forgotten. */
const MAX_KNOWN = 10_000
const HASH_BYTES = 16

/** As pdata numbers them. */
const TYPES: Readonly<Record<MetricKind, number>> = {
  gauge: 1,
  sum: 2,
  histogram: 3,
  exponential_histogram: 4,
  summary: 5,
}

const known = new Map<string, Uint8Array>()
const NO_ATTRIBUTES = new Uint8Array(HASH_BYTES)

export function resourceIdentity(attributes: AttributesView, bytes: Uint8Array): string {
  return `resource/${new Fnv().add(hashOf(attributes, bytes)).text}`
}

/** What all points of one metric share. */
export class MetricIdentity {
  readonly #shared: Fnv
  readonly #bytes: Uint8Array

  /** The view stands on a point of the metric. */
  constructor({ resource, scope, metric }: MetricsView, bytes: Uint8Array) {
    this.#bytes = bytes
    const { kind } = metric
    const isHistogram = kind === 'histogram' || kind === 'exponential_histogram'
    const isMonotonic = metric.isMonotonic || isHistogram
    this.#shared = new Fnv()
      .add(hashOf(resource.attributes, bytes))
      .add(Buffer.from(scope.name))
      .add(Buffer.from(scope.version))
      .add(hashOf(scope.attributes, bytes))
      .add(Buffer.from(metric.name))
      .add(Buffer.from(metric.unit))
      .add(Uint8Array.of(TYPES[kind], isMonotonic ? 1 : 0, metric.temporality))
  }

  stream(attributes: AttributesView): string {
    return `stream/${this.#shared.copy().add(hashOf(attributes, this.#bytes)).text}`
  }
}

/** `bytes` are those that the view stands on. */
function hashOf(attributes: AttributesView, bytes: Uint8Array): Uint8Array {
  const key = rawText(attributes, bytes)
  if (key === '') return NO_ATTRIBUTES
  let hash = known.get(key)
  if (hash === undefined) {
    if (known.size >= MAX_KNOWN) known.clear()
    known.set(key, (hash = hash128(serialise(attributes))))
  }
  return hash
}

/** All pairs as they stand in the payload, a character for each byte. */
function rawText(attributes: AttributesView, bytes: Uint8Array): string {
  const buffer = asBuffer(bytes)
  let text = ''
  let from = -1
  let to = -1
  attributes.rewind()
  while (attributes.next()) {
    const { fieldStart, fieldEnd } = attributes
    if (fieldStart !== to) {
      if (from >= 0) text += buffer.toString('latin1', from, to)
      from = fieldStart
    }
    to = fieldEnd
  }
  return from < 0 ? '' : text + buffer.toString('latin1', from, to)
}

function hash128(bytes: Buffer): Uint8Array {
  const hash = Buffer.alloc(HASH_BYTES)
  hash.writeBigUInt64LE(xxh64(bytes), 0)
  hash.writeBigUInt64LE(xxh64(Buffer.concat([bytes, Uint8Array.of(0xf3)])), 8)
  return hash
}

/** Of a key that occurs twice, each occurrence counts, with the first one's value: so upstream. */
function serialise(attributes: AttributesView): Buffer {
  const keys: string[] = []
  const values = new Map<string, AnyValue>()
  attributes.rewind()
  while (attributes.next()) {
    const { key } = attributes
    keys.push(key)
    if (!values.has(key)) values.set(key, attributes.value)
  }
  const out: Uint8Array[] = []
  writePairs(keys, values, out)
  return Buffer.concat(out)
}

function writePairs(keys: string[], values: ReadonlyMap<string, AnyValue>, out: Uint8Array[]) {
  for (const key of keys.sort()) {
    out.push(Uint8Array.of(0xf4), Buffer.from(key))
    writeValue(values.get(key) ?? null, out)
  }
}

function writeValue(value: AnyValue, out: Uint8Array[]): void {
  if (value === null) out.push(Uint8Array.of(0xf5))
  else if (typeof value === 'string') out.push(Uint8Array.of(0xf7), Buffer.from(value))
  else if (typeof value === 'boolean') out.push(Uint8Array.of(value ? 0xf8 : 0xf9))
  else if (typeof value === 'bigint') {
    const number = Buffer.alloc(8)
    number.writeBigInt64LE(BigInt.asIntN(64, value))
    out.push(Uint8Array.of(0xfa), number)
  } else if (typeof value === 'number') {
    const number = Buffer.alloc(8)
    number.writeDoubleLE(value)
    out.push(Uint8Array.of(0xfb), number)
  } else if (value instanceof Uint8Array) out.push(Uint8Array.of(0xf6), value)
  else if (Array.isArray(value)) {
    out.push(Uint8Array.of(0xfe))
    for (const each of value as readonly AnyValue[]) writeValue(each, out)
    out.push(Uint8Array.of(0xff))
  } else {
    const map = value as ReadonlyMap<string, AnyValue>
    out.push(Uint8Array.of(0xfc))
    writePairs([...map.keys()], map, out)
    out.push(Uint8Array.of(0xfd))
  }
}

/** FNV-1a of 64 bits, in two words. */
class Fnv {
  #high = 0xcbf29ce4
  #low = 0x84222325

  copy(): Fnv {
    const copy = new Fnv()
    copy.#high = this.#high
    copy.#low = this.#low
    return copy
  }

  /** Times 2^40 + 435 for each byte. */
  add(bytes: Uint8Array): this {
    let high = this.#high
    let low = this.#low
    for (let i = 0; i < bytes.length; i++) {
      low = (low ^ bytes[i]) >>> 0
      const product = low * 435
      high = (Math.imul(high, 435) + Math.floor(product / 0x1_0000_0000) + (low << 8)) >>> 0
      low = product >>> 0
    }
    this.#high = high
    this.#low = low
    return this
  }

  /** As Go's %x: without leading zeros. */
  get text(): string {
    return ((BigInt(this.#high) << 32n) | BigInt(this.#low)).toString(16)
  }
}
