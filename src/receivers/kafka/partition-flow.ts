/**
 * The records of one assigned partition on their way: several at a time, in order as long as all goes well. Without room
 * it waits: a moment with the records in hand, longer without them, and then they are fetched again.
 *
 * ```
 * fetched -> take -> done ...                      progress.next moves on, and is committed
 *              |---> wait: those on their way end -> short pause, again
 *                                                 -> gives the fetch back, rests, is fetched again from progress.next
 * ```
 */
import type { Clock, Timer } from '../../core/clock.ts'
import type { FetchedBatch, FetchedRecord, TopicPartition } from '../../net/kafka/client.ts'
import { Backoff } from '../../util/backoff.ts'
import type { Ending, Wait } from './ending.ts'
import { LogCheck } from './log-check.ts'
import { Progress } from './progress.ts'

export interface FlowOptions {
  readonly clock: Clock
  readonly maxInFlight: number
  readonly backoff: Backoff
  /** Drops a record after waiting so long for it; Infinity never. */
  readonly giveUpAfterMs: number
  readonly take: (record: FetchedRecord) => Ending | Promise<Ending>
  readonly giveUp: (record: FetchedRecord, reason: string) => Ending | Promise<Ending>
  /** Nothing more is to be fetched until `resume`. */
  pause(): void
  resume(): void
  /** Offsets begin anew; for people. */
  rewound(offset: number): void
  /** It stands still for good; for people. */
  stuck(message: string): void
  /** The log contradicts itself from `offset` on, and nothing of it is taken; null = that is over. For people. */
  broken(offset: number | null): void
  /** Such a log was looked at, and nothing of it taken. */
  refetched(): void
}

/** Longer waits are waited without the records. */
const IN_HAND_MS = 300
/** All pauses with the same records in hand, together. */
const IN_HAND_TOTAL_MS = 1000
/** Whoever asks for more, such as a limit for the day, may be told otherwise meanwhile. */
const MAX_ASKED_MS = 30_000
/** Others get their turn after so many bytes. */
const TURN_BYTES = 512 << 10
/** How often a log that contradicts itself is looked at again. */
const BROKEN_BACKOFF = { initialMs: 1000, multiplier: 2, randomization: 0.2, maxMs: 300_000 }

export class PartitionFlow {
  readonly place: TopicPartition
  readonly progress = new Progress()
  /** What the group knows: nothing is committed below it. */
  committed = -1
  highWatermark = 0
  /** Offset of the last record that ever came. */
  seenTo = -1
  /** Resting or standing still. */
  isPaused = false
  readonly #options: FlowOptions
  readonly #log = new LogCheck()
  readonly #brokenBackoff = new Backoff(BROKEN_BACKOFF)
  #isOver = false
  #isAbandoned = false
  #timer: Timer | null = null
  #wake: (() => void) | null = null
  /** On their way now. */
  #inFlight = 0
  #wakeFlight: (() => void) | null = null
  /** Since when the first record that is not done has been waited for; -1 not at all. */
  #waitingSince = -1
  #waitingAt = -1

  constructor(place: TopicPartition, options: FlowOptions) {
    this.place = place
    this.#options = options
  }

  get lag(): number {
    return this.progress.next < 0 ? 0 : Math.max(0, this.highWatermark - this.progress.next)
  }

  // hot: bench/flow/kafka-in.ts
  /** With which offset to go on. */
  records(batch: FetchedBatch): number | Promise<number> {
    const { progress } = this
    const { records, highWatermark } = batch
    const first = records[0].offset
    if (first < progress.next) {
      if (this.#log.contradicts(batch, progress.next, this.highWatermark)) return this.#wary(first)
      this.#rewind(first)
    } else if (this.#log.isBroken) this.#forgetLog()
    this.highWatermark = highWatermark
    this.#log.begins(records[0])
    progress.begin(first)
    if (this.committed < 0) this.committed = first
    if (this.#isOver || this.isPaused) return progress.next
    return this.#run(records)
  }

  /** What is asked for is never below `next`: the topic was made anew, or a new leader had less of it. */
  #rewind(offset: number): void {
    this.#forgetLog()
    this.progress.rewind(offset)
    this.committed = offset
    this.seenTo = offset - 1
    this.#options.rewound(offset)
  }

  /** It is another log, or goes on behind what contradicted itself. */
  #forgetLog(): void {
    if (this.#log.isBroken) this.#options.broken(null)
    this.#log.forget()
    this.#brokenBackoff.reset()
  }

  /** Takes nothing, and looks again later, from `first` on: what stands behind the contradiction must not be passed over. */
  #wary(first: number): number {
    if (this.#isOver || this.isPaused) return first
    this.#options.refetched()
    this.#options.broken(this.progress.next)
    this.#rest(this.#brokenBackoff.nextMs())
    return first
  }

  /** What stands there cannot be read and is left out. */
  skip(offset: number, nextOffset: number, highWatermark: number): void {
    this.highWatermark = highWatermark
    this.progress.begin(nextOffset)
    if (this.committed < 0) this.committed = offset
  }

  /** Stands still: nothing is fetched until the partition is assigned anew. */
  halt(message: string): void {
    this.isPaused = true
    this.#options.pause()
    this.#options.stuck(message)
  }

  /** Begins no more records; resolves when those on their way have ended. */
  async end(): Promise<void> {
    this.#isOver = true
    this.#timer?.cancel()
    this.#timer = null
    this.#wake?.()
    await this.#allLanded()
  }

  /** After `end`: does not wait any longer. What lands later is done, but no one learns of it. */
  abandon(): void {
    this.#isAbandoned = true
    this.#wakeFlight?.()
  }

  async #run(records: readonly FetchedRecord[]): Promise<number> {
    let inHandMs = 0
    for (;;) {
      const held = await this.#issueAll(records)
      if (held === null || this.#isOver) return this.progress.next
      if (held.kind === 'stuck') {
        this.halt(held.message)
        return this.progress.next
      }
      if (await this.#gaveUp(records, held)) continue
      const ms = this.#options.backoff.nextMs(Math.min(held.afterMs, MAX_ASKED_MS))
      if (held.isMemory || ms > IN_HAND_MS || inHandMs + ms > IN_HAND_TOTAL_MS) {
        this.#rest(ms)
        return this.progress.next
      }
      inHandMs += ms
      await this.#sleep(ms)
    }
  }

  /** Issues what is not done; answers why it stopped before the end, null when it did not. */
  async #issueAll(
    records: readonly FetchedRecord[],
  ): Promise<Exclude<Ending, { kind: 'done' }> | null> {
    const { take, maxInFlight } = this.#options
    const { progress } = this
    const flight = new Flight()
    let turnBytes = 0
    for (let i = 0; i < records.length && !this.#isOver && flight.held === null; i++) {
      const record = records[i]
      progress.issue(record.offset)
      if (progress.isDone(record.offset)) continue
      turnBytes += record.value?.length ?? 0
      const ending = take(record)
      if (ending instanceof Promise) {
        this.#inFlight++
        void ending.then(settled => this.#land(record.offset, settled, flight))
        while (this.#inFlight >= maxInFlight && !this.#isAbandoned) await this.#landing()
      } else this.#note(record.offset, ending, flight)
      if (turnBytes >= TURN_BYTES) {
        turnBytes = 0
        await nextTurn()
      }
    }
    await this.#allLanded()
    return flight.held
  }

  #land(offset: number, ending: Ending, flight: Flight): void {
    this.#inFlight--
    this.#note(offset, ending, flight)
    const wake = this.#wakeFlight
    this.#wakeFlight = null
    wake?.()
  }

  #note(offset: number, ending: Ending, flight: Flight): void {
    if (ending.kind === 'done') {
      this.progress.finish(offset)
      if (this.#waitingAt >= 0 && this.progress.next > this.#waitingAt) {
        this.#waitingAt = this.#waitingSince = -1
        this.#options.backoff.reset()
      }
    } else if (offset < flight.heldAt) {
      flight.held = ending
      flight.heldAt = offset
    }
  }

  /** Of the record that is waited for, when that has taken too long. */
  async #gaveUp(records: readonly FetchedRecord[], held: Wait): Promise<boolean> {
    const { clock, giveUpAfterMs, giveUp } = this.#options
    const { progress } = this
    const record = records.find(({ offset }) => !progress.isDone(offset))
    if (record === undefined) return false
    if (this.#waitingAt !== record.offset) {
      this.#waitingAt = record.offset
      this.#waitingSince = clock.monotonic()
    }
    if (held.isMemory || clock.monotonic() - this.#waitingSince < giveUpAfterMs) return false
    await giveUp(record, held.reason)
    progress.finish(record.offset)
    return true
  }

  /** Lets the records go and has them fetched again later. */
  #rest(ms: number): void {
    this.isPaused = true
    this.#options.pause()
    this.#timer = this.#options.clock.after(ms, () => {
      this.#timer = null
      this.isPaused = false
      this.#options.resume()
    })
  }

  #sleep(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = this.#options.clock.after(ms, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  async #allLanded(): Promise<void> {
    while (this.#inFlight > 0 && !this.#isAbandoned) await this.#landing()
  }

  /** The next one. */
  #landing(): Promise<void> {
    return new Promise(resolve => {
      const before = this.#wakeFlight
      this.#wakeFlight = () => {
        before?.()
        resolve()
      }
    })
  }
}

/** What one pass over the records learned: the first one that was not taken, and why. */
class Flight {
  held: Exclude<Ending, { kind: 'done' }> | null = null
  heldAt = Number.POSITIVE_INFINITY
}

function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
