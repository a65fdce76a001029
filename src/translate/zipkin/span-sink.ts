/**
 * Where the readers of all Zipkin formats put what they find: a span grows here as protobuf while its fields come in any
 * order, and takes its place among the others when it ends. Only bytes and offsets; no object per span.
 *
 * ```
 * out    : | span | span | span so far: attributes ...
 * events : events of the span, links behind them at its end
 * aside  : texts whose place shows only at the end: name, hosts, tags that are more than attributes
 * ```
 */
import { MessageWriter } from '../../otlp/json/message-writer.ts'
import { MAX_ROWS } from '../../otlp/request-index.ts'
import { copyBytes } from '../../otlp/wire-writer.ts'
import type { TranslateFault } from '../fault.ts'
import { Groups } from '../groups.ts'
import { AttributeSink } from './attribute-sink.ts'
import { writeEvent } from './event.ts'
import { JsonAttributes } from './json-attributes.ts'
import { writeLink } from './link.ts'
import { writeHostResource, writeResource, writeScope } from './origin.ts'
import { Status } from './status.ts'
import * as T from './tags.ts'

const SPAN_FIELD = 0x12
const LINK_FIELD = 0x6a
const NAME_FIELD = 0x2a
const TRACE_STATE_FIELD = 0x1a
const KIND_FIELD = 0x30

/** OTLP messages end at 2 GiB. */
const MAX_BYTES = 0x7fff_ffff
/** Of the upper half of nanoseconds: later times, from 2554-07-21T23:34:33.709551616Z on, OTLP has no room for. */
const TWO_32 = 0x1_0000_0000
const MICRO = 1000
/** More than all keys that have a class take with what is around them. */
const KEYS_ROOM = 64 * T.CLASSES

/** What can be wrong with a span as a whole. */
type Wrong = Pick<TranslateFault, 'fault' | 'message'>
const NO_TRACE_ID: Wrong = { fault: 'value', message: 'expected a trace id that is not zero' }
const NO_ID: Wrong = { fault: 'value', message: 'expected a span id that is not zero' }
export const TOO_LATE: Wrong = {
  fault: 'range',
  message: 'expected a time before 2554-07-21, in microseconds',
}
export const TOO_LONG = 'expected less than 2 GiB of spans'
const TOO_LARGE: Wrong = { fault: 'too_large', message: TOO_LONG }
const TOO_MANY: Wrong = { fault: 'too_large', message: `expected at most ${MAX_ROWS} spans` }

export const UNSPECIFIED = 0
export const INTERNAL = 1
export const SERVER = 2
export const CLIENT = 3
export const PRODUCER = 4
export const CONSUMER = 5

export class SpanSink extends AttributeSink {
  readonly groups = new Groups()
  readonly events = new MessageWriter()
  readonly #json = new JsonAttributes(this.events)
  readonly #origin = new MessageWriter()
  readonly #status = new Status()

  /** Ids as 32-bit words, highest first: 4 of the trace, 2 of the span, 2 of its parent. */
  readonly ids = new Int32Array(8)
  kind = UNSPECIFIED
  /** In microseconds, as halves; zero is absent. */
  startHigh = 0
  startLow = 0
  durationHigh = 0
  durationLow = 0
  debug = false
  shared = false
  localPort = 0
  remotePort = 0
  /** Format v1: attributes `ipv4`, `ipv6`, `port` of the resource come from here. */
  hostPort = 0

  /** Dropped attributes, events, links. */
  readonly #counts = new Float64Array(3)
  #stateStart = 0
  #stateEnd = 0
  #span = 0
  #width = 2
  /** Nanoseconds made of microseconds, halves. */
  #high = 0
  #low = 0

  /** Begins a request; false when there is no memory for a text of that length: once for spans, once for what is put aside. */
  startRequest(length: number, isLegacy: boolean, parseTags: boolean): boolean {
    this.groups.clear()
    this.startAttributes(isLegacy, parseTags)
    return this.out.start(length) && this.aside.start(length) && this.events.start(0)
  }

  /** The request; null when it would be too long. Empty afterwards. */
  takeRequest(): Uint8Array | null {
    const request = this.groups.assemble(this.out.bytes, MAX_BYTES)
    this.release()
    return request
  }

  release(): void {
    this.groups.clear()
    this.out.release()
    this.aside.release()
    this.events.release()
    this.#origin.release()
  }

  beginSpan(): void {
    this.#span = this.out.pos
    this.out.open(SPAN_FIELD, this.#width)
    this.beginAttributes()
    this.events.pos = 0
    this.ids.fill(0)
    this.kind = UNSPECIFIED
    this.startHigh = this.startLow = 0
    this.durationHigh = this.durationLow = 0
    this.debug = this.shared = false
    this.localPort = this.remotePort = this.hostPort = 0
  }

  /** Adds an event whose value stands in `aside`; false when its time is beyond OTLP. */
  addEvent(high: number, low: number, start: number, end: number): boolean {
    if (!this.#toNanos(high, low)) return false
    writeEvent(this.events, this.#json, this.#high, this.#low, this.aside.bytes, start, end)
    return true
  }

  /** Ends the span; what is wrong with it, or null. */
  endSpan(): Wrong | null {
    const { out, ids } = this
    if ((ids[0] | ids[1] | ids[2] | ids[3]) === 0) return NO_TRACE_ID
    if ((ids[4] | ids[5]) === 0) return NO_ID
    this.sortSeen()
    this.#readLinks()
    if (!out.reserve(2 * this.aside.pos + this.events.pos + KEYS_ROOM)) return TOO_LARGE
    this.#status.read(this)
    this.#readCounts()
    const scope = this.#place()
    const kind = this.#kind()
    this.#ownAttributes()
    this.#takeState()
    this.restAttributes()
    if (!this.#times()) return TOO_LATE
    this.#fields(kind)
    out.pos = copyBytes(out.bytes, out.pos, this.events.bytes, 0, this.events.pos)
    this.#status.write(this)
    this.dropDuplicates()
    this.#width = out.close(this.#span + 1 + this.#width, this.#width)
    return this.groups.add(scope, this.#span, out.pos) ? null : TOO_MANY
  }

  #place(): number {
    const origin = this.#origin
    origin.pos = 0
    origin.reserve(2 * this.aside.pos + KEYS_ROOM)
    if (this.isLegacy) writeHostResource(this, origin, this.hostPort)
    else writeResource(this, origin)
    const resource = this.groups.resource(origin.bytes, 0, origin.pos)
    const start = origin.pos
    writeScope(this, origin)
    return this.groups.scope(resource, origin.bytes, start, origin.pos)
  }

  #kind(): number {
    if (this.kind !== UNSPECIFIED || !this.has(T.SPAN_KIND)) return this.kind
    const isInternal = this.isText(T.SPAN_KIND, 'internal')
    this.forget(T.SPAN_KIND)
    return isInternal ? INTERNAL : UNSPECIFIED
  }

  /** What Zipkin has fields for and OTLP attributes. A host wins over a tag of its key, `peer.service` gives way to it. */
  #ownAttributes(): void {
    if (this.startHigh === 0 && this.startLow === 0) this.putFlag(T.START_ABSENT)
    if (this.shared) this.putFlag(T.SHARED)
    if (this.debug) this.putFlag(T.DEBUG)
    this.putHost(T.LOCAL_ADDRESS, T.LOCAL_IP)
    this.putPort(T.LOCAL_PORT, this.localPort)
    if (!this.has(T.PEER_SERVICE)) this.putHost(T.PEER_SERVICE, T.REMOTE_SERVICE)
    this.putHost(T.PEER_ADDRESS, T.REMOTE_IP)
    this.putPort(T.PEER_PORT, this.remotePort)
  }

  #takeState(): void {
    const isThere = this.has(T.TRACE_STATE)
    this.#stateStart = isThere ? this.starts[T.TRACE_STATE] : 0
    this.#stateEnd = isThere ? this.ends[T.TRACE_STATE] : 0
    this.forget(T.TRACE_STATE)
  }

  #fields(kind: number): void {
    const { out, ids } = this
    out.tag(0x0a)
    out.varint(16)
    for (let i = 0; i < 4; i++) this.#word(ids[i])
    out.tag(0x12)
    out.varint(8)
    this.#word(ids[4])
    this.#word(ids[5])
    // A span that is its own parent is a root.
    const isOwn = ids[6] === ids[4] && ids[7] === ids[5]
    if (!isOwn && (ids[6] | ids[7]) !== 0) {
      out.tag(0x22)
      out.varint(8)
      this.#word(ids[6])
      this.#word(ids[7])
    }
    if (this.#stateEnd > this.#stateStart) {
      out.tag(TRACE_STATE_FIELD)
      out.varint(this.#stateEnd - this.#stateStart)
      out.pos = copyBytes(out.bytes, out.pos, this.aside.bytes, this.#stateStart, this.#stateEnd)
    }
    this.putText(NAME_FIELD, T.NAME)
    this.#putCount(0x50, this.#counts[0])
    this.#putCount(0x60, this.#counts[1])
    this.#putCount(0x70, this.#counts[2])
    if (kind !== UNSPECIFIED) {
      out.tag(KIND_FIELD)
      out.varint(kind)
    }
  }

  #word(word: number): void {
    this.out.view.setInt32(this.out.pos, word)
    this.out.pos += 4
  }

  #times(): boolean {
    const { out } = this
    if (!this.#toNanos(this.startHigh, this.startLow)) return false
    const high = this.#high
    const low = this.#low
    if ((high | low) !== 0) {
      out.tag(0x39)
      out.fixed64(high, low)
    }
    if (!this.#toNanos(this.durationHigh, this.durationLow)) return false
    const sum = low + this.#low
    const endHigh = high + this.#high + (sum >= TWO_32 ? 1 : 0)
    if (endHigh >= TWO_32) return false
    if (endHigh !== 0 || sum !== 0) {
      out.tag(0x41)
      out.fixed64(endHigh, sum >>> 0)
    }
    return true
  }

  #toNanos(high: number, low: number): boolean {
    const product = low * MICRO
    this.#low = product >>> 0
    this.#high = high * MICRO + (product - this.#low) / TWO_32
    return this.#high < TWO_32
  }

  /** Links from `otlp.link.0` on, up to the first that is missing; what is no link stays an attribute. */
  #readLinks(): void {
    const { events, aside } = this
    for (let at = T.LINKS; at < T.NAME && this.has(at); at++) {
      events.reserve(this.ends[at] - this.starts[at])
      const from = events.pos
      const link = events.open(LINK_FIELD, 1)
      if (writeLink(events, this.#json, aside.bytes, this.starts[at], this.ends[at])) {
        events.close(link, 1)
        this.forget(at)
      } else events.pos = from
    }
  }

  /** Counts of what was dropped are tags by the generic rules for formats other than OTLP. */
  #readCounts(): void {
    for (let i = 0; i < 3; i++) {
      this.#counts[i] = this.count(T.DROPPED_ATTRIBUTES + i)
      if (this.#counts[i] >= 0) this.forget(T.DROPPED_ATTRIBUTES + i)
    }
  }

  #putCount(tag: number, count: number): void {
    if (count <= 0) return
    this.out.tag(tag)
    this.out.varint(count)
  }
}
