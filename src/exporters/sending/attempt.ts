/** One attempt to send one shipment: encode, hand to the sender, and have an answer in any case. */
import type { Clock, Timer } from '../../core/clock.ts'
import { encodeParts } from '../../otlp/encode.ts'
import { AbortSource } from '../../util/abort.ts'
import type { BufferPool } from '../../util/buffer-pool.ts'
import type { Moved, RelaySender, SendResult } from './sender.ts'
import type { Shipment } from './shipment.ts'

/** A sender that has been told to stop gets so long to answer; then its answer is not waited for any more. */
const ANSWER_GRACE_MS = 1000

const NOTHING = { chunks: [], byteLength: 0, made: [] }

export class Attempt {
  readonly shipment: Shipment
  /** Of the request as it was encoded; 0 when it could not be. */
  byteLength = 0
  readonly #clock: Clock
  readonly #buffers: BufferPool
  readonly #abort = new AbortSource()
  #timer: Timer | null = null
  #answer: ((result: SendResult | Moved) => void) | null
  /** What was written for this attempt. */
  #made: readonly Uint8Array[] = []

  /** `answer` is called exactly once unless `abandon` comes first, never from within the constructor. */
  constructor(
    shipment: Shipment,
    clock: Clock,
    buffers: BufferPool,
    answer: (result: SendResult | Moved) => void,
  ) {
    this.shipment = shipment
    this.#clock = clock
    this.#buffers = buffers
    this.#answer = answer
  }

  begin(sender: RelaySender, timeoutMs: number): void {
    const { batch } = this.shipment
    let sending: Promise<SendResult | Moved>
    try {
      const { chunks, byteLength, made } =
        sender.wantsNoBytes === true ? NOTHING : encodeParts(batch.parts, this.#buffers)
      this.#made = made
      this.byteLength = sender.wantsNoBytes === true ? batch.bytes : byteLength
      const encoded = { signal: batch.signal, items: batch.items, chunks, byteLength, batch }
      sending = sender.send(encoded, this.#abort)
    } catch (error) {
      queueMicrotask(() => this.#finish(fault(error)))
      return
    }
    if (timeoutMs > 0) this.#timer = this.#clock.after(timeoutMs, () => this.#timeOut(timeoutMs))
    sending.then(
      result => {
        this.#giveBack()
        this.#finish(result)
      },
      error => this.#finish(fault(error)),
    )
  }

  /** The sender has answered and says that nothing reads the bytes any more. */
  #giveBack(): void {
    const { batch } = this.shipment
    if (this.#answer === null || batch.isTainted) return
    for (const buffer of this.#made) this.#buffers.give(buffer)
    this.#made = []
  }

  /** The shutdown deadline has come: what the sender still answers does not count. */
  abandon(reason: string): void {
    this.#answer = null
    this.#timer?.cancel()
    this.shipment.batch.taint()
    this.#abort.abort(new Error(reason))
  }

  #timeOut(timeoutMs: number): void {
    const message = `no answer within ${timeoutMs} ms`
    this.#timer = this.#clock.after(ANSWER_GRACE_MS, () => {
      this.shipment.batch.taint()
      this.#finish({ kind: 'retry', message })
    })
    this.#abort.abort(new Error(message))
  }

  #finish(result: SendResult | Moved): void {
    this.#timer?.cancel()
    const answer = this.#answer
    this.#answer = null
    answer?.(result)
  }
}

/** A fault of ours, not of the destination: sending the same again would end the same way. */
function fault(error: unknown): SendResult {
  const message = error instanceof Error ? error.message : String(error)
  return { kind: 'drop', reason: 'internal_error', message }
}
