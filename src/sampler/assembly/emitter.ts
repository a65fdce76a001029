/**
 * Writes held spans out as export requests, with their index, so that nothing has to be validated again. A request is written
 * from its end to its beginning: by then the length of what is inside is known, so no size is computed in advance.
 */
import { Batch, NO_CONTEXT, type Part, type TenantId } from '../../core/batch.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import { Payload } from '../../core/payload.ts'
import { ROW } from '../../otlp/request-index.ts'
import { readVarint32, skipValue, skipVarint } from '../../otlp/wire-reader.ts'
import { varintSize, writeVarint } from '../../otlp/wire-writer.ts'
import { BufferPool } from '../../util/buffer-pool.ts'
import type { Envelopes } from './envelopes.ts'
import * as C from './row.ts'
import type { Slab, Slabs } from './slabs.ts'
import { STAMP_NONE, Stamp } from './stamp.ts'
import { STATE_GROWTH, StateWriter } from './state-writer.ts'

/** A request is closed when it has so many bytes. */
const MAX_REQUEST_BYTES = 4 << 20
/**
 * Written requests whose memory waits to be used again. Fresh memory outside of the heap makes the garbage collector go
 * through the whole heap every second, whatever else there is to collect.
 */
const IDLE_BYTES = 8 << 20
/** Tags of the groups and of a span's trace state. */
const RESOURCE_TAG = 0x0a
const SCOPE_TAG = 0x12
const SPAN_TAG = 0x12
const STATE_TAG = 0x1a
/** A tag of one byte and the longest length. */
const PREFIX_BYTES = 6
const FIRST_ROOM = 1024
/** Below this many bytes a loop copies faster than `set` with its throw-away view. */
const LOOP_COPY = 48
const NO_BYTES = new Uint8Array(0)

export class Emitter {
  readonly #slabs: Slabs
  readonly #envelopes: Envelopes
  readonly #memory: MemoryBudget
  readonly #pool = new BufferPool(IDLE_BYTES)
  readonly #states = new StateWriter()
  /** Rows of the request in the making, in order of arrival, and the number of their stamp; -1 = none. */
  #rows = new Int32Array(FIRST_ROOM)
  #stampOf = new Int32Array(FIRST_ROOM)
  /** Places in `#rows`, sorted by envelope. */
  #sorted = new Int32Array(FIRST_ROOM)
  #count = 0
  #bytes = 0
  #importance = false
  readonly #stamps: Stamp[] = []
  #stampCount = 0
  /** By envelope: spans in the making. */
  #spansOf = new Int32Array(FIRST_ROOM)
  readonly #used: number[] = []
  #out: Uint8Array = NO_BYTES
  #pos = 0
  /** Bytes of a slab that are to stand at `#pos` and are not copied yet. */
  #runSlab: Slab | null = null
  #runFrom = 0
  #runTo = 0

  constructor(slabs: Slabs, envelopes: Envelopes, memory: MemoryBudget) {
    this.#slabs = slabs
    this.#envelopes = envelopes
    this.#memory = memory
  }

  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#bytes >= MAX_REQUEST_BYTES
  }

  /** Spans so far whose trace state could not be read when a threshold was written into it. */
  get unreadableStates(): number {
    return this.#states.unreadable
  }

  /** The stamp of the rows that are added next, to be filled. */
  nextStamp(): Stamp {
    if (this.#stampCount === this.#stamps.length) this.#stamps.push(new Stamp())
    const stamp = this.#stamps[this.#stampCount++]
    stamp.reset()
    return stamp
  }

  /** The stamp of the last rows holds for the next ones too, although a request was taken in between. */
  repeatStamp(): void {
    const last = this.#stamps[0]
    if (this.#stampCount !== 0 || last === undefined) return
    this.#stampCount = 1
  }

  // hot: bench/micro/assembly.ts
  add(row: number): void {
    if (this.#count === this.#rows.length) this.#grow()
    const slab = this.#slabs.of(row)
    const at = slab.at(row)
    const envelope = slab.words[at + C.ENVELOPE]
    const stamp = this.#stampCount - 1
    let bytes = slab.words[at + C.LENGTH]
    if (stamp >= 0) bytes += this.#growth(this.#stamps[stamp])
    if (slab.words[at + C.BITS] >> C.IMPORTANCE_SHIFT !== 0) this.#importance = true
    if (envelope >= this.#spansOf.length) this.#growEnvelopes(envelope)
    if (this.#spansOf[envelope]++ === 0) {
      this.#used.push(envelope)
      bytes += this.#envelopes.bytes(envelope).length + PREFIX_BYTES
      // At most so much: several scopes may share the resource.
      bytes += this.#envelopes.bytes(this.#envelopes.resourceOf(envelope)).length + PREFIX_BYTES
    }
    this.#rows[this.#count] = row
    this.#stampOf[this.#count++] = stamp
    this.#bytes += bytes
  }

  /** The batch of all that was added. */
  take(tenant: TenantId): Batch {
    const groups = this.#sort()
    const out = this.#pool.take(this.#bytes)
    this.#out = out
    this.#pos = out.length
    const levels = this.#write(groups)
    const bytes = out.subarray(this.#pos)
    shift(levels, this.#pos)
    const items = this.#count
    const index = { signal: 'traces' as const, levels, items }
    const importance = this.#importance ? this.#importances() : undefined
    const payload = this.#payload(bytes, out)
    const part: Part = { payload, index, selection: null, edits: null, items }
    const parts = [importance === undefined ? part : { ...part, importance }]
    this.#reset()
    return new Batch('traces', tenant, NO_CONTEXT, parts)
  }

  /** What is kept must be written even if the process has no room to spare: its slabs come free for it. */
  #payload(bytes: Uint8Array, out: Uint8Array): Payload {
    const size = out.length
    const isReserved = this.#memory.tryReserve(size)
    return new Payload(bytes, {
      onFree: (_, isReusable) => {
        if (isReserved) this.#memory.free(size)
        if (isReusable) this.#pool.give(out)
      },
    })
  }

  #growth(stamp: Stamp): number {
    const fields = stamp.fields === null ? 0 : stamp.fields.length
    const rootFields = stamp.rootFields === null ? 0 : stamp.rootFields.length
    return fields + rootFields + STATE_GROWTH + PREFIX_BYTES * 2
  }

  /** Orders the rows by envelope and returns the number of resource groups. */
  #sort(): number {
    const used = this.#used
    const spansOf = this.#spansOf
    const envelopes = this.#envelopes
    used.sort((a, b) => envelopes.resourceOf(a) - envelopes.resourceOf(b) || a - b)
    let start = 0
    let groups = 0
    for (let i = 0; i < used.length; i++) {
      if (i === 0 || envelopes.resourceOf(used[i]) !== envelopes.resourceOf(used[i - 1])) groups++
      const spans = spansOf[used[i]]
      spansOf[used[i]] = start
      start += spans
    }
    for (let i = 0; i < this.#count; i++) {
      const slab = this.#slabs.of(this.#rows[i])
      const envelope = slab.words[slab.at(this.#rows[i]) + C.ENVELOPE]
      this.#sorted[spansOf[envelope]++] = i
    }
    return groups
  }

  /** From the last span of the last group to the first. `#spansOf` says where each envelope's rows end. */
  #write(groups: number): Int32Array[] {
    const used = this.#used
    const envelopes = this.#envelopes
    const resources = new Int32Array(groups * ROW)
    const scopes = new Int32Array(used.length * ROW)
    const spans = new Int32Array(this.#count * ROW)
    let group = groups - 1
    let groupEnd = this.#pos
    for (let i = used.length - 1; i >= 0; i--) {
      const scopeEnd = this.#pos
      const from = i === 0 ? 0 : this.#spansOf[used[i - 1]]
      for (let s = this.#spansOf[used[i]] - 1; s >= from; s--) this.#span(s, spans, i)
      this.#flushRun()
      this.#prepend(envelopes.bytes(used[i]))
      this.#close(SCOPE_TAG, scopeEnd, scopes, i, group)
      const resource = envelopes.resourceOf(used[i])
      if (i > 0 && envelopes.resourceOf(used[i - 1]) === resource) continue
      this.#prepend(envelopes.bytes(resource))
      this.#close(RESOURCE_TAG, groupEnd, resources, group, 0)
      group--
      groupEnd = this.#pos
    }
    return [resources, scopes, spans]
  }

  #span(s: number, spans: Int32Array, scope: number): void {
    const place = this.#sorted[s]
    const row = this.#rows[place]
    const slab = this.#slabs.of(row)
    const at = slab.at(row)
    const stamp = this.#stampOf[place]
    if (stamp >= 0) {
      this.#flushRun()
      this.#stampedSpan(slab, at, this.#stamps[stamp], s, spans, scope)
      return
    }
    const from = slab.words[at + C.OFFSET]
    const length = slab.words[at + C.LENGTH]
    if (this.#runSlab === slab && from + length === this.#runFrom) this.#runFrom = from
    else {
      this.#flushRun()
      this.#runSlab = slab
      this.#runFrom = from
      this.#runTo = from + length
    }
    const end = this.#pos
    this.#pos -= length
    const to = s * ROW
    spans[to] = this.#pos
    spans[to + 1] = this.#pos + slab.words[at + C.PREFIX]
    spans[to + 2] = end
    spans[to + 3] = scope
  }

  /** The span without its old trace state, the new one, then the fields that are added. */
  #stampedSpan(
    slab: Slab,
    at: number,
    stamp: Stamp,
    s: number,
    spans: Int32Array,
    scope: number,
  ): void {
    const { bytes, words } = slab
    const spanEnd = this.#pos
    const from = words[at + C.OFFSET] + words[at + C.PREFIX]
    const to = words[at + C.OFFSET] + words[at + C.LENGTH]
    if (stamp.fields !== null) this.#prepend(stamp.fields)
    if (stamp.rootFields !== null && (words[at + C.BITS] & C.ROW_ROOT) !== 0) {
      this.#prepend(stamp.rootFields)
    }
    if (stamp.mode === STAMP_NONE) this.#copy(bytes, from, to)
    else this.#stamped(bytes, from, to, stamp, (words[at + C.BITS] & C.ROW_TRACE_STATE) !== 0)
    this.#close(SPAN_TAG, spanEnd, spans, s, scope)
  }

  #stamped(bytes: Uint8Array, from: number, to: number, stamp: Stamp, hasState: boolean): void {
    let field = to
    let content = to
    let end = to
    if (hasState) {
      for (let p = from; p < to; ) {
        const tag = readVarint32(bytes, p)
        const value = skipVarint(bytes, p)
        const next = skipValue(bytes, value, tag & 7, to)
        // The last one counts.
        if (tag === STATE_TAG) {
          field = p
          content = skipVarint(bytes, value)
          end = next
        }
        p = next
      }
    }
    const state = this.#states.rewrite(stamp, bytes, content, end)
    if (state === null) {
      this.#copy(bytes, from, to)
      return
    }
    const stateEnd = this.#pos
    this.#prepend(state)
    this.#prefix(STATE_TAG, stateEnd)
    this.#copy(bytes, end, to)
    this.#copy(bytes, from, field)
  }

  /** Puts tag and length before what stands from `#pos` to `end`, and notes it as a row of the index. */
  #close(tag: number, end: number, rows: Int32Array, row: number, parent: number): void {
    const start = this.#pos
    this.#prefix(tag, end)
    rows[row * ROW] = this.#pos
    rows[row * ROW + 1] = start
    rows[row * ROW + 2] = end
    rows[row * ROW + 3] = parent
  }

  #prefix(tag: number, end: number): void {
    const length = end - this.#pos
    this.#pos -= varintSize(length) + 1
    this.#out[this.#pos] = tag
    writeVarint(this.#out, this.#pos + 1, length)
  }

  #prepend(bytes: Uint8Array): void {
    this.#copy(bytes, 0, bytes.length)
  }

  #copy(bytes: Uint8Array, from: number, to: number): void {
    this.#pos -= to - from
    this.#copyTo(this.#pos, bytes, from, to)
  }

  #copyTo(pos: number, bytes: Uint8Array, from: number, to: number): void {
    const out = this.#out
    if (to - from > LOOP_COPY) out.set(bytes.subarray(from, to), pos)
    else for (let i = from, o = pos; i < to; i++) out[o++] = bytes[i]
  }

  /** The run ends at where the spans that follow begin, which is `#pos` as long as nothing else was written. */
  #flushRun(): void {
    if (this.#runSlab === null) return
    this.#copyTo(this.#pos, this.#runSlab.bytes, this.#runFrom, this.#runTo)
    this.#runSlab = null
  }

  #importances(): Int16Array {
    const importances = new Int16Array(this.#count)
    for (let s = 0; s < this.#count; s++) {
      const row = this.#rows[this.#sorted[s]]
      const slab = this.#slabs.of(row)
      importances[s] = slab.words[slab.at(row) + C.BITS] >> C.IMPORTANCE_SHIFT
    }
    return importances
  }

  #reset(): void {
    for (let i = 0; i < this.#used.length; i++) this.#spansOf[this.#used[i]] = 0
    this.#used.length = 0
    this.#out = NO_BYTES
    this.#count = this.#bytes = 0
    this.#importance = false
    if (this.#stampCount > 1) {
      const last = this.#stamps[this.#stampCount - 1]
      this.#stamps[this.#stampCount - 1] = this.#stamps[0]
      this.#stamps[0] = last
    }
    this.#stampCount = 0
  }

  #grow(): void {
    const room = this.#rows.length * 2
    this.#rows = grown(this.#rows, room)
    this.#stampOf = grown(this.#stampOf, room)
    this.#sorted = new Int32Array(room)
  }

  #growEnvelopes(envelope: number): void {
    this.#spansOf = grown(this.#spansOf, Math.max(envelope + 1, this.#spansOf.length * 2))
  }
}

function grown(from: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(length)
  to.set(from)
  return to
}

/** Offsets from the buffer's begin become offsets from the request's. */
function shift(levels: readonly Int32Array[], by: number): void {
  if (by === 0) return
  for (const rows of levels) {
    for (let at = 0; at < rows.length; at += ROW) {
      rows[at] -= by
      rows[at + 1] -= by
      rows[at + 2] -= by
    }
  }
}
