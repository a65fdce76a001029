/**
 * What a span of format v1 means: hosts are said with each annotation, kind and times are annotations themselves (`cs`,
 * `sr`, ...), and tags are "binary annotations". The readers of JSON and Thrift put one annotation after the other in.
 */
import { copyBytes } from '../../otlp/wire-writer.ts'
import type { SpanSink } from './span-sink.ts'
import { CLIENT, CONSUMER, PRODUCER, SERVER, UNSPECIFIED } from './span-sink.ts'
import * as T from './tags.ts'

const TWO_32 = 0x1_0000_0000
const COMPONENT = Buffer.from('component')

/** By the two letters of a core annotation; c and s: client and server, m: message; s and r: sent and received. */
function coreKind(first: number, second: number): number {
  if (first === 0x63) return second === 0x73 || second === 0x72 ? CLIENT : UNSPECIFIED
  if (first === 0x73) return second === 0x73 || second === 0x72 ? SERVER : UNSPECIFIED
  if (first !== 0x6d) return UNSPECIFIED
  return second === 0x73 ? PRODUCER : second === 0x72 ? CONSUMER : UNSPECIFIED
}

export class LegacySpan {
  /** Of the annotation being read: texts are ranges of the sink's `aside`, empty when absent. */
  keyStart = 0
  keyEnd = 0
  valueStart = 0
  valueEnd = 0
  /** How the value of a binary annotation is meant; see `closeTag`. */
  valueKind = 0
  /** In microseconds, as halves. */
  timeHigh = 0
  timeLow = 0
  serviceStart = 0
  serviceEnd = 0
  fourStart = 0
  fourEnd = 0
  sixStart = 0
  sixEnd = 0
  port = 0

  readonly #sink: SpanSink
  #earliest = 0
  #latest = 0
  #hasHost = false

  constructor(sink: SpanSink) {
    this.#sink = sink
  }

  beginSpan(): void {
    this.#earliest = Number.POSITIVE_INFINITY
    this.#latest = 0
    this.#hasHost = false
  }

  beginAnnotation(): void {
    const { pos } = this.#sink.aside
    this.keyStart = this.keyEnd = this.valueStart = this.valueEnd = pos
    this.valueKind = 0
    this.timeHigh = this.timeLow = 0
    this.beginHost()
  }

  beginHost(): void {
    const { pos } = this.#sink.aside
    this.serviceStart = this.serviceEnd = pos
    this.fourStart = this.fourEnd = this.sixStart = this.sixEnd = pos
    this.port = 0
  }

  /** An annotation has been read; false when its time is beyond OTLP. One without text says nothing. */
  endAnnotation(): boolean {
    if (this.valueEnd === this.valueStart) return true
    const { bytes } = this.#sink.aside
    const isShort = this.valueEnd - this.valueStart === 2
    const kind = isShort ? coreKind(bytes[this.valueStart], bytes[this.valueStart + 1]) : 0
    if (kind !== UNSPECIFIED) {
      if (this.#sink.kind === UNSPECIFIED) this.#sink.kind = kind
      if (!this.#hasHost && this.serviceEnd > this.serviceStart) this.#takeHost()
    }
    const time = this.timeHigh * TWO_32 + this.timeLow
    this.#earliest = Math.min(this.#earliest, time)
    this.#latest = Math.max(this.#latest, time)
    if (kind !== UNSPECIFIED) return true
    return this.#sink.addEvent(this.timeHigh, this.timeLow, this.valueStart, this.valueEnd)
  }

  #takeHost(): void {
    this.#hasHost = true
    const sink = this.#sink
    sink.put(T.LOCAL_SERVICE, this.serviceStart, this.serviceEnd)
    if (this.fourEnd > this.fourStart) sink.put(T.HOST_IPV4, this.fourStart, this.fourEnd)
    if (this.sixEnd > this.sixStart) sink.put(T.HOST_IPV6, this.sixStart, this.sixEnd)
    sink.hostPort = this.port
  }

  /** A binary annotation has been read: a tag, or the address of the other side, or the name of a local component. */
  endBinary(): void {
    const sink = this.#sink
    const { bytes } = sink.aside
    const isShort = this.keyEnd - this.keyStart === 2
    const first = isShort ? bytes[this.keyStart] : 0
    const second = isShort ? bytes[this.keyStart + 1] : 0
    // `sa`, `ca`, `ma`: the host is the other side's.
    const isAddress = second === 0x61 && (first === 0x73 || first === 0x63 || first === 0x6d)
    if (isAddress && this.#takePeer()) return
    if (!isAddress && this.serviceEnd > this.serviceStart) {
      sink.put(T.FALLBACK_SERVICE, this.serviceStart, this.serviceEnd)
    }
    const isLocal = first === 0x6c && second === 0x63
    if (isLocal && this.valueEnd > this.valueStart) {
      sink.put(T.LOCAL_COMPONENT, this.valueStart, this.valueEnd)
    }
    if (isLocal) this.#tag(COMPONENT, 0, COMPONENT.length)
    else this.#tag(null, this.keyStart, this.keyEnd)
  }

  /** `keys` null = in `aside`. */
  #tag(keys: Uint8Array | null, start: number, end: number): void {
    const sink = this.#sink
    const { aside, out } = sink
    out.reserve(end - start + this.valueEnd - this.valueStart)
    sink.openTag()
    out.pos = copyBytes(out.bytes, out.pos, keys ?? aside.bytes, start, end)
    const to = sink.openValue()
    to.reserve(this.valueEnd - this.valueStart)
    to.pos = copyBytes(to.bytes, to.pos, aside.bytes, this.valueStart, this.valueEnd)
    sink.closeTag(this.valueKind)
  }

  #takePeer(): boolean {
    const sink = this.#sink
    const hasService = this.serviceEnd > this.serviceStart
    const hasFour = this.fourEnd > this.fourStart
    const hasSix = this.sixEnd > this.sixStart
    if (!hasService && !hasFour && !hasSix) return false
    if (hasService) sink.put(T.REMOTE_SERVICE, this.serviceStart, this.serviceEnd)
    if (hasSix) sink.put(T.REMOTE_IP, this.sixStart, this.sixEnd)
    else if (hasFour) sink.put(T.REMOTE_IP, this.fourStart, this.fourEnd)
    sink.remotePort = this.port
    return true
  }

  /** All is read: what was not said is taken from the annotations. */
  endSpan(): void {
    const sink = this.#sink
    if (!this.#hasHost) {
      const source = sink.has(T.FALLBACK_SERVICE) ? T.FALLBACK_SERVICE : T.LOCAL_COMPONENT
      if (sink.has(source)) sink.put(T.LOCAL_SERVICE, sink.starts[source], sink.ends[source])
    }
    if ((sink.startHigh | sink.startLow) !== 0 || this.#latest === 0) return
    const duration = this.#latest - this.#earliest
    sink.startHigh = Math.floor(this.#earliest / TWO_32)
    sink.startLow = this.#earliest >>> 0
    sink.durationHigh = Math.floor(duration / TWO_32)
    sink.durationLow = duration >>> 0
  }
}
