/** Records that are left out for good: counted with the reason, said in the log, and kept as letters where there is a storage. */
import { DEFAULT_TENANT, NO_CONTEXT } from '../../core/batch.ts'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { Signal } from '../../core/signal.ts'
import type { DeadLetters } from '../../core/storage.ts'
import type { FileCounters, LeftOut } from './metrics.ts'

/** What is said of a record is cut to it. */
const MAX_MESSAGE_CHARS = 500
/** A file full of rubbish must not fill the log as well. */
const LOG_INTERVAL_MS = 1000

export interface OutcastOptions {
  readonly receiver: string
  readonly counters: FileCounters
  readonly log: Logger
  readonly clock: Clock
  /** Null: they are counted and forgotten. */
  readonly letters: () => DeadLetters | null
}

export interface Outcast {
  readonly reason: LeftOut
  readonly message: string
  readonly path: string
  /** Of the byte behind it. */
  readonly end: number
  /** What it is kept as; the first signal of the receiver where that is not known. */
  readonly signal: Signal
  /** As it stands in the file; null when it could not be held. */
  readonly bytes: Uint8Array | null
}

export class Outcasts {
  readonly #options: OutcastOptions
  #saidMs = Number.NEGATIVE_INFINITY
  #unsaid = 0

  constructor(options: OutcastOptions) {
    this.#options = options
  }

  /** Resolves once the letter is there or cannot be written. Never rejects. */
  async put(outcast: Outcast): Promise<void> {
    const { receiver, counters, letters } = this.#options
    const { reason, path, end, signal, bytes } = outcast
    const message = `${path}, before byte ${end}: ${outcast.message}`.slice(0, MAX_MESSAGE_CHARS)
    counters.leftOut[reason].value++
    // Whoever has no pipeline for a signal does not want it: there is nothing to say or to keep.
    if (reason === 'no_pipeline') return
    this.#say(outcast)
    const box = bytes === null ? null : letters()
    if (box === null || bytes === null) return
    const isKept = await box.put({
      // No exporter is called so: it cannot be mistaken for what an exporter of the same name gave up.
      exporter: `receiver/${receiver}`,
      ...{ tenant: DEFAULT_TENANT, context: NO_CONTEXT, signal, reason, message, items: 0 },
      chunks: [bytes],
      byteLength: bytes.length,
    })
    if (!isKept) this.#options.log.warn('letter_not_kept', { receiver, reason, message })
  }

  #say({ reason, message, path, end }: Outcast): void {
    const { clock, log, receiver } = this.#options
    const now = clock.monotonic()
    if (now - this.#saidMs < LOG_INTERVAL_MS) {
      this.#unsaid++
      return
    }
    const more = this.#unsaid
    this.#saidMs = now
    this.#unsaid = 0
    log.warn('record_left_out', { receiver, reason, message, path, end, notSaid: more })
  }
}
