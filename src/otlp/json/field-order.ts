/**
 * The order in which a sender wrote the fields of a message, which protobuf leaves free and JSON does not: there each key
 * stands once.
 */
import { BYTES, readVarint32, skipValue, skipVarint } from '../wire-reader.ts'
import type { FieldPlan, MessagePlan } from './plan.ts'

/** OTLP's field numbers are below 32, as are the plans' tables. */
const MAX_TAG = 32 << 3

/** The field of a tag, null when the message has none of that number. */
export function fieldOf(plan: MessagePlan, tag: number): FieldPlan | null {
  return plan.byNumber[tag < MAX_TAG ? tag >>> 3 : 0]
}

// hot: bench/micro/json.ts
/** Whether each singular field comes at most once, one member of the oneof at most, and no list is interrupted. */
export function isOrderly(
  bytes: Uint8Array,
  plan: MessagePlan,
  start: number,
  end: number,
): boolean {
  let seen = 0
  let list = 0
  for (let pos = start; pos < end; ) {
    const tag = readVarint32(bytes, pos)
    const wire = tag & 7
    const after = bytes[pos] < 0x80 ? pos + 1 : skipVarint(bytes, pos)
    pos =
      wire === BYTES
        ? skipVarint(bytes, after) + readVarint32(bytes, after)
        : skipValue(bytes, after, wire, end)
    const field = fieldOf(plan, tag)
    if (field === null || field.bit === list) continue
    if ((seen & field.rivals) !== 0) return false
    seen |= field.bit
    list = field.repeated ? field.bit : 0
  }
  return true
}

/**
 * Places of each field in all ranges, as triples of wire type, start and end. A member of the oneof drives out the
 * others that came before it.
 */
export function gather(
  bytes: Uint8Array,
  plan: MessagePlan,
  ranges: readonly number[],
): Map<FieldPlan, number[]> {
  const found = new Map<FieldPlan, number[]>()
  let member: FieldPlan | null = null
  for (let i = 0; i < ranges.length; i += 2) {
    const end = ranges[i + 1]
    for (let pos = ranges[i]; pos < end; ) {
      const tag = readVarint32(bytes, pos)
      const wire = tag & 7
      const after = skipVarint(bytes, pos)
      const start = wire === BYTES ? skipVarint(bytes, after) : after
      pos = skipValue(bytes, after, wire, end)
      const field = fieldOf(plan, tag)
      if (field === null) continue
      if (field.exclusive && member !== field) {
        if (member !== null) found.delete(member)
        member = field
      }
      const places = found.get(field)
      if (places === undefined) found.set(field, [wire, start, pos])
      else places.push(wire, start, pos)
    }
  }
  return found
}
