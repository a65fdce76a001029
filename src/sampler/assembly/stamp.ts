/** What is written into the spans of a kept trace when it is sent on. */

/** `ot=th` stays as it came. */
export const STAMP_NONE = 0
/** `ot=th` becomes the given threshold, or stays where the span's own is higher. */
export const STAMP_THRESHOLD = 1
/** `ot=th` is taken away: the probability is not known. */
export const STAMP_ERASE = 2

/** One instance is reused from trace to trace; it is reset before its owner fills it. */
export class Stamp {
  /** One of `STAMP_...`. */
  mode = STAMP_NONE
  /** The threshold's 56 bits in halves of 28. */
  thresholdHigh = 0
  thresholdLow = 0
  /** Whole encoded fields of a span (such as attributes, field 9) that are put at the end of every span; null = none. */
  fields: Uint8Array | null = null
  /** The same for spans without parent only. */
  rootFields: Uint8Array | null = null

  reset(): void {
    this.mode = STAMP_NONE
    this.thresholdHigh = 0
    this.thresholdLow = 0
    this.fields = null
    this.rootFields = null
  }
}
