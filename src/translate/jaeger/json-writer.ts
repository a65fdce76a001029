/** Jaeger's protobuf as its JSON: keys in camel case, enums by name, default values left out. For protobuf that was written here. */
import {
  FieldCursor,
  readDouble,
  readString,
  readVarint32,
  readVarint64,
} from '../../otlp/wire-reader.ts'
import { durationText, timeText } from './json-times.ts'
import { type Field, type Message, REF_TYPES, VALUE_TYPES } from './schema.ts'

export function jsonOf(bytes: Uint8Array, message: Message): Uint8Array {
  return Buffer.from(messageText(bytes, 0, bytes.length, message))
}

/** Repeated fields stand together, as the writer puts them. */
function messageText(bytes: Uint8Array, start: number, end: number, message: Message): string {
  const field = new FieldCursor(bytes, start, end)
  let text = ''
  let open = 0
  while (field.next()) {
    const { number } = field
    const known = message.fields[number - 1]
    if (known === undefined || isDefault(field, known)) continue
    if (open === number) text += ','
    else {
      if (open !== 0) text += ']'
      open = known.isRepeated ? number : 0
      text += `${text === '' ? '' : ','}"${known.json}":${open === 0 ? '' : '['}`
    }
    text += valueText(field, known)
  }
  return `{${text}${open === 0 ? '' : ']'}}`
}

function isDefault(field: FieldCursor, { kind }: Field): boolean {
  return kind === 'duration' && field.start === field.end
}

function valueText(field: FieldCursor, { kind }: Field): string {
  const { bytes, start, end } = field
  if (typeof kind === 'object') return messageText(bytes, start, end, kind)
  switch (kind) {
    case 'string':
      return JSON.stringify(readString(bytes, start, end))
    case 'bytes':
    case 'traceId':
    case 'spanId':
      return `"${Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('base64')}"`
    case 'bool':
      return readVarint32(bytes, start) === 0 ? 'false' : 'true'
    case 'uint32':
      return String(readVarint32(bytes, start))
    case 'int64':
      return `"${readVarint64(bytes, start)}"`
    case 'double': {
      const value = readDouble(bytes, start)
      return Number.isFinite(value) ? doubleText(value) : `"${value}"`
    }
    case 'valueType':
      return `"${VALUE_TYPES[readVarint32(bytes, start)]}"`
    case 'refType':
      return `"${REF_TYPES[readVarint32(bytes, start)]}"`
    default:
      return `"${timeOf(field, kind === 'timestamp')}"`
  }
}

function doubleText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function timeOf({ bytes, start, end }: FieldCursor, isTime: boolean): string {
  const field = new FieldCursor(bytes, start, end)
  let seconds = 0n
  let nanos = 0
  while (field.next()) {
    if (field.number === 1) seconds = readVarint64(bytes, field.start)
    else if (field.number === 2) nanos = Number(readVarint64(bytes, field.start))
  }
  return isTime ? timeText(seconds, nanos) : durationText(seconds, nanos)
}
