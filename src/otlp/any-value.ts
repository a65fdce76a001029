/** OTLP AnyValue bytes to JavaScript values, for what looks at single values: rules, printers, tests. */
import {
  BYTES,
  FieldCursor,
  readDouble,
  readString,
  readVarint32,
  readVarint64,
} from './wire-reader.ts'

/** `bigint` is an integer, `number` a double, `null` an empty value, a Map a key-value list. */
export type AnyValue =
  | string
  | boolean
  | bigint
  | number
  | Uint8Array
  | readonly AnyValue[]
  | ReadonlyMap<string, AnyValue>
  | null

/** Deepest list or map inside a value that is read; what nests deeper reads as null. */
export const MAX_VALUE_DEPTH = 64

/**
 * Reads the content of an AnyValue. Of several members of the oneof the last one counts; a repeated list or map goes
 * on where the one before ended, as protobuf merges messages. Bytes are a view of the payload, not a copy.
 */
export function readAnyValue(
  bytes: Uint8Array,
  start: number,
  end: number,
  depth = MAX_VALUE_DEPTH,
): AnyValue {
  const field = new FieldCursor(bytes, start, end)
  let value: AnyValue = null
  while (field.next()) {
    if (field.number === 1) value = readString(bytes, field.start, field.end)
    else if (field.number === 2) value = readVarint32(bytes, field.start) !== 0
    else if (field.number === 3) value = readVarint64(bytes, field.start)
    else if (field.number === 4) value = readDouble(bytes, field.start)
    else if (field.number === 7) value = bytes.subarray(field.start, field.end)
    else if (field.number === 8) value = null
    else if (field.number === 5 && depth > 0) value = readList(field, value, depth)
    else if (field.number === 6 && depth > 0) value = readMap(field, value, depth)
    else if (field.number === 5 || field.number === 6) value = null
  }
  return value
}

function readList(list: FieldCursor, before: AnyValue, depth: number): AnyValue {
  const values: AnyValue[] = Array.isArray(before) ? before : []
  const { bytes } = list
  const field = new FieldCursor(bytes, list.start, list.end)
  while (field.next()) {
    if (field.number === 1) values.push(readAnyValue(bytes, field.start, field.end, depth - 1))
  }
  return values
}

function readMap(list: FieldCursor, before: AnyValue, depth: number): AnyValue {
  const map: Map<string, AnyValue> = before instanceof Map ? before : new Map()
  const { bytes } = list
  const field = new FieldCursor(bytes, list.start, list.end)
  const pair = new KeyValueCursor()
  while (field.next()) {
    if (field.number !== 1 || field.wire !== BYTES) continue
    pair.reset(bytes, field.start, field.end)
    map.set(pair.key(), pair.value(depth - 1))
  }
  return map
}

/** Where key and value of one KeyValue stand; moved from pair to pair. */
export class KeyValueCursor {
  #bytes: Uint8Array = new Uint8Array(0)
  readonly #field = new FieldCursor()
  keyStart = 0
  keyEnd = 0
  valueStart = 0
  valueEnd = 0

  /** Goes to the KeyValue whose content is `start` to `end`. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes
    this.keyStart = this.keyEnd = start
    this.valueStart = this.valueEnd = start
    const field = this.#field
    field.reset(bytes, start, end)
    while (field.next()) {
      if (field.number === 1) {
        this.keyStart = field.start
        this.keyEnd = field.end
      } else if (field.number === 2) {
        this.valueStart = field.start
        this.valueEnd = field.end
      }
    }
  }

  key(): string {
    return readString(this.#bytes, this.keyStart, this.keyEnd)
  }

  value(depth = MAX_VALUE_DEPTH): AnyValue {
    return readAnyValue(this.#bytes, this.valueStart, this.valueEnd, depth)
  }
}
