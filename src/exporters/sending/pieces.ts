/**
 * Sends one batch as several requests: a protocol that is not OTLP may want one for each resource, and a message over the
 * destination's limit is cut between its items. What was delivered is not sent again when the rest is repeated.
 */
import type { Batch } from '../../core/batch.ts'
import type { Encoded } from '../../otlp/encode.ts'
import { Journey, type Piece } from './journey.ts'
import type { Progress, SendResult } from './sender.ts'

/** Requests of one batch that are under way at the same time. */
const PARALLEL = 8
/** Answers of "too large" teach no limit below this: one odd answer must not shred all that follows. */
const LEAST_LEARNED_BYTES = 65_536
/** Of the size that was refused. */
const LEARNED_SHARE = 0.75
/** Answers that are about who sends, not about what: other requests would get the same. */
const ABOUT_SENDER: ReadonlySet<string> = new Set([
  'unauthenticated',
  'permission_denied',
  'unimplemented',
])

/** What a batch, or a part of it, has become; any stretch of its items can be sent by itself. */
export interface Message {
  readonly items: number
  /** Of the request with the items from `from` to before `to`. */
  size(from: number, to: number): number
  encode(from: number, to: number): Encoded
}

export interface Translation {
  readonly messages: readonly Message[]
  /** Items that the protocol cannot carry, and what becomes of a batch that has no others. */
  readonly refused: number
  readonly refusal: SendResult
}

type Drop = Extract<SendResult, { readonly kind: 'drop' }>

export type Post = (request: Encoded, items: number) => Promise<SendResult>

export class PieceSender {
  readonly #journeys = new WeakMap<Batch, Journey>()
  /** Of one request; 0 = none is known. */
  #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** `translation` is the same for the same batch each time. Never rejects if `post` does not. */
  async send(batch: Batch, translation: Translation, post: Post): Promise<SendResult> {
    const { messages, refusal } = translation
    if (messages.length === 0) return refusal
    const journey = this.#journeys.get(batch) ?? new Journey(batch, translation)
    const pieces = this.#cut(messages, [...journey.open], journey.hasDelivered)
    if (pieces === null) {
      // Nothing is sent before the item has been found that is over the limit all alone.
      const message = `an item is larger than ${this.#maxBytes} bytes`
      return { kind: 'drop', reason: 'too_large', message }
    }
    this.#journeys.set(batch, journey)
    const run = new Run(messages, pieces, journey, post)
    await run.finish()
    if (run.refusedBytes > 0) this.#learn(run.refusedBytes)
    if (run.retry !== null) return run.retry
    this.#journeys.delete(batch)
    if (!journey.hasDelivered && run.drop !== null) return run.drop
    const { refusals } = journey
    const message = refusals.list.at(-1)?.message ?? run.warning
    if (refusals.items === 0) return { kind: 'sent', rejected: 0, message }
    return { kind: 'sent', rejected: refusals.items, message, refused: refusals.list }
  }

  progress(batch: Batch): Progress | null {
    const journey = this.#journeys.get(batch)
    if (journey === undefined) return null
    return journey.hasDelivered || journey.refusals.items > 0 ? journey.progress : null
  }

  /** Pieces within the limit; null when an item is over it and nothing of the batch was delivered yet. */
  #cut(
    messages: readonly Message[],
    pieces: readonly Piece[],
    isDelivered: boolean,
  ): Piece[] | null {
    const max = this.#maxBytes
    const all: Piece[] = []
    for (const piece of pieces) {
      const message = messages[piece.message]
      let { from } = piece
      while (max > 0 && message.size(from, piece.to) > max) {
        let to = lastWithin(message, from, piece.to, max)
        if (to === from) {
          if (!isDelivered) return null
          to++
        }
        if (to === piece.to) break
        all.push({ message: piece.message, from, to })
        from = to
      }
      all.push({ ...piece, from })
    }
    return all
  }

  #learn(refusedBytes: number): void {
    const learned = Math.floor(refusedBytes * LEARNED_SHARE)
    if (learned < LEAST_LEARNED_BYTES) return
    if (this.#maxBytes === 0 || learned < this.#maxBytes) this.#maxBytes = learned
  }
}

/** The requests of one attempt. */
class Run {
  readonly #messages: readonly Message[]
  readonly #waiting: Piece[]
  readonly #journey: Journey
  /** Of the journey, as long as no later attempt has overtaken this one. */
  readonly #open: Set<Piece>
  readonly #post: Post
  retry: SendResult | null = null
  drop: Drop | null = null
  warning = ''
  /** Smallest request that the destination found too large; 0 = none. */
  refusedBytes = 0
  #isOver = false

  constructor(messages: readonly Message[], pieces: Piece[], journey: Journey, post: Post) {
    this.#messages = messages
    this.#journey = journey
    this.#post = post
    this.#open = new Set(pieces)
    journey.open = this.#open
    this.#waiting = pieces.reverse()
  }

  async finish(): Promise<void> {
    const workers = Math.min(PARALLEL, this.#waiting.length)
    await Promise.all(Array.from({ length: workers }, () => this.#work()))
    if (this.retry === null) for (const piece of this.#waiting) this.#lose(piece, this.drop!)
  }

  async #work(): Promise<void> {
    while (!this.#isOver) {
      const piece = this.#waiting.pop()
      if (piece === undefined) return
      const items = piece.to - piece.from
      const request = this.#messages[piece.message].encode(piece.from, piece.to)
      this.#settle(piece, request.byteLength, await this.#post(request, items))
    }
  }

  #settle(piece: Piece, bytes: number, result: SendResult): void {
    if (this.#journey.open !== this.#open) {
      this.retry ??= { kind: 'retry', message: 'a later attempt goes on' }
      this.#isOver = true
    } else if (result.kind === 'sent') {
      const { rejected = 0, message = this.warning } = result
      this.warning = message
      this.#journey.take(piece, rejected, result.message ?? '')
    } else if (result.kind === 'retry') {
      if (this.retry === null || isLater(result, this.retry)) this.retry = result
      this.#isOver = true
    } else if (result.reason === 'too_large' && piece.to - piece.from > 1) {
      const middle = (piece.from + piece.to) >>> 1
      const halves = [
        { ...piece, from: middle },
        { ...piece, to: middle },
      ]
      this.#open.delete(piece)
      for (const half of halves) {
        this.#open.add(half)
        this.#waiting.push(half)
      }
      this.refusedBytes = this.refusedBytes === 0 ? bytes : Math.min(this.refusedBytes, bytes)
    } else {
      this.#lose(piece, result)
      this.#isOver ||= ABOUT_SENDER.has(result.reason)
    }
  }

  #lose(piece: Piece, result: Drop): void {
    this.drop ??= result
    const { reason, message } = result
    this.#journey.lose(piece, reason === 'too_large' ? 'item_too_large' : reason, message)
  }
}

function isLater(result: SendResult, than: SendResult): boolean {
  return (
    result.kind === 'retry' && than.kind === 'retry' && (result.afterMs ?? 0) > (than.afterMs ?? 0)
  )
}

/** The largest `to` for which the request from `from` on is within the limit; `from` when there is none. */
function lastWithin(message: Message, from: number, end: number, max: number): number {
  let low = from
  let high = end - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (message.size(from, middle) <= max) low = middle
    else high = middle - 1
  }
  return low
}
