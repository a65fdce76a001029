/** Reading the four kinds of metric data points and their exemplars; gauge and sum share theirs. */
import { AttributesView } from './attributes-view.ts'
import { MessageView } from './message-view.ts'
import { RepeatedView } from './repeated-view.ts'

/** What all points have at the same place. */
abstract class AnyPointView extends MessageView {
  readonly attributes: AttributesView
  readonly #flags: number

  constructor(attributes: number, flags: number) {
    super()
    this.attributes = new AttributesView(attributes)
    this.#flags = flags
  }

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end)
    this.attributes.reset(bytes, start, end)
  }

  get startTimeUnixNano(): bigint {
    return this.fixed64(2)
  }

  get timeUnixNano(): bigint {
    return this.fixed64(3)
  }

  get flags(): number {
    return this.uint32(this.#flags)
  }

  protected optionalDouble(number: number): number | undefined {
    return this.at(number) < 0 ? undefined : this.double(number)
  }
}

export class NumberPointView extends AnyPointView {
  readonly kind = 'number'
  readonly exemplars = new RepeatedView(5, new ExemplarView())

  constructor() {
    super(7, 8)
  }

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end)
    this.exemplars.reset(bytes, start, end)
  }

  /** Double as number, integer as bigint; null = no value was recorded. */
  get value(): number | bigint | null {
    return this.doubleOrInteger(4, 6)
  }
}

export class HistogramPointView extends AnyPointView {
  readonly kind = 'histogram'
  readonly exemplars = new RepeatedView(8, new ExemplarView())

  constructor() {
    super(9, 10)
  }

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end)
    this.exemplars.reset(bytes, start, end)
  }

  get count(): bigint {
    return this.fixed64(4)
  }

  get sum(): number | undefined {
    return this.optionalDouble(5)
  }

  get min(): number | undefined {
    return this.optionalDouble(11)
  }

  get max(): number | undefined {
    return this.optionalDouble(12)
  }

  get bucketCounts(): bigint[] {
    return this.fixed64s(6)
  }

  get explicitBounds(): number[] {
    return this.doubles(7)
  }
}

export class ExponentialHistogramPointView extends AnyPointView {
  readonly kind = 'exponential_histogram'
  readonly exemplars = new RepeatedView(11, new ExemplarView())
  readonly #buckets = new BucketsView()

  constructor() {
    super(1, 10)
  }

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end)
    this.exemplars.reset(bytes, start, end)
  }

  get count(): bigint {
    return this.fixed64(4)
  }

  get sum(): number | undefined {
    return this.optionalDouble(5)
  }

  get scale(): number {
    return this.sint32(6)
  }

  get zeroCount(): bigint {
    return this.fixed64(7)
  }

  get zeroThreshold(): number {
    return this.double(14)
  }

  get min(): number | undefined {
    return this.optionalDouble(12)
  }

  get max(): number | undefined {
    return this.optionalDouble(13)
  }

  /** Valid until the next call of this or `negative`. */
  get positive(): BucketsView {
    return this.#bucketsAt(8)
  }

  get negative(): BucketsView {
    return this.#bucketsAt(9)
  }

  #bucketsAt(number: number): BucketsView {
    const buckets = this.raw(number)
    this.#buckets.reset(buckets, 0, buckets.length)
    return this.#buckets
  }
}

export class BucketsView extends MessageView {
  get offset(): number {
    return this.sint32(1)
  }

  get bucketCounts(): bigint[] {
    return this.uint64s(2)
  }
}

export class SummaryPointView extends AnyPointView {
  readonly kind = 'summary'
  readonly quantiles = new RepeatedView(6, new QuantileView())

  constructor() {
    super(7, 8)
  }

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end)
    this.quantiles.reset(bytes, start, end)
  }

  get count(): bigint {
    return this.fixed64(4)
  }

  get sum(): number {
    return this.double(5)
  }
}

export class QuantileView extends MessageView {
  get quantile(): number {
    return this.double(1)
  }

  get value(): number {
    return this.double(2)
  }
}

export class ExemplarView extends MessageView {
  readonly attributes = new AttributesView(7)

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end)
    this.attributes.reset(bytes, start, end)
  }

  get timeUnixNano(): bigint {
    return this.fixed64(2)
  }

  get value(): number | bigint | null {
    return this.doubleOrInteger(3, 6)
  }

  get spanId(): string {
    return this.hex(4)
  }

  get traceId(): string {
    return this.hex(5)
  }
}
