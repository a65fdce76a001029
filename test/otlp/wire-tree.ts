/**
 * Random requests as trees of fields, for judging byte operations: fields in any order, unknown fields, groups without
 * items, length prefixes longer than needed. `encodeNaively` says, the slow and plain way, what an encode must give.
 */
import fc from 'fast-check'
import { indexRequestReference } from '../../src/otlp/kernel/reference.ts'
import { isWireFault, type RequestIndex } from '../../src/otlp/request-index.ts'
import type { Signal } from '../../src/otlp/signal.ts'
import { Edits } from '../../src/otlp/splice.ts'

export interface Change {
  readonly before: Uint8Array | null
  /** What stands instead of the field; null = the field itself. */
  readonly instead: Uint8Array | null
  readonly after: Uint8Array | null
}

interface Raw {
  readonly bytes: Uint8Array
  readonly change: Change | null
  offset: number
}

export interface Group {
  readonly tag: Uint8Array
  /** Needless continuation bytes of the length prefix. */
  readonly padding: number
  readonly fields: readonly (Raw | Group)[]
  readonly isItem: boolean
  item: number
  prefix: Uint8Array
  content: Uint8Array
}

export interface Tree {
  readonly signal: Signal
  readonly root: Group
  readonly bytes: Uint8Array
  readonly index: RequestIndex
  readonly edits: Edits
}

const CHILD_FIELDS: Readonly<Record<Signal, readonly (readonly number[])[]>> = {
  traces: [[1], [2], [2]],
  logs: [[1], [2], [2]],
  metrics: [[1], [2], [2], [5, 7, 9, 10, 11], [1]],
}

/** The request is level 0. */
const METRIC_LEVEL = 3

const tagOf = (number: number, wire: number): number[] => varint(number * 8 + wire)

/** Known and unknown fields that are valid in every message of the request tree. */
const rawBytes: fc.Arbitrary<Uint8Array> = fc
  .oneof(
    { weight: 3, arbitrary: fc.constant([...tagOf(100, 0), 7]) },
    fc
      .array(fc.integer({ min: 97, max: 122 }), { maxLength: 200 })
      .map(text => [...tagOf(101, 2), ...varint(text.length), ...text]),
    fc.constant([...tagOf(102, 3), ...tagOf(1, 0), 5, ...tagOf(102, 4)]),
    fc.constant([...tagOf(103, 1), 1, 2, 3, 4, 5, 6, 7, 8]),
    fc.constant([...tagOf(104, 5), 1, 2, 3, 4]),
  )
  .map(list => Uint8Array.from(list))

const change: fc.Arbitrary<Change> = fc.record({
  before: fc.option(rawBytes, { freq: 3 }),
  instead: fc.oneof(fc.constant(null), fc.constant(new Uint8Array(0)), rawBytes),
  after: fc.option(rawBytes, { freq: 3 }),
})

export interface TreeOptions {
  readonly signal: Signal
  /** Whether fields are changed. */
  readonly edited: boolean
  readonly maxChildren?: number
  /** Metrics: at most one data message in a metric, as every real sender writes. */
  readonly singleData?: boolean
}

export function arbitraryTree(options: TreeOptions): fc.Arbitrary<Tree> {
  return arbitraryGroup(options, 0).map(root => finishTree(options.signal, root))
}

function arbitraryGroup(options: TreeOptions, level: number): fc.Arbitrary<Group> {
  const children = CHILD_FIELDS[options.signal]
  const raw = fc.record({
    bytes: rawBytes,
    change: options.edited ? fc.option(change, { freq: 2 }) : fc.constant(null),
    offset: fc.constant(0),
  })
  const depth = children.length
  const field: fc.Arbitrary<Raw | Group> =
    level === depth
      ? raw
      : fc.oneof(raw, { weight: 3, arbitrary: arbitraryGroup(options, level + 1) })
  const numbers = level === 0 ? [0] : children[level - 1]
  const maxLength = level === depth ? 3 : (options.maxChildren ?? 4)
  return fc
    .tuple(
      fc.constantFrom(...numbers),
      fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 3 })),
      fc.array(field, { maxLength }),
    )
    .map(([number, padding, fields]) => ({
      tag: Uint8Array.from(tagOf(number, 2)),
      padding,
      fields: options.singleData && level === METRIC_LEVEL ? keepOneGroup(fields) : fields,
      isItem: level === depth,
      item: -1,
      prefix: new Uint8Array(0),
      content: new Uint8Array(0),
    }))
}

function keepOneGroup(fields: readonly (Raw | Group)[]): (Raw | Group)[] {
  const one = fields.find(isGroup)
  return fields.filter(field => !isGroup(field) || field === one)
}

function finishTree(signal: Signal, root: Group): Tree {
  encodeOriginal(root)
  const edits = new Edits()
  place(root, 0, edits, { items: 0 })
  const bytes = root.content
  const index = indexRequestReference(signal, bytes)
  if (isWireFault(index)) throw new Error(`the generator made a broken request: ${index.fault}`)
  return { signal, root, bytes, index, edits }
}

function encodeOriginal(group: Group): void {
  const parts = group.fields.map(field => {
    if (!isGroup(field)) return field.bytes
    encodeOriginal(field)
    return Buffer.concat([field.tag, field.prefix, field.content])
  })
  group.content = Uint8Array.from(Buffer.concat(parts))
  group.prefix = Uint8Array.from(varint(group.content.length, group.padding))
}

/** Numbers the items and turns the changes into splices. */
function place(group: Group, start: number, edits: Edits, count: { items: number }): void {
  if (group.isItem) group.item = count.items++
  let pos = start
  let afterChild = false
  for (const field of group.fields) {
    if (isGroup(field)) {
      const content = pos + field.tag.length + field.prefix.length
      place(field, content, edits, count)
      pos = content + field.content.length
      afterChild = true
      continue
    }
    const { change, bytes } = field
    const end = pos + bytes.length
    // An insertion where a child ends goes into the child, so it is not made there.
    if (change?.before && !afterChild) edits.add(pos, pos, change.before)
    field.offset = afterChild ? -1 : pos
    if (change?.instead) edits.add(pos, end, change.instead)
    if (change?.after) edits.add(end, end, change.after)
    pos = end
    afterChild = false
  }
}

/** What encoding must give when only the items in `selected` are in. */
export function encodeNaively(
  tree: Tree,
  selected: (item: number) => boolean,
  edited: boolean,
): Uint8Array {
  const { content, had, live } = rebuild(tree.root, selected, edited)
  return had && !live ? new Uint8Array(0) : content
}

interface Rebuilt {
  readonly content: Uint8Array
  readonly had: boolean
  readonly live: boolean
}

function rebuild(group: Group, selected: (item: number) => boolean, edited: boolean): Rebuilt {
  const parts: Uint8Array[] = []
  let had = group.isItem
  let live = group.isItem && selected(group.item)
  for (const field of group.fields) {
    if (!isGroup(field)) {
      const { change } = field
      if (edited && change?.before && field.offset >= 0) parts.push(change.before)
      parts.push((edited && change?.instead) || field.bytes)
      if (edited && change?.after) parts.push(change.after)
      continue
    }
    const inner = rebuild(field, selected, edited)
    had ||= inner.had
    live ||= inner.live
    // Data messages of a metric (fields 5 to 11 of its parent) vanish only with their metric.
    const isData = field.tag[0] >= 5 * 8
    if (inner.had && !inner.live && !isData) continue
    const same = inner.content.length === field.content.length
    const prefix = same ? field.prefix : Uint8Array.from(varint(inner.content.length))
    parts.push(field.tag, prefix, inner.content)
  }
  return { content: Uint8Array.from(Buffer.concat(parts)), had, live }
}

function isGroup(field: Raw | Group): field is Group {
  return 'fields' in field
}

export function varint(value: number, padding = 0): number[] {
  const out: number[] = []
  for (; value > 0x7f; value = Math.floor(value / 128)) out.push((value & 0x7f) | 0x80)
  out.push(value)
  for (; padding > 0; padding--) {
    out[out.length - 1] |= 0x80
    out.push(0)
  }
  return out
}
