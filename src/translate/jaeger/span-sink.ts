/**
 * Where the readers of all Jaeger formats put what they find: a span grows here as OTLP while its fields come in any
 * order, and takes its place among the others when it ends. Only bytes and offsets; no object per span.
 *
 * ```
 * out     : | span | span | span so far: attributes ...
 * events  : events of the span
 * origin  : resource of the process at hand, scope of the span
 * refs    : type, trace id, span id of each reference, as words
 * ```
 */
import { MessageWriter } from '../../otlp/json/message-writer.ts'
import { MAX_ROWS } from '../../otlp/request-index.ts'
import { copyBytes } from '../../otlp/wire-writer.ts'
import type { TranslateFault } from '../fault.ts'
import { Groups } from '../groups.ts'
import { appendMended } from '../utf8.ts'
import { Nanos } from './nanos.ts'
import { ProcessSink } from './process-sink.ts'
import { References } from './references.ts'
import { writeStatus } from './status.ts'
import { appendText, MAX_TAGS, STRING, type Tag, TagSink } from './tag-sink.ts'
import * as T from './tags.ts'

const SPAN_FIELD = 0x12
const ATTRIBUTE_FIELD = 0x4a
const EVENT_FIELD = 0x5a
const EVENT_ATTRIBUTE_FIELD = 0x1a
const NAME_FIELD = 0x2a
const EVENT_NAME_FIELD = 0x12
const TRACE_STATE_FIELD = 0x1a
const KIND_FIELD = 0x30
const FLAGS_FIELD = 0x85
const DROPPED_FIELDS = [0x50, 0x60, 0x70]

/** Protobuf messages end at 2 GiB. */
const MAX_BYTES = 0x7fff_ffff
const MAX_UINT32 = 0xffff_ffff

/** Strings in `warnings` of one span. */
const MAX_WARNINGS = 1024

const SAMPLED = 1

/** By the text of `span.kind`. */
const KINDS: ReadonlyMap<string, number> = new Map([
  ['internal', 1],
  ['server', 2],
  ['client', 3],
  ['producer', 4],
  ['consumer', 5],
])

/** What can be wrong with what is read, apart from the format. */
export type Wrong = Pick<TranslateFault, 'fault' | 'message'>
const TOO_LATE: Wrong = { fault: 'range', message: 'expected a time before 2262-04-11' }
const TOO_LARGE: Wrong = { fault: 'too_large', message: 'expected less than 2 GiB of spans' }
const TOO_MANY: Wrong = { fault: 'too_large', message: `expected at most ${MAX_ROWS} spans` }
const TOO_MANY_TAGS: Wrong = { fault: 'too_large', message: `expected at most ${MAX_TAGS} tags` }
const TOO_MANY_REFS: Wrong = {
  fault: 'too_large',
  message: `expected at most ${MAX_TAGS} references`,
}
const TOO_MANY_WARNINGS: Wrong = {
  fault: 'too_large',
  message: `expected at most ${MAX_WARNINGS} warnings`,
}

/** Whose tags come. */
export const OF_SPAN = 0
export const OF_LOG = 1
export const OF_PROCESS = 2

export class SpanSink {
  readonly out = new MessageWriter()
  readonly #events = new MessageWriter()
  readonly #scope = new MessageWriter()
  readonly #groups = new Groups()
  readonly #spanTags = new TagSink(this.out, ATTRIBUTE_FIELD)
  readonly #logTags = new TagSink(this.#events, EVENT_ATTRIBUTE_FIELD)
  readonly process = new ProcessSink()
  readonly refs = new References()
  #source: Uint8Array = new Uint8Array(0)

  /** Ids as 32-bit words, highest first: 4 of the trace, 2 of the span, 2 of its parent. */
  readonly ids = new Int32Array(8)
  flags = 0
  nameStart = 0
  nameEnd = 0
  readonly start = new Nanos()
  readonly duration = new Nanos()
  readonly logTime = new Nanos()
  readonly #end = new Nanos()
  readonly #warnings = new Int32Array(2 * MAX_WARNINGS)
  #warningCount = 0
  readonly #dropped = new Float64Array(3)
  #span = 0
  #width = 2
  #log = 0

  /** Begins a request; false when there is no memory for a text of that length. */
  startRequest(source: Uint8Array): boolean {
    this.#source = source
    this.#groups.clear()
    this.process.clear()
    return this.out.start(source.length) && this.#events.start(source.length)
  }

  /** The request; null when it would be too long. Empty afterwards. */
  takeRequest(): Uint8Array | null {
    const request = this.#groups.assemble(this.out.bytes, MAX_BYTES)
    this.release()
    return request
  }

  release(): void {
    this.#source = new Uint8Array(0)
    this.#groups.clear()
    this.out.release()
    this.#events.release()
    this.#scope.release()
    this.#spanTags.release()
    this.#logTags.release()
    this.process.release()
    this.refs.release()
  }

  /** False when there is no memory. */
  beginSpan(): boolean {
    if (!this.out.reserve(0)) return false
    this.#span = this.out.pos
    this.out.open(SPAN_FIELD, this.#width)
    this.#events.pos = 0
    this.#spanTags.begin()
    this.refs.count = 0
    this.ids.fill(0)
    this.flags = 0
    this.nameStart = this.nameEnd = 0
    this.start.clear()
    this.duration.clear()
    this.#warningCount = 0
    return true
  }

  // hot: bench/micro/jaeger.ts
  addTag(owner: number, tag: Tag): Wrong | null {
    const tags =
      owner === OF_SPAN ? this.#spanTags : owner === OF_LOG ? this.#logTags : this.process.tags
    if (tags.isFull) return TOO_MANY_TAGS
    return tags.add(this.#source, tag) ? null : TOO_LARGE
  }

  /** Adds a reference whose ids stand in `refs`. */
  addReference(): Wrong | null {
    return this.refs.add() ? null : TOO_MANY_REFS
  }

  addWarning(start: number, end: number): Wrong | null {
    if (this.#warningCount === MAX_WARNINGS) return TOO_MANY_WARNINGS
    this.#warnings[2 * this.#warningCount] = start
    this.#warnings[2 * this.#warningCount++ + 1] = end
    return null
  }

  beginLog(): void {
    this.#events.reserve(0)
    this.#log = this.#events.open(EVENT_FIELD, 1)
    this.#logTags.begin()
    this.logTime.clear()
  }

  endLog(): Wrong | null {
    const events = this.#events
    const tags = this.#logTags
    if (this.logTime.isTooLate) return TOO_LATE
    if (!events.reserve(tags.has(T.EVENT) ? tags.end(T.EVENT) - tags.start(T.EVENT) : 0)) {
      return TOO_LARGE
    }
    if (tags.type(T.EVENT) === STRING && tags.end(T.EVENT) > tags.start(T.EVENT)) {
      events.tag(EVENT_NAME_FIELD)
      events.varint(tags.end(T.EVENT) - tags.start(T.EVENT))
      const { bytes } = events
      events.pos = copyBytes(bytes, events.pos, bytes, tags.start(T.EVENT), tags.end(T.EVENT))
    }
    if (tags.type(T.EVENT) === STRING) tags.forget(T.EVENT)
    this.#time(events, 0x09, this.logTime)
    tags.compact()
    events.close(this.#log, 1)
    return null
  }

  /** Ends the span; what is wrong with it, or null. One that says nothing is left out. */
  endSpan(): Wrong | null {
    const { out } = this
    if (this.#isBlank()) {
      out.pos = this.#span
      return null
    }
    if (this.start.isTooLate) return TOO_LATE
    this.#end.setSum(this.start, this.duration)
    if (this.#end.isTooLate) return TOO_LATE
    const tags = this.#spanTags
    const room = this.#events.pos + this.refs.room + 3 * (this.nameEnd - this.nameStart)
    if (!out.reserve(room)) return TOO_LARGE
    const scope = this.#place()
    const kind = this.#kind()
    this.#readDropped()
    if (!writeStatus(out, tags, kind)) return TOO_LARGE
    if (!this.#state()) return TOO_LARGE
    if (!this.#writeWarnings()) return TOO_LARGE
    if (!out.reserve(room)) return TOO_LARGE
    this.#fields(kind)
    out.pos = copyBytes(out.bytes, out.pos, this.#events.bytes, 0, this.#events.pos)
    this.refs.writeLinks(out, this.ids)
    tags.compact()
    this.#width = out.close(this.#span + 1 + this.#width, this.#width)
    return this.#groups.add(scope, this.#span, out.pos) ? null : TOO_MANY
  }

  #isBlank(): boolean {
    const { ids } = this
    return (
      (ids[0] | ids[1] | ids[2] | ids[3] | ids[4] | ids[5]) === 0 &&
      this.nameEnd === this.nameStart &&
      this.#spanTags.isEmpty &&
      this.#events.pos === 0 &&
      this.refs.count === 0 &&
      (this.start.high | this.start.low) === 0
    )
  }

  /** The scope counts only with a name. */
  #place(): number {
    const { process } = this
    const tags = this.#spanTags
    const scope = this.#scope
    scope.pos = 0
    if (tags.type(T.SCOPE_NAME) === STRING) {
      this.#scopeText(0x0a, T.SCOPE_NAME)
      if (tags.type(T.SCOPE_VERSION) === STRING) this.#scopeText(0x12, T.SCOPE_VERSION)
    }
    const resource = this.#groups.resource(process.bytes, process.start, process.end)
    return this.#groups.scope(resource, scope.bytes, 0, scope.pos)
  }

  #scopeText(field: number, key: number): void {
    const scope = this.#scope
    const start = this.#spanTags.start(key)
    const end = this.#spanTags.end(key)
    if (end > start && scope.reserve(end - start)) {
      scope.tag(field)
      scope.varint(end - start)
      scope.pos = copyBytes(scope.bytes, scope.pos, this.out.bytes, start, end)
    }
    this.#spanTags.forget(key)
  }

  #kind(): number {
    const kind = KINDS.get(this.#spanTags.text(T.SPAN_KIND)) ?? 0
    this.#spanTags.forget(T.SPAN_KIND)
    return kind
  }

  #readDropped(): void {
    const tags = this.#spanTags
    for (let i = 0; i < 3; i++) {
      const key = T.DROPPED_ATTRIBUTES + i
      const count = tags.has(key) ? (tags.int(key) ?? -1) : -1
      this.#dropped[i] = count <= MAX_UINT32 ? count : -1
      if (this.#dropped[i] >= 0) tags.forget(key)
    }
  }

  /** Also makes room for what it copies. */
  #state(): boolean {
    const { out } = this
    const tags = this.#spanTags
    if (tags.type(T.TRACE_STATE) !== STRING) return true
    const start = tags.start(T.TRACE_STATE)
    const end = tags.end(T.TRACE_STATE)
    tags.forget(T.TRACE_STATE)
    if (end === start) return true
    if (!out.reserve(end - start)) return false
    out.tag(TRACE_STATE_FIELD)
    out.varint(end - start)
    out.pos = copyBytes(out.bytes, out.pos, out.bytes, start, end)
    return true
  }

  #writeWarnings(): boolean {
    if (this.#warningCount === 0) return true
    const { out } = this
    let room = 16 * this.#warningCount
    for (let i = 0; i < this.#warningCount; i++) {
      room += 3 * (this.#warnings[2 * i + 1] - this.#warnings[2 * i])
    }
    if (!out.reserve(room)) return false
    const field = out.open(ATTRIBUTE_FIELD, 1)
    const key = out.open(0x0a, 1)
    appendText(out, T.WARNINGS_KEY)
    out.close(key, 1)
    const value = out.open(0x12, 1)
    const list = out.open(0x2a, 1)
    for (let i = 0; i < this.#warningCount; i++) {
      const item = out.open(0x0a, 1)
      const text = out.open(0x0a, 1)
      appendMended(out, this.#source, this.#warnings[2 * i], this.#warnings[2 * i + 1])
      out.close(text, 1)
      out.close(item, 1)
    }
    out.close(list, 1)
    out.close(value, 1)
    out.close(field, 1)
    return true
  }

  #fields(kind: number): void {
    const { out, ids } = this
    if ((ids[0] | ids[1] | ids[2] | ids[3]) !== 0) this.#words(0x0a, 0, 4)
    if ((ids[4] | ids[5]) !== 0) this.#words(0x12, 4, 2)
    this.refs.findParent(ids)
    if ((ids[6] | ids[7]) !== 0) this.#words(0x22, 6, 2)
    if (this.nameEnd > this.nameStart) {
      const name = out.open(NAME_FIELD, 1)
      appendMended(out, this.#source, this.nameStart, this.nameEnd)
      out.close(name, 1)
    }
    if (kind !== 0) {
      out.tag(KIND_FIELD)
      out.varint(kind)
    }
    this.#time(out, 0x39, this.start)
    this.#time(out, 0x41, this.#end)
    for (let i = 0; i < 3; i++) {
      if (this.#dropped[i] <= 0) continue
      out.tag(DROPPED_FIELDS[i])
      out.varint(this.#dropped[i])
    }
    if ((this.flags & SAMPLED) !== 0) {
      out.tag(FLAGS_FIELD)
      out.fixed32(SAMPLED)
    }
  }

  #words(tag: number, from: number, count: number): void {
    const { out } = this
    out.tag(tag)
    out.varint(4 * count)
    for (let i = from; i < from + count; i++) {
      out.view.setInt32(out.pos, this.ids[i])
      out.pos += 4
    }
  }

  /** A time before 1970 is none. */
  #time(out: MessageWriter, tag: number, time: Nanos): void {
    if (time.isNegative || (time.high | time.low) === 0) return
    out.tag(tag)
    out.fixed64(time.high, time.low)
  }
}
