/**
 * A hash over attributes that is the same wherever it is computed, whatever their order: as the Go collector's `pdatautil`
 * makes it, so that mixed fleets choose alike.
 *
 * ```
 * attributes: (f4 key value)*        value: f7 text | f8 true | f9 false | fa int64 | fb double | f6 bytes | f5 none
 *                                           | fc attributes fd | fe values ff
 * hash: XXH64 of that, then XXH64 of that with f3 behind it; without attributes 16 zeros
 * ```
 */
import { xxh64 } from '../util/xxh64.ts'
import type { AnyValue } from './any-value.ts'
import type { AttributesView } from './attributes-view.ts'
import { asBuffer } from './wire-reader.ts'

/** Sets of attributes whose hashes are kept; beyond that all are forgotten. */
const MAX_KNOWN = 10_000
const HASH_BYTES = 16

const known = new Map<string, Uint8Array>()
const NO_ATTRIBUTES = new Uint8Array(HASH_BYTES)

/** 16 bytes, not to be written to. `bytes` are those that the view stands on. */
export function hashAttributes(attributes: AttributesView, bytes: Uint8Array): Uint8Array {
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
