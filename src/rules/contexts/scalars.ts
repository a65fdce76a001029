/** Paths to single values: texts, numbers, times and ids, each read from its field and written as a whole field. */
import {
  readDouble,
  readFixed32,
  readFixed64,
  readHex,
  readSfixed64,
  readSint32,
  readString,
  readVarint32,
  readVarint64,
} from '../../otlp/wire-reader.ts'
import type { Target } from '../function.ts'
import { EvaluationError, SpanId, Time, TraceId, type Value } from '../value.ts'
import type { Cursor } from './cursor.ts'
import { type Field, mismatch, numberOf, numberToSet } from './field.ts'
import { type FieldWriter, fieldWriter } from './field-writer.ts'
import type { Message } from './message.ts'

/** How an integer is written on the wire. */
export type IntKind = 'int32' | 'uint32' | 'fixed32' | 'fixed64' | 'sint32' | 'sfixed64'

interface Codec<V extends Value> {
  /** What an absent field reads as. */
  readonly absent: V
  /** Absent fields of a oneof, or with presence, are written even when they hold this. */
  isDefault(value: V): boolean
  read(message: Message, field: number): V
  /** What is stored when a rule sets this value; throws EvaluationError. */
  accept(value: Value): V
  write(writer: FieldWriter, number: number, value: V): FieldWriter
}

function scalar<V extends Value>(field: Field, codec: Codec<V>, hasPresence = false): Target {
  const { place } = field
  const { absent } = codec
  return {
    get: scope => {
      const cursor = scope as Cursor
      const number = numberOf(field, cursor)
      if (number === 0) return null
      const message = cursor.places[place]
      const at = message.find(number)
      return at < 0 ? absent : codec.read(message, at)
    },
    set: (scope, value) => {
      const cursor = scope as Cursor
      const accepted = codec.accept(value)
      const number = numberToSet(field, cursor)
      if (number === 0) return
      const message = cursor.places[place]
      if (!hasPresence && codec.isDefault(accepted)) message.clear(number)
      else putWritten(message, number, codec.write(fieldWriter, number, accepted))
    },
  }
}

export function putWritten(message: Message, number: number, { bytes, length }: FieldWriter): void {
  message.put(number, bytes, 0, length)
}

export function textPath(field: Field): Target {
  return scalar(field, TEXT)
}

const TEXT: Codec<string> = {
  absent: '',
  isDefault: value => value === '',
  read: (message, at) => readString(message.bytes, message.startOf(at), message.endOf(at)),
  accept: value => {
    if (typeof value !== 'string') throw mismatch('string', value)
    return value
  },
  write: (writer, number, value) => writer.text(number, value),
}

const BOOL: Codec<boolean> = {
  absent: false,
  isDefault: value => !value,
  read: (message, at) => readVarint64(message.bytes, message.startOf(at)) !== 0n,
  accept: value => {
    if (typeof value !== 'boolean') throw mismatch('bool', value)
    return value
  },
  write: (writer, number, value) => writer.varint(number, value ? 1n : 0n),
}

export function boolPath(field: Field): Target {
  return scalar(field, BOOL)
}

const DOUBLE: Codec<number> = {
  absent: 0,
  isDefault: value => Object.is(value, 0),
  read: (message, at) => readDouble(message.bytes, message.startOf(at)),
  accept: value => {
    if (typeof value !== 'number') throw mismatch('float64', value)
    return value
  },
  write: (writer, number, value) => writer.double(number, value),
}

export function doublePath(field: Field, hasPresence = false): Target {
  return scalar(field, DOUBLE, hasPresence)
}

const READ_INT: Readonly<Record<IntKind, (bytes: Uint8Array, pos: number) => bigint>> = {
  int32: (bytes, pos) => BigInt(readVarint32(bytes, pos) | 0),
  uint32: (bytes, pos) => BigInt(readVarint32(bytes, pos)),
  fixed32: (bytes, pos) => BigInt(readFixed32(bytes, pos)),
  fixed64: readSfixed64,
  sint32: (bytes, pos) => BigInt(readSint32(bytes, pos)),
  sfixed64: readSfixed64,
}

/** What remains of an int64 in the field, as a Go conversion leaves it. */
const ACCEPT_INT: Readonly<Record<IntKind, (value: bigint) => bigint>> = {
  int32: value => BigInt.asIntN(32, value),
  uint32: value => BigInt.asUintN(32, value),
  fixed32: value => BigInt.asUintN(32, value),
  fixed64: value => value,
  sint32: value => BigInt.asIntN(32, value),
  sfixed64: value => value,
}

function writeInt(kind: IntKind, writer: FieldWriter, number: number, value: bigint): FieldWriter {
  switch (kind) {
    case 'fixed32':
      return writer.fixed32(number, Number(value))
    case 'fixed64':
    case 'sfixed64':
      return writer.fixed64(number, value)
    case 'sint32':
      return writer.varint(number, BigInt.asUintN(32, (value << 1n) ^ (value >> 31n)))
    default:
      return writer.varint(number, value)
  }
}

function intCodec(kind: IntKind): Codec<bigint> {
  const read = READ_INT[kind]
  const narrow = ACCEPT_INT[kind]
  return {
    absent: 0n,
    isDefault: value => value === 0n,
    read: (message, at) => read(message.bytes, message.startOf(at)),
    accept: value => {
      if (typeof value !== 'bigint') throw mismatch('int64', value)
      return narrow(value)
    },
    write: (writer, number, value) => writeInt(kind, writer, number, value),
  }
}

/** Integers read as int64, so an unsigned one above its range reads as negative. */
export function intPath(field: Field, kind: IntKind, hasPresence = false): Target {
  return scalar(field, intCodec(kind), hasPresence)
}

/** A fixed32 that takes no other integers. */
export function flagsPath(field: Field): Target {
  const target = intPath(field, 'fixed32')
  return {
    get: target.get,
    set: (scope, value) => {
      if (typeof value === 'bigint' && value !== BigInt.asUintN(32, value)) {
        throw new EvaluationError(`value ${value} is out of range for uint32`)
      }
      target.set(scope, value)
    },
  }
}

/** Nanoseconds since 1970 of a fixed64. */
export function nanoPath(field: Field): Target {
  return intPath(field, 'fixed64')
}

const TIME: Codec<Time> = {
  absent: new Time(0n),
  isDefault: value => BigInt.asIntN(64, value.unixNano) === 0n,
  read: (message, at) =>
    new Time(BigInt.asIntN(64, readFixed64(message.bytes, message.startOf(at)))),
  accept: value => {
    if (!(value instanceof Time)) throw mismatch('time.Time', value)
    return value
  },
  write: (writer, number, value) => writer.fixed64(number, value.unixNano),
}

export function timePath(field: Field): Target {
  return scalar(field, TIME)
}

type IdClass = typeof TraceId | typeof SpanId

const ID_LENGTH = new Map<IdClass, number>([
  [TraceId, 16],
  [SpanId, 8],
])

function idCodec(Class: IdClass): Codec<TraceId | SpanId> {
  const length = ID_LENGTH.get(Class)!
  const absent = new Class(length)
  return {
    absent,
    isDefault: isZero,
    read: (message, at) => {
      const id = new Class(length)
      copyId(id, message, at)
      return id
    },
    accept: value => {
      if (value instanceof Class && value.length === length) return value
      throw mismatch(Class === TraceId ? 'pcommon.TraceID' : 'pcommon.SpanID', value)
    },
    write: (writer, number, value) => writer.content(number, value),
  }
}

function isZero(id: Uint8Array): boolean {
  return id.every(byte => byte === 0)
}

/** An id of another length is as good as none. */
function copyId(id: Uint8Array, message: Message, at: number): void {
  const start = message.startOf(at)
  if (message.endOf(at) - start !== id.length) return
  for (let i = 0; i < id.length; i++) id[i] = message.bytes[start + i]
}

export function idPath(field: Field, Class: IdClass): Target {
  return scalar(field, idCodec(Class))
}

/** An id as lower-case hex. */
export function idTextPath(field: Field, Class: IdClass): Target {
  const length = ID_LENGTH.get(Class)!
  const zeros = '0'.repeat(length * 2)
  const what = Class === TraceId ? 'trace ids' : 'span ids'
  return scalar<string>(field, {
    absent: zeros,
    isDefault: value => value === zeros,
    read: (message, at) => {
      const start = message.startOf(at)
      const end = message.endOf(at)
      return end - start === length ? readHex(message.bytes, start, end) : zeros
    },
    accept: value => {
      if (typeof value !== 'string') throw mismatch('string', value)
      if (value.length >>> 1 !== length || !/^(?:[0-9a-fA-F]{2})*$/.test(value)) {
        throw new EvaluationError(`${what} must be ${length * 2} hex characters`)
      }
      return value.toLowerCase()
    },
    write: (writer, number, value) => writer.content(number, Buffer.from(value, 'hex')),
  })
}

/** An enum by its names; a number without a name reads as empty text. */
export function namedPath(field: Field, names: readonly string[], what: string): Target {
  return scalar<string>(field, {
    absent: names[0],
    isDefault: value => value === names[0],
    read: (message, at) => names[readVarint32(message.bytes, message.startOf(at))] ?? '',
    accept: value => {
      if (typeof value !== 'string') throw mismatch('string', value)
      if (!names.includes(value)) throw new EvaluationError(`unknown ${what}, ${value}`)
      return value
    },
    write: (writer, number, value) => writer.varint(number, BigInt(names.indexOf(value))),
  })
}
