/** The judge of wire tests: protobufjs with a root made from the same schema, which shares no code with ours. */
import protobuf from 'protobufjs'
import { ENUMS, type Field, MESSAGES } from '../../src/otlp/schema.ts'

const root = new protobuf.Root()
for (const [name, values] of Object.entries(ENUMS)) root.add(new protobuf.Enum(name, { ...values }))
for (const message of MESSAGES.values()) root.add(messageType(message.name, message.fields))
root.resolveAll()

/** Encodes a plain object in protobufjs's own shape: bytes as Uint8Array, 64-bit numbers as decimal strings. */
export function encode(messageName: string, model: object): Uint8Array {
  const type = root.lookupType(messageName)
  return type.encode(type.fromObject(model)).finish()
}

/** A plain object: only fields that were on the wire, 64-bit numbers as decimal strings, bytes as Buffer. */
// biome-ignore lint/suspicious/noExplicitAny: tests read whatever shape the message has
export function decode(messageName: string, bytes: Uint8Array): any {
  const type = root.lookupType(messageName)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return type.toObject(type.decode(buffer), { longs: String, bytes: Buffer })
}

/** The bare decode of one message, for benches. */
export function decoderOf(messageName: string): (bytes: Uint8Array) => object {
  const type = root.lookupType(messageName)
  return bytes => type.decode(bytes)
}

function messageType(name: string, fields: readonly Field[]): protobuf.Type {
  const type = new protobuf.Type(name)
  for (const field of fields) {
    const made = new protobuf.Field(
      field.name,
      field.number,
      fieldType(field),
      field.repeated ? 'repeated' : undefined,
      undefined,
      field.optional ? { proto3_optional: true } : undefined,
    )
    type.add(made)
  }
  const members = fields.filter(field => field.oneof && !field.optional).map(field => field.name)
  if (members.length > 0) type.add(new protobuf.OneOf('choice', members))
  return type
}

function fieldType(field: Field): string {
  if (field.kind === 'id') return 'bytes'
  return field.kind === 'message' || field.kind === 'enum' ? field.type : field.kind
}
