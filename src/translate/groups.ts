/**
 * Spans that have come one after the other, put together by resource and scope into one export request. Foreign formats
 * say with each span who emitted it; OTLP says it once for many.
 *
 * ```
 * spans buffer : | 12 len span | 12 len span | 12 len span | ...      each already a field of its ScopeSpans
 * span table   : [ start, end, next of the same scope ]               a linked list per scope group, in order
 * request      : ResourceSpans { resource, ScopeSpans { scope, spans... } ... } ...
 * ```
 */
import { MAX_ROWS } from '../otlp/request-index.ts'
import { fieldSize, varintSize, writeVarint } from '../otlp/wire-writer.ts'
import { hashBytes } from './hash.ts'

const SPAN_WORDS = 3
const GROUP_WORDS = 6
/** Columns of a group: where its bytes stand, its first and last child or span, its next sibling, its parent. */
const BYTES_START = 0
const BYTES_END = 1
const FIRST = 2
const LAST = 3
const NEXT = 4
const ABOVE = 5

const FIELD_1 = 0x0a
const FIELD_2 = 0x12

/** Groups that are equal byte for byte are one: a table of byte strings. */
class GroupTable {
  bytes = new Uint8Array(4096)
  length = 0
  count = 0
  rows = new Int32Array(64 * GROUP_WORDS)
  #hashes = new Int32Array(64)
  #slots = new Int32Array(128)
  #last = -1

  clear(): void {
    if (this.count > 1024) {
      this.bytes = new Uint8Array(4096)
      this.rows = new Int32Array(64 * GROUP_WORDS)
      this.#hashes = new Int32Array(64)
      this.#slots = new Int32Array(128)
    } else if (this.count > 0) this.#slots.fill(0)
    this.length = 0
    this.count = 0
    this.#last = -1
  }

  /** Number of the group with the content `from[start..end)`, prefixed by `parent`; a new one has FIRST = -1. */
  find(parent: number, from: Uint8Array, start: number, end: number): number {
    if (this.#last >= 0 && this.#equals(this.#last, parent, from, start, end)) return this.#last
    const hash = hashBytes(from, start, end) ^ Math.imul(parent + 1, 0x9e3779b1)
    let slot = hash & (this.#slots.length - 1)
    for (;;) {
      const found = this.#slots[slot] - 1
      if (found < 0) break
      if (this.#hashes[found] === hash && this.#equals(found, parent, from, start, end)) {
        return (this.#last = found)
      }
      slot = (slot + 1) & (this.#slots.length - 1)
    }
    return (this.#last = this.#add(parent, hash, from, start, end))
  }

  #equals(group: number, parent: number, from: Uint8Array, start: number, end: number): boolean {
    const at = group * GROUP_WORDS
    const { rows, bytes } = this
    if (rows[at + ABOVE] !== parent) return false
    const own = rows[at + BYTES_START]
    if (rows[at + BYTES_END] - own !== end - start) return false
    for (let i = 0; i < end - start; i++) if (bytes[own + i] !== from[start + i]) return false
    return true
  }

  #add(parent: number, hash: number, from: Uint8Array, start: number, end: number): number {
    const length = end - start
    if (this.length + length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + length))
      grown.set(this.bytes.subarray(0, this.length))
      this.bytes = grown
    }
    const group = this.count++
    if (this.count * GROUP_WORDS > this.rows.length) this.#growRows()
    if (this.count * 2 > this.#slots.length) this.#growSlots(group)
    this.bytes.set(from.subarray(start, end), this.length)
    const at = group * GROUP_WORDS
    this.rows[at + BYTES_START] = this.length
    this.rows[at + BYTES_END] = this.length += length
    this.rows[at + FIRST] = this.rows[at + LAST] = this.rows[at + NEXT] = -1
    this.rows[at + ABOVE] = parent
    this.#hashes[group] = hash
    this.#place(group, hash)
    return group
  }

  #place(group: number, hash: number): void {
    let slot = hash & (this.#slots.length - 1)
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (this.#slots.length - 1)
    this.#slots[slot] = group + 1
  }

  #growRows(): void {
    const rows = new Int32Array(this.rows.length * 2)
    rows.set(this.rows)
    this.rows = rows
    const hashes = new Int32Array(this.#hashes.length * 2)
    hashes.set(this.#hashes)
    this.#hashes = hashes
  }

  #growSlots(groups: number): void {
    this.#slots = new Int32Array(this.#slots.length * 2)
    for (let group = 0; group < groups; group++) this.#place(group, this.#hashes[group])
  }
}

export class Groups {
  readonly #resources = new GroupTable()
  readonly #scopes = new GroupTable()
  #spans = new Int32Array(1024 * SPAN_WORDS)
  #count = 0
  /** Bytes of the spans in each scope group, then of each resource group's content. */
  #sizes = new Float64Array(64)
  #scopeSizes = new Float64Array(64)

  clear(): void {
    this.#resources.clear()
    this.#scopes.clear()
    this.#count = 0
    if (this.#spans.length > 0x10000) this.#spans = new Int32Array(1024 * SPAN_WORDS)
  }

  /** The resource group with this Resource message content. */
  resource(from: Uint8Array, start: number, end: number): number {
    return this.#resources.find(0, from, start, end)
  }

  /** The scope group of a resource group with this InstrumentationScope content. */
  scope(resource: number, from: Uint8Array, start: number, end: number): number {
    const before = this.#scopes.count
    const scope = this.#scopes.find(resource, from, start, end)
    if (scope === before) append(this.#resources.rows, resource, this.#scopes.rows, scope)
    return scope
  }

  /** Adds the span field `start..end` of the spans buffer; false when there are too many. */
  add(scope: number, start: number, end: number): boolean {
    const span = this.#count
    if (span === MAX_ROWS) return false
    const at = span * SPAN_WORDS
    if (at === this.#spans.length) {
      const grown = new Int32Array(this.#spans.length * 2)
      grown.set(this.#spans)
      this.#spans = grown
    }
    const rows = this.#scopes.rows
    const last = rows[scope * GROUP_WORDS + LAST]
    // One range with the span before, when that is of the same group.
    if (last >= 0 && last === span - 1 && this.#spans[last * SPAN_WORDS + 1] === start) {
      this.#spans[last * SPAN_WORDS + 1] = end
      return true
    }
    this.#count++
    this.#spans[at] = start
    this.#spans[at + 1] = end
    this.#spans[at + 2] = -1
    if (last < 0) rows[scope * GROUP_WORDS + FIRST] = span
    else this.#spans[last * SPAN_WORDS + 2] = span
    rows[scope * GROUP_WORDS + LAST] = span
    return true
  }

  /** The request over the spans buffer; null when it would pass `limit` bytes. */
  assemble(spans: Uint8Array, limit: number): Uint8Array | null {
    const total = this.#measure()
    if (total > limit) return null
    const grown = Buffer.allocUnsafeSlow(total)
    const out = new Uint8Array(grown.buffer, grown.byteOffset, total)
    let pos = 0
    const resources = this.#resources
    for (let r = 0; r < resources.count; r++) {
      pos = lead(out, pos, FIELD_1, this.#sizes[r])
      pos = envelope(out, pos, resources, r)
      const { rows } = resources
      for (let s = rows[r * GROUP_WORDS + FIRST]; s >= 0; ) {
        pos = lead(out, pos, FIELD_2, this.#scopeSizes[s])
        pos = envelope(out, pos, this.#scopes, s)
        pos = this.#copySpans(out, pos, spans, this.#scopes.rows[s * GROUP_WORDS + FIRST])
        s = this.#scopes.rows[s * GROUP_WORDS + NEXT]
      }
    }
    return out
  }

  #copySpans(out: Uint8Array, pos: number, from: Uint8Array, first: number): number {
    const spans = this.#spans
    for (let span = first; span >= 0; span = spans[span * SPAN_WORDS + 2]) {
      const start = spans[span * SPAN_WORDS]
      const end = spans[span * SPAN_WORDS + 1]
      out.set(new Uint8Array(from.buffer, from.byteOffset + start, end - start), pos)
      pos += end - start
    }
    return pos
  }

  #measure(): number {
    const resources = this.#resources
    if (this.#sizes.length < resources.count) this.#sizes = new Float64Array(resources.count * 2)
    if (this.#scopeSizes.length < this.#scopes.count) {
      this.#scopeSizes = new Float64Array(this.#scopes.count * 2)
    }
    let total = 0
    for (let r = 0; r < resources.count; r++) {
      let size = envelopeSize(resources, r)
      for (let s = resources.rows[r * GROUP_WORDS + FIRST]; s >= 0; ) {
        this.#scopeSizes[s] = envelopeSize(this.#scopes, s) + this.#spanBytes(s)
        size += fieldSize(2, this.#scopeSizes[s])
        s = this.#scopes.rows[s * GROUP_WORDS + NEXT]
      }
      this.#sizes[r] = size
      total += fieldSize(1, size)
    }
    return total
  }

  #spanBytes(scope: number): number {
    const spans = this.#spans
    let size = 0
    let span = this.#scopes.rows[scope * GROUP_WORDS + FIRST]
    for (; span >= 0; span = spans[span * SPAN_WORDS + 2]) {
      size += spans[span * SPAN_WORDS + 1] - spans[span * SPAN_WORDS]
    }
    return size
  }
}

/** Appends a child to its parent's list of children. */
function append(parents: Int32Array, parent: number, children: Int32Array, child: number): void {
  const at = parent * GROUP_WORDS
  if (parents[at + LAST] < 0) parents[at + FIRST] = child
  else children[parents[at + LAST] * GROUP_WORDS + NEXT] = child
  parents[at + LAST] = child
}

function lead(out: Uint8Array, pos: number, tag: number, length: number): number {
  out[pos++] = tag
  return writeVarint(out, pos, length)
}

/** Size of resource or scope as field 1 of its group; an empty one is left out. */
function envelopeSize(table: GroupTable, group: number): number {
  const at = group * GROUP_WORDS
  const length = table.rows[at + BYTES_END] - table.rows[at + BYTES_START]
  return length === 0 ? 0 : 1 + varintSize(length) + length
}

function envelope(out: Uint8Array, pos: number, table: GroupTable, group: number): number {
  const at = group * GROUP_WORDS
  const start = table.rows[at + BYTES_START]
  const end = table.rows[at + BYTES_END]
  if (end === start) return pos
  pos = lead(out, pos, FIELD_1, end - start)
  out.set(table.bytes.subarray(start, end), pos)
  return pos + end - start
}
