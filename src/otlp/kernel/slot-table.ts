/**
 * Compiles what a rule set wants to see of a level's rows into the table that drives the slot scanner. Once for each rule set.
 *
 * ```
 * table (byte offsets): | slots | info of each slot | nodes | key sets | literals | texts | 8 bytes that may be read |
 *   node     = 32 actions, one a field number; action = operation | slot or offset << 4; 0 = skip the field
 *   key set, literals = 64 bits: lengths that occur (63 and more share one) | mask | buckets
 *   bucket   = 4 words: hash, offset of the text, length, value
 *   info     = bit 0: the text's hash is wanted; above: offset of the literals
 * ```
 */
import { type Field, MESSAGES, type Message } from '../schema.ts'
import type { Signal } from '../signal.ts'
import {
  BUCKET,
  hashKey,
  hashText,
  INFO_HASH,
  NODE_FIELDS,
  OP_ANY,
  OP_BITS,
  OP_BOOL,
  OP_BYTES,
  OP_DOUBLE,
  OP_FIXED32,
  OP_FIXED64,
  OP_INT32,
  OP_KEYS,
  OP_NODE,
  OP_SINT32,
  OP_TEXT,
  OP_UINT32,
  OP_VARINT,
} from './slot-layout.ts'

export interface WantedSlot {
  /** Fields by their JSON names, from the row's message down to a scalar, a text or an AnyValue; or to a map, see `key`. */
  readonly path: readonly string[]
  /** The value of this key of a map. The first of several equal keys counts. */
  readonly key?: string
  /** Texts that the slot shall be compared with: it says which of them it is. */
  readonly literals?: readonly string[]
  /** Whether the slot shall carry a hash of its text. */
  readonly hash?: boolean
}

export interface SlotTable {
  readonly signal: Signal
  readonly level: number
  /** One for each wanted, in order. */
  readonly slots: number
  readonly bytes: Uint8Array
  /** The same, by words. */
  readonly words: Int32Array
  /** Offset of the node where the walk of a row begins; for data points by the field in which the metric holds them. */
  readonly root: number
  readonly pointRoots: Int32Array
}

const ROW_MESSAGES: Readonly<Record<Signal, readonly (string | undefined)[]>> = {
  traces: ['ResourceSpans', 'ScopeSpans', 'Span'],
  logs: ['ResourceLogs', 'ScopeLogs', 'LogRecord'],
  metrics: ['ResourceMetrics', 'ScopeMetrics', 'Metric', undefined, 'points'],
}

/** By field number in Metric. */
const POINT_MESSAGES: readonly (readonly [field: number, message: string])[] = [
  [5, 'NumberDataPoint'],
  [7, 'NumberDataPoint'],
  [9, 'HistogramDataPoint'],
  [10, 'ExponentialHistogramDataPoint'],
  [11, 'SummaryDataPoint'],
]

const SCALARS: Readonly<Record<string, number>> = {
  string: OP_TEXT,
  bytes: OP_BYTES,
  id: OP_BYTES,
  bool: OP_BOOL,
  int64: OP_VARINT,
  uint64: OP_VARINT,
  int32: OP_INT32,
  enum: OP_INT32,
  uint32: OP_UINT32,
  sint32: OP_SINT32,
  fixed64: OP_FIXED64,
  sfixed64: OP_FIXED64,
  double: OP_DOUBLE,
  fixed32: OP_FIXED32,
}

/** What happens at a field: a leaf with its operation, a map with its keys, or a message with its fields. */
type Step =
  | { readonly op: number; readonly slot: number }
  | { readonly keys: Map<string, number> }
  | { readonly fields: Map<number, Step> }

/** Throws Error for a path that no message of the level has, and for the same value wanted twice. */
export function compileSlotTable(
  signal: Signal,
  level: number,
  wanted: readonly WantedSlot[],
): SlotTable {
  const writer = new TableWriter(wanted)
  const row = ROW_MESSAGES[signal][level]
  if (row === undefined) throw new Error(`no slots at level ${level} of ${signal}`)
  const pointRoots = new Int32Array(NODE_FIELDS)
  let root = 0
  if (row === 'points') {
    for (const [field, message] of POINT_MESSAGES) pointRoots[field] = writer.root(message)
  } else root = writer.root(row)
  const bytes = writer.finish()
  return {
    signal,
    level,
    slots: wanted.length,
    bytes,
    words: new Int32Array(bytes.buffer, 0, bytes.length >>> 2),
    root,
    pointRoots,
  }
}

/** Whether some message of the level has what is wanted, that is, whether a table can be made with it. */
export function hasSlot(signal: Signal, level: number, wanted: WantedSlot): boolean {
  const row = ROW_MESSAGES[signal][level]
  if (row === undefined) return false
  const names = row === 'points' ? POINT_MESSAGES.map(([, message]) => message) : [row]
  return names.some(name => addPath(new Map(), MESSAGES.get(name)!, wanted, 0))
}

type TextEntry = readonly [text: string, value: number]

class TableWriter {
  readonly #wanted: readonly WantedSlot[]
  readonly #words: number[]
  readonly #texts: number[] = []
  /** Words that hold offsets of texts, to be moved when it is known where the texts stand. */
  readonly #textOffsets: number[] = []
  readonly #roots = new Map<string, number>()
  readonly #found = new Set<number>()

  constructor(wanted: readonly WantedSlot[]) {
    this.#wanted = wanted
    this.#words = [wanted.length]
    for (const { hash } of wanted) this.#words.push(hash === true ? INFO_HASH : 0)
    for (const [slot, { literals = [] }] of wanted.entries()) {
      if (literals.length === 0) continue
      const entries = literals.map((text, i) => [text, i + 1] as const)
      this.#words[1 + slot] |= this.#textSet(entries, hashText)
    }
  }

  root(name: string): number {
    const known = this.#roots.get(name)
    if (known !== undefined) return known
    const fields = new Map<number, Step>()
    for (const [slot, wanted] of this.#wanted.entries()) {
      if (addPath(fields, MESSAGES.get(name)!, wanted, slot)) this.#found.add(slot)
    }
    const offset = this.#node(fields)
    this.#roots.set(name, offset)
    return offset
  }

  finish(): Uint8Array {
    for (const [slot, { path }] of this.#wanted.entries()) {
      if (!this.#found.has(slot)) throw new Error(`no such field: ${path.join('.')}`)
    }
    const textsAt = this.#words.length * 4
    for (const at of this.#textOffsets) this.#words[at] += textsAt
    const bytes = new Uint8Array((textsAt + this.#texts.length + 8 + 3) & ~3)
    new Int32Array(bytes.buffer).set(this.#words)
    bytes.set(this.#texts, textsAt)
    return bytes
  }

  #node(fields: ReadonlyMap<number, Step>): number {
    const actions = [...fields].map(([number, step]) => [number, this.#action(step)] as const)
    const at = this.#words.length
    for (let i = 0; i < NODE_FIELDS; i++) this.#words.push(0)
    for (const [number, action] of actions) this.#words[at + number] = action
    return at * 4
  }

  #action(step: Step): number {
    if ('op' in step) return step.op | (step.slot << OP_BITS)
    if ('fields' in step) return OP_NODE | (this.#node(step.fields) << OP_BITS)
    return OP_KEYS | (this.#keySet(step.keys) << OP_BITS)
  }

  #keySet(keys: ReadonlyMap<string, number>): number {
    const entries = [...keys].map(([key, slot]) => [key, slot + 1] as const)
    return this.#textSet(entries, hashKey)
  }

  #textSet(entries: readonly TextEntry[], hashOf: typeof hashText): number {
    const at = this.#words.length
    this.#words.push(0, 0)
    for (const [text] of entries) {
      const bit = Math.min(Buffer.byteLength(text), 63)
      this.#words[at + (bit >>> 5)] |= 1 << (bit & 31)
    }
    this.#buckets(entries, hashOf)
    return at * 4
  }

  /** At most half full, so that a search ends soon. */
  #buckets(entries: readonly TextEntry[], hashOf: typeof hashText): void {
    let size = 2
    while (size < entries.length * 2) size *= 2
    const at = this.#words.length + 1
    this.#words.push(size - 1)
    for (let i = 0; i < size * BUCKET; i++) this.#words.push(0)
    for (const [text, value] of entries) {
      const bytes = Buffer.from(text)
      const hash = hashOf(bytes, 0, bytes.length)
      let i = hash & (size - 1)
      while (this.#words[at + i * BUCKET + 3] !== 0) i = (i + 1) & (size - 1)
      const bucket = at + i * BUCKET
      this.#words[bucket] = hash
      this.#words[bucket + 1] = this.#texts.length
      this.#textOffsets.push(bucket + 1)
      this.#words[bucket + 2] = bytes.length
      this.#words[bucket + 3] = value
      this.#texts.push(...bytes)
    }
  }
}

/** False when the message has no such path. */
function addPath(
  fields: Map<number, Step>,
  message: Message,
  wanted: WantedSlot,
  slot: number,
): boolean {
  let steps = fields
  let current = message
  for (const [i, name] of wanted.path.entries()) {
    const field = current.fields.find(each => each.name === name)
    if (field === undefined) return false
    if (i === wanted.path.length - 1) return addLeaf(steps, field, wanted, slot)
    const next = MESSAGES.get(field.type)
    if (next === undefined || field.repeated) return false
    let step = steps.get(field.number)
    if (step === undefined) steps.set(field.number, (step = { fields: new Map() }))
    if (!('fields' in step)) throw new Error(`${wanted.path.join('.')} collides with another slot`)
    steps = step.fields
    current = next
  }
  return false
}

function addLeaf(
  steps: Map<number, Step>,
  field: Field,
  { path, key }: WantedSlot,
  slot: number,
): boolean {
  const known = steps.get(field.number)
  if (key !== undefined) {
    if (field.type !== 'KeyValue') return false
    const step = known ?? { keys: new Map<string, number>() }
    if (!('keys' in step) || step.keys.has(key)) throw new Error(`${path.join('.')}: wanted twice`)
    step.keys.set(key, slot)
    steps.set(field.number, step)
    return true
  }
  const op = field.type === 'AnyValue' ? OP_ANY : SCALARS[field.kind]
  if (op === undefined || field.repeated) return false
  if (known !== undefined) throw new Error(`${path.join('.')}: wanted twice`)
  steps.set(field.number, { op, slot })
  return true
}
