/** Records that are left out for good: counted with the reason, said in the log, and kept as letters where there is a place. */
import type { RequestContext, TenantId } from '../../core/batch.ts'
import type { Component, Host } from '../../core/component.ts'
import type { Logger } from '../../core/logger.ts'
import type { Signal } from '../../core/signal.ts'
import type { DeadLetters, HasQueueStorage } from '../../core/storage.ts'
import type { KafkaCounters } from './metrics.ts'

/** What a reader says of a message is cut to it. */
const MAX_MESSAGE_CHARS = 500

export interface OutcastOptions {
  readonly receiver: string
  readonly signal: Signal
  readonly counters: KafkaCounters
  readonly log: Logger
  /** Null: they are counted and forgotten. */
  readonly letters: (() => DeadLetters | null) | null
}

export interface Outcast {
  readonly tenant: TenantId
  readonly reason: string
  readonly message: string
  /** 0 where it could not be read. */
  readonly items: number
  readonly bytes: Uint8Array
  readonly context: RequestContext
}

export class Outcasts {
  readonly #options: OutcastOptions

  constructor(options: OutcastOptions) {
    this.#options = options
  }

  /** Counts, and resolves once the letter is there or cannot be written; null when there is nothing to wait for. */
  put(outcast: Outcast): Promise<void> | null {
    const { signal, counters, letters } = this.#options
    const message = outcast.message.slice(0, MAX_MESSAGE_CHARS)
    counters.dropped(signal, outcast.reason).value++
    this.#say('record_left_out', outcast, message)
    if (letters === null) return null
    const box = letters()
    if (box === null) {
      this.#say('letter_not_kept', outcast, message)
      return null
    }
    return this.#write(box, { ...outcast, message })
  }

  async #write(box: DeadLetters, outcast: Outcast): Promise<void> {
    const { tenant, reason, message, items, bytes, context } = outcast
    const { receiver, signal } = this.#options
    const isKept = await box.put({
      // No exporter is called so: it cannot be mistaken for what an exporter of the same name gave up.
      exporter: `receiver/${receiver}`,
      ...{ tenant, signal, reason, message, items, context },
      chunks: [bytes],
      byteLength: bytes.length,
    })
    if (!isKept) this.#say('letter_not_kept', outcast, message)
  }

  #say(event: string, { reason, items, context }: Outcast, message: string): void {
    const { log, signal } = this.#options
    const place = ['kafka.topic', 'kafka.partition', 'kafka.offset']
    const [topic, partition, offset] = place.map(key => context.metadata.get(key)?.[0] ?? '')
    log.warn(event, { signal, reason, message, items, topic, partition, offset })
  }
}

/** Looked for each time: a reload may have replaced it. */
export function lettersOf(id: string, host: Host): DeadLetters | null {
  const found = host.extension<Component & Partial<HasQueueStorage>>(id)
  return found?.queueStorage?.letters ?? null
}
