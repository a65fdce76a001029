/** Reading spans where they stand in the payload; field numbers are those of opentelemetry/proto/trace/v1/trace.proto. */
import { AttributesView } from './attributes-view.ts'
import { MessageView } from './message-view.ts'
import { RepeatedView } from './repeated-view.ts'
import { RequestView } from './request-view.ts'

export class TracesView extends RequestView {
  readonly span = new SpanView()

  /** Moves `span`, `scope` and `resource` to an item. */
  moveTo(item: number): SpanView {
    this.place(this.span, 2, item)
    this.placeScope(this.parent(2, item))
    return this.span
  }
}

export class SpanView extends MessageView {
  readonly attributes = new AttributesView(9)
  readonly events = new RepeatedView(11, new EventView())
  readonly links = new RepeatedView(13, new LinkView())

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end)
    this.attributes.reset(bytes, start, end)
    this.events.reset(bytes, start, end)
    this.links.reset(bytes, start, end)
  }

  /** Lower-case hex, 32 digits in a valid span. */
  get traceId(): string {
    return this.hex(1)
  }

  /** The 16 bytes in the payload, not a copy. */
  get traceIdBytes(): Uint8Array {
    return this.raw(1)
  }

  get spanId(): string {
    return this.hex(2)
  }

  /** The 8 bytes in the payload, not a copy. */
  get spanIdBytes(): Uint8Array {
    return this.raw(2)
  }

  get traceState(): string {
    return this.text(3)
  }

  get traceStateBytes(): Uint8Array {
    return this.raw(3)
  }

  /** Empty for a root span. */
  get parentSpanId(): string {
    return this.hex(4)
  }

  get parentSpanIdBytes(): Uint8Array {
    return this.raw(4)
  }

  get name(): string {
    return this.text(5)
  }

  nameEquals(name: string): boolean {
    return this.textEquals(5, name)
  }

  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  get kind(): number {
    return this.uint32(6)
  }

  get startTimeUnixNano(): bigint {
    return this.fixed64(7)
  }

  get endTimeUnixNano(): bigint {
    return this.fixed64(8)
  }

  /** End minus start in nanoseconds; negative where clocks were wrong. */
  get durationNano(): number {
    return Number(this.fixed64(8) - this.fixed64(7))
  }

  get droppedAttributesCount(): number {
    return this.uint32(10)
  }

  get droppedEventsCount(): number {
    return this.uint32(12)
  }

  get droppedLinksCount(): number {
    return this.uint32(14)
  }

  /** 0 unset, 1 ok, 2 error. */
  get statusCode(): number {
    return this.nestedUint32(15, 3)
  }

  get statusMessage(): string {
    return this.nestedText(15, 2)
  }

  get flags(): number {
    return this.fixed32(16)
  }
}

export class EventView extends MessageView {
  readonly attributes = new AttributesView(3)

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end)
    this.attributes.reset(bytes, start, end)
  }

  get timeUnixNano(): bigint {
    return this.fixed64(1)
  }

  get name(): string {
    return this.text(2)
  }

  get droppedAttributesCount(): number {
    return this.uint32(4)
  }
}

export class LinkView extends MessageView {
  readonly attributes = new AttributesView(4)

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end)
    this.attributes.reset(bytes, start, end)
  }

  get traceId(): string {
    return this.hex(1)
  }

  get spanId(): string {
    return this.hex(2)
  }

  get traceState(): string {
    return this.text(3)
  }

  get droppedAttributesCount(): number {
    return this.uint32(5)
  }

  get flags(): number {
    return this.fixed32(6)
  }
}
