/**
 * Random valid export requests straight from the schema, with the index that they must get. Written without the product's reader,
 * writer or tables, so that it can judge them: content first, then tag and length before it, positions shifted on the way up.
 */
import { Random } from '../../../src/cli/generate/random.ts'
import {
  type Field,
  type FieldKind,
  MESSAGES,
  type Message,
  REQUEST_MESSAGE,
} from '../../../src/otlp/schema.ts'
import type { Signal } from '../../../src/otlp/signal.ts'

export interface RandomRequest {
  readonly bytes: Uint8Array
  /** Rows of each level, as `RequestIndex` has them. */
  readonly levels: readonly (readonly number[])[]
}

interface Mark {
  readonly level: number
  tag: number
  start: number
  end: number
}

interface Content {
  readonly bytes: number[]
  /** In document order, positions counted from the first byte. */
  readonly marks: Mark[]
}

/** Fields whose messages are rows, level by level. */
const ROW_FIELDS: Readonly<Record<Signal, readonly (readonly string[])[]>> = {
  traces: [['resourceSpans'], ['scopeSpans'], ['spans']],
  logs: [['resourceLogs'], ['scopeLogs'], ['logRecords']],
  metrics: [
    ['resourceMetrics'],
    ['scopeMetrics'],
    ['metrics'],
    ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'],
    ['dataPoints'],
  ],
}
const WIRE_TYPES: Readonly<Partial<Record<FieldKind, number>>> = {
  fixed64: 1,
  sfixed64: 1,
  double: 1,
  string: 2,
  bytes: 2,
  id: 2,
  message: 2,
  fixed32: 5,
}
const IS_64_BITS: ReadonlySet<FieldKind> = new Set(['int64', 'uint64'])
const TEXTS = ['', 'a', 'http.request.method', 'größe', '日本語', '🙂', '\u0000', 'x'.repeat(15)]
const LONG_TEXTS = ['y'.repeat(16), 'z'.repeat(33), `${'w'.repeat(70)}é`, 'v'.repeat(300)]
const DEEPEST = 12

export interface RandomOptions {
  /**
   * Numbers only as encoders write them: protobufjs loses its place behind a varint of 6 to 9 bytes where it expects
   * 32 bits.
   */
  readonly plain?: boolean
}

/** How numbers may look, and where they come from. */
interface Dice {
  readonly random: Random
  readonly plain: boolean
}

export function randomRequest(
  signal: Signal,
  seed: number,
  { plain = false }: RandomOptions = {},
): RandomRequest {
  const dice = { random: new Random(seed), plain }
  const message = MESSAGES.get(REQUEST_MESSAGE[signal])!
  const { bytes, marks } = randomMessage(dice, signal, message, 0)
  const levels: number[][] = ROW_FIELDS[signal].map(() => [])
  for (const { level, tag, start, end } of marks) {
    levels[level].push(tag, start, end, level === 0 ? 0 : levels[level - 1].length / 4 - 1)
  }
  return { bytes: Uint8Array.from(bytes), levels }
}

function randomMessage(dice: Dice, signal: Signal, message: Message, depth: number): Content {
  const out: Content = { bytes: [], marks: [] }
  // Groups come in numbers, so that there are items at all; what hangs below items gets sparser with depth.
  const fields = dice.random.below(depth < 5 ? 8 : Math.max(1, DEEPEST - depth))
  for (let i = 0; i < fields; i++) {
    if (dice.random.chance(0.1)) out.bytes.push(...unknownField(dice, message, depth))
    else addField(out, dice, signal, dice.random.pick(message.fields), depth)
  }
  return out
}

function addField(out: Content, dice: Dice, signal: Signal, field: Field, depth: number): void {
  const wireType = WIRE_TYPES[field.kind] ?? 0
  const packed = field.repeated && wireType !== 2 && dice.random.chance(0.5)
  const tagAt = out.bytes.length
  out.bytes.push(...varint(dice, BigInt(field.number * 8 + (packed ? 2 : wireType))))
  if (wireType !== 2 && !packed) {
    out.bytes.push(...scalar(dice, wireType, IS_64_BITS.has(field.kind)))
    return
  }
  const content = delimited(dice, signal, field, wireType, depth)
  out.bytes.push(...varint(dice, BigInt(content.bytes.length)))
  const start = out.bytes.length
  const level = ROW_FIELDS[signal].findIndex(names => names.includes(field.name))
  if (level !== -1) out.marks.push({ level, tag: tagAt, start, end: start + content.bytes.length })
  for (const { level, tag, start: from, end } of content.marks) {
    out.marks.push({ level, tag: tag + start, start: from + start, end: end + start })
  }
  for (const byte of content.bytes) out.bytes.push(byte)
}

function delimited(
  dice: Dice,
  signal: Signal,
  field: Field,
  wireType: number,
  depth: number,
): Content {
  if (field.kind === 'message') {
    return randomMessage(dice, signal, MESSAGES.get(field.type)!, depth + 1)
  }
  if (wireType !== 2) {
    const elements = Array.from({ length: dice.random.below(6) }, () =>
      scalar(dice, wireType, IS_64_BITS.has(field.kind)),
    )
    return { bytes: elements.flat(), marks: [] }
  }
  if (field.kind !== 'string') return { bytes: freeBytes(dice), marks: [] }
  const text = dice.random.pick(dice.random.chance(0.2) ? LONG_TEXTS : TEXTS)
  return { bytes: [...Buffer.from(text)], marks: [] }
}

function scalar(dice: Dice, wireType: number, wide: boolean): number[] {
  if (wireType === 0) {
    const bits = dice.random.below(dice.plain && !wide ? 33 : 65)
    const value = BigInt.asUintN(bits, BigInt(`0x${dice.random.hex(16)}`))
    return varint(dice, value)
  }
  return Array.from({ length: wireType === 1 ? 8 : 4 }, () => dice.random.below(256))
}

function freeBytes(dice: Dice): number[] {
  return Array.from({ length: dice.random.below(20) }, () => dice.random.below(256))
}

/** Sometimes longer than need be, which protobuf allows up to 10 bytes. */
function varint(dice: Dice, value: bigint): number[] {
  const bytes: number[] = []
  while (value > 0x7fn) {
    bytes.push(Number(value & 0x7fn) | 0x80)
    value >>= 7n
  }
  bytes.push(Number(value))
  if (!dice.plain && dice.random.chance(0.03) && bytes.length < 10) {
    bytes[bytes.length - 1] |= 0x80
    while (bytes.length < 9 && dice.random.chance(0.5)) bytes.push(0x80)
    bytes.push(0)
  }
  return bytes
}

function unknownField(dice: Dice, message: Message, depth: number): number[] {
  const known = message.fields.map(field => field.number)
  const numbers = [4, 6, 8, 17, 31, 32, 33, 1000, 536_870_911].filter(n => !known.includes(n))
  const number = dice.random.pick(numbers)
  const wireType = dice.random.pick([0, 1, 2, 3, 5])
  const tag = (type: number) => varint(dice, BigInt(number) * 8n + BigInt(type))
  if (wireType === 2) {
    const content = freeBytes(dice)
    return [...tag(2), ...varint(dice, BigInt(content.length)), ...content]
  }
  if (wireType !== 3) return [...tag(wireType), ...scalar(dice, wireType, true)]
  const inside = dice.random.chance(0.5) ? unknownField(dice, { name: '', fields: [] }, depth) : []
  return [...tag(3), ...inside, ...tag(4)]
}
