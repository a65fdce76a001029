/**
 * The schema compiled for the JSON codec: per message the keys as bytes, per field everything that reading or
 * writing it needs in one object. Shared by reader and writer so that both know the same fields.
 */
import { ENUMS, type Field, type FieldKind, MESSAGES, REQUEST_MESSAGE } from '../schema.ts'
import type { Signal } from '../signal.ts'
import { BYTES, FIXED32, FIXED64, VARINT } from '../wire-reader.ts'
import { lastWordMask, toWords } from './words.ts'

/** Field kinds as small integers, for `switch`. */
export const STRING = 0
export const RAW_BYTES = 1
export const ID = 2
export const BOOL = 3
export const INT32 = 4
export const SINT32 = 5
export const UINT32 = 6
export const FIXED_32 = 7
export const INT64 = 8
export const UINT64 = 9
export const FIXED_64 = 10
export const SFIXED64 = 11
export const DOUBLE = 12
export const ENUM = 13
export const MESSAGE = 14

const KINDS: readonly FieldKind[] = [
  'string',
  'bytes',
  'id',
  'bool',
  'int32',
  'sint32',
  'uint32',
  'fixed32',
  'int64',
  'uint64',
  'fixed64',
  'sfixed64',
  'double',
  'enum',
  'message',
]

const WIRE: readonly number[] = KINDS.map(kind => {
  if (kind === 'string' || kind === 'bytes' || kind === 'id' || kind === 'message') return BYTES
  if (kind === 'double' || kind === 'fixed64' || kind === 'sfixed64') return FIXED64
  return kind === 'fixed32' ? FIXED32 : VARINT
})

export class FieldPlan {
  readonly name: string
  readonly kind: number
  /** Wire type of one value (a packed list is BYTES whatever this says). */
  readonly wire: number
  readonly repeated: boolean
  /** Numbers in a list stand in one length-delimited field. */
  readonly packed: boolean
  /** Written even when it has its default value. */
  readonly presence: boolean
  /** Member of the message's oneof: the last one on the wire is the one that counts. */
  readonly exclusive: boolean
  /** Tag as the wire has it, of the packed list where `packed`. */
  readonly tag: number
  /** One bit per field of a message; field numbers of OTLP end at 16. */
  readonly bit: number
  /** Bits of the fields that must not come twice on the wire beside this one: itself, and its oneof. */
  rivals: number
  /** `name":`, what follows the opening quote of a key: its words, those of its last one that count, its length. */
  readonly key: Int32Array
  readonly keyMask: number
  readonly keyLength: number
  /** `"name":` in words, and its length. */
  readonly prefix: Int32Array
  readonly prefixLength: number
  readonly enumType: string
  readonly enumNames: ReadonlyMap<string, number>
  /** Of kind MESSAGE, set once all plans exist. */
  message: MessagePlan
  /** The field whose key came after this one last time: senders repeat their order. A guess, checked on use. */
  next: FieldPlan
  /** Bytes that the length of this field took last time. A guess, corrected on use. */
  width = 1

  constructor(field: Field, message: MessagePlan) {
    this.name = field.name
    this.kind = KINDS.indexOf(field.kind)
    this.wire = WIRE[this.kind]
    this.repeated = field.repeated
    this.packed = field.repeated && this.wire !== BYTES
    this.presence = field.oneof
    this.exclusive = field.oneof && !field.optional
    this.tag = (field.number << 3) | (this.packed ? BYTES : this.wire)
    this.bit = 1 << field.number
    this.rivals = this.bit
    this.keyLength = field.name.length + 2
    this.key = toWords(Buffer.from(`${field.name}":`))
    this.keyMask = lastWordMask(this.keyLength)
    this.prefixLength = field.name.length + 3
    this.prefix = toWords(Buffer.from(`"${field.name}":`))
    this.enumType = field.type
    this.enumNames = new Map(field.kind === 'enum' ? Object.entries(ENUMS[field.type]) : [])
    this.message = message
    this.next = this
  }
}

export class MessagePlan {
  /** In schema order. */
  fields: readonly FieldPlan[] = []
  /** By field number; null where the message has no such field. */
  byNumber: readonly (FieldPlan | null)[] = []
  /** The field whose key came first last time. A guess, checked on use. */
  first!: FieldPlan
  /** Candidates by length of the key, both as lowerCamelCase and as the .proto file writes it. */
  #byLength: readonly (readonly Candidate[])[] = []

  fill(fields: readonly Field[], plans: ReadonlyMap<string, MessagePlan>): void {
    this.fields = fields.map(field => new FieldPlan(field, plans.get(field.type) ?? this))
    this.first = this.fields[0]
    const members = this.fields.filter(field => field.exclusive)
    const oneof = members.reduce((bits, field) => bits | field.bit, 0)
    for (const field of members) field.rivals = oneof
    const byNumber: (FieldPlan | null)[] = new Array(32).fill(null)
    const byLength: Candidate[][] = Array.from({ length: 32 }, () => [])
    for (const [i, field] of fields.entries()) {
      byNumber[field.number] = this.fields[i]
      for (const name of new Set([field.name, snakeCase(field.name)])) {
        byLength[name.length].push({ name: Buffer.from(name), field: this.fields[i] })
      }
    }
    this.byNumber = byNumber
    this.#byLength = byLength
  }

  /** The field whose key is `bytes[start..end)`, or null. */
  find(bytes: Uint8Array, start: number, end: number): FieldPlan | null {
    const length = end - start
    if (length >= this.#byLength.length) return null
    for (const { name, field } of this.#byLength[length]) {
      let i = 0
      while (i < length && bytes[start + i] === name[i]) i++
      if (i === length) return field
    }
    return null
  }
}

interface Candidate {
  readonly name: Uint8Array
  readonly field: FieldPlan
}

const plans: ReadonlyMap<string, MessagePlan> = new Map(
  [...MESSAGES.keys()].map(name => [name, new MessagePlan()]),
)
for (const [name, plan] of plans) plan.fill(MESSAGES.get(name)!.fields, plans)

/** The plan of a signal's export request. */
export function requestPlan(signal: Signal): MessagePlan {
  return plans.get(REQUEST_MESSAGE[signal])!
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}
