/**
 * Notices a partition whose log contradicts itself: the broker handed out records from beyond the end that it told, and now
 * says that they are not there. A damaged file on its disk does that. Begun anew, the same records would come again for ever.
 *
 * ```
 * on the disk   0-9  10-19  20-29  0-4        the broker takes 5 for the end, and answers to "from 0" with all of it
 * asked for 30  out of range -> from 0 again -> 0-29 again ...
 * ```
 */
import type { FetchedBatch, FetchedRecord } from '../../net/kafka/client.ts'

type Place = Pick<FetchedRecord, 'offset' | 'timestampMs'>

export class LogCheck {
  isBroken = false
  /** Where this reading of the log began; tells it from another log with the same offsets. */
  #origin: Place | null = null

  /** Reading begins with this record. */
  begins(record: Place): void {
    if (this.#origin === null) this.#origin = placeOf(record)
  }

  /** The log is another one. */
  forget(): void {
    this.#origin = null
    this.isBroken = false
  }

  /**
   * Of a batch from before `next`, up to where everything was read; `end` is what the broker last told before. False: the
   * log is another one than before, or has lost its end as logs may when a leader is lost.
   */
  contradicts({ records, highWatermark }: FetchedBatch, next: number, end: number): boolean {
    const first = records[0]
    const origin = this.#origin
    const isAtOrigin = origin !== null && origin.offset === first.offset
    const isSame = isAtOrigin && origin.timestampMs === first.timestampMs
    if (this.isBroken) return isSame || records[records.length - 1].offset >= highWatermark
    if (next <= end || (isAtOrigin && !isSame)) return false
    this.isBroken = true
    this.#origin = placeOf(first)
    return true
  }
}

/** Without the bytes of the record, which would live as long as the partition. */
function placeOf({ offset, timestampMs }: Place): Place {
  return { offset, timestampMs }
}
