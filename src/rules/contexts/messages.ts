/** Paths to whole messages and lists of them: they are handed on as bytes, and taken back from a place of the same type. */
import {
  BYTES,
  readDouble,
  readSfixed64,
  readVarint64,
  skipVarint,
} from '../../otlp/wire-reader.ts'
import type { Target } from '../function.ts'
import { OtlpList, OtlpMessage, type Value } from '../value.ts'
import type { Cursor, Place } from './cursor.ts'
import { type Field, mismatch, numberOf, numberToSet } from './field.ts'
import { fieldWriter, type PackedKind } from './field-writer.ts'
import { type Message, messageField } from './message.ts'
import { putWritten } from './scalars.ts'

const NO_BYTES = new Uint8Array(0)

/** A message that is a field. */
export function messagePath(field: Field, type: string): Target {
  return {
    get: scope => {
      const cursor = scope as Cursor
      const number = numberOf(field, cursor)
      if (number === 0) return null
      const message = cursor.places[field.place]
      const at = message.findOnly(number)
      return new OtlpMessage(type, at < 0 ? NO_BYTES : contentOf(message, at))
    },
    set: (scope, value) => {
      const cursor = scope as Cursor
      if (!(value instanceof OtlpMessage) || value.type !== type) throw mismatch(type, value)
      const number = numberToSet(field, cursor)
      if (number === 0) return
      putWritten(cursor.places[field.place], number, fieldWriter.content(number, value.bytes))
    },
  }
}

/** The message itself that the cursor stands in. */
export function wholePath(place: Place, type: string): Target {
  return {
    get: scope => new OtlpMessage(type, (scope as Cursor).places[place].copy()),
    set: (scope, value) => {
      if (!(value instanceof OtlpMessage) || value.type !== type) throw mismatch(type, value)
      ;(scope as Cursor).places[place].become(value.bytes)
    },
  }
}

function contentOf(message: Message, at: number): Uint8Array {
  return new Uint8Array(message.bytes.subarray(message.startOf(at), message.endOf(at)))
}

/** All messages of a repeated field. */
export function listPath(field: Field, type: string): Target {
  return {
    get: scope => {
      const cursor = scope as Cursor
      const number = numberOf(field, cursor)
      if (number === 0) return null
      const message = cursor.places[field.place]
      const items: Uint8Array[] = []
      const count = message.count
      for (let i = message.next(number, 0); i < count; i = message.next(number, i + 1)) {
        items.push(contentOf(message, i))
      }
      return new OtlpList(type, items)
    },
    set: (scope, value) => {
      const cursor = scope as Cursor
      if (value !== null && !(value instanceof OtlpList && value.type === type)) {
        throw mismatch(`${type} list`, value)
      }
      const number = numberToSet(field, cursor)
      if (number !== 0) putAll(cursor.places[field.place], number, value?.items ?? [])
    },
  }
}

function putAll(message: Message, number: number, items: readonly Uint8Array[]): void {
  const fields = Buffer.concat(items.map(item => messageField(number, item, 0, item.length)))
  if (fields.length === 0) message.clear(number)
  else message.putAll(number, fields, 0, fields.length)
}

/** A list of numbers; senders may write it packed or field by field. */
export function numbersPath(field: Field, kind: PackedKind): Target {
  return {
    get: scope => {
      const cursor = scope as Cursor
      const number = numberOf(field, cursor)
      return number === 0 ? null : readNumbers(cursor.places[field.place], number, kind)
    },
    set: (scope, value) => {
      const cursor = scope as Cursor
      const numbers = acceptNumbers(value, kind)
      const number = numberToSet(field, cursor)
      if (number === 0) return
      const message = cursor.places[field.place]
      if (numbers.length === 0) message.clear(number)
      else putWritten(message, number, fieldWriter.packed(number, numbers, kind))
    },
  }
}

function acceptNumbers(value: Value, kind: PackedKind): readonly (bigint | number)[] {
  if (value === null) return []
  const type = kind === 'double' ? 'number' : 'bigint'
  if (Array.isArray(value) && value.every(item => typeof item === type)) return value
  throw mismatch(kind === 'double' ? '[]float64' : '[]uint64', value)
}

function readNumbers(message: Message, number: number, kind: PackedKind): Value[] {
  const list: Value[] = []
  const count = message.count
  for (let i = message.next(number, 0); i < count; i = message.next(number, i + 1)) {
    const wire = message.wire(i)
    if (wire !== BYTES) list.push(readNumber(message.bytes, message.startOf(i), kind))
    else readPacked(message.bytes, message.startOf(i), message.endOf(i), kind, list)
  }
  return list
}

function readPacked(
  bytes: Uint8Array,
  start: number,
  end: number,
  kind: PackedKind,
  out: Value[],
): void {
  let pos = start
  while (pos < end) {
    out.push(readNumber(bytes, pos, kind))
    pos = kind === 'uint64' ? skipVarint(bytes, pos) : pos + 8
  }
}

function readNumber(bytes: Uint8Array, pos: number, kind: PackedKind): Value {
  if (kind === 'double') return readDouble(bytes, pos)
  return kind === 'uint64' ? readVarint64(bytes, pos) : readSfixed64(bytes, pos)
}
