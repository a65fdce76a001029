/** Reading log records where they stand in the payload; field numbers are those of opentelemetry/proto/logs/v1/logs.proto. */
import { type AnyValue, readAnyValue } from './any-value.ts'
import { AttributesView } from './attributes-view.ts'
import { MessageView } from './message-view.ts'
import { RequestView } from './request-view.ts'

export class LogsView extends RequestView {
  readonly record = new LogRecordView()

  /** Moves `record`, `scope` and `resource` to an item. */
  moveTo(item: number): LogRecordView {
    this.place(this.record, 2, item)
    this.placeScope(this.parent(2, item))
    return this.record
  }
}

export class LogRecordView extends MessageView {
  readonly attributes = new AttributesView(6)

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end)
    this.attributes.reset(bytes, start, end)
  }

  get timeUnixNano(): bigint {
    return this.fixed64(1)
  }

  get observedTimeUnixNano(): bigint {
    return this.fixed64(11)
  }

  /** 1 to 24 in steps of severity, 0 = not given. */
  get severityNumber(): number {
    return this.uint32(2)
  }

  get severityText(): string {
    return this.text(3)
  }

  get body(): AnyValue {
    const body = this.raw(5)
    return readAnyValue(body, 0, body.length)
  }

  get droppedAttributesCount(): number {
    return this.uint32(7)
  }

  get flags(): number {
    return this.fixed32(8)
  }

  /** Lower-case hex; empty where the record belongs to no trace. */
  get traceId(): string {
    return this.hex(9)
  }

  /** The 16 bytes in the payload, not a copy. */
  get traceIdBytes(): Uint8Array {
    return this.raw(9)
  }

  get spanId(): string {
    return this.hex(10)
  }

  get eventName(): string {
    return this.text(12)
  }
}
