/** One attempt to send the pieces of a batch: several requests at a time, halves of what is too large, and the search for bad items. */
import type { Journey, Piece } from './journey.ts'
import type { Message, Post } from './pieces.ts'
import type { SendResult } from './sender.ts'

/** Requests of one batch that are under way at the same time. */
const PARALLEL = 8
/** Answers that are about who sends, not about what: other requests would get the same. */
const ABOUT_SENDER: ReadonlySet<string> = new Set([
  'unauthenticated',
  'permission_denied',
  'unimplemented',
])

/** Refusals that a single item may be the cause of. */
const SEARCHED: ReadonlySet<string> = new Set(['bad_data', 'internal_error'])
/** Requests of one attempt beyond the first that look for such items, and if none of the first of them was taken. */
const MAX_SEARCHES = 64
const FRUITLESS_SEARCHES = 12

type Drop = Extract<SendResult, { readonly kind: 'drop' }>

/** The requests of one attempt. */
export class PieceRun {
  readonly #messages: readonly Message[]
  readonly #waiting: Piece[]
  readonly #journey: Journey
  /** Of the journey, as long as no later attempt has overtaken this one. */
  readonly #open: Set<Piece>
  readonly #post: Post
  retry: SendResult | null = null
  /** One that ended the asking, where there was one, else the first. */
  drop: Drop | null = null
  warning = ''
  /** Smallest request that the destination found too large; 0 = none. */
  refusedBytes = 0
  #isOver = false
  /** Refused, but for the sake of a single item perhaps; still open. */
  #doubtful: { readonly piece: Piece; readonly result: Drop }[] = []
  #searches = 0
  #deliveredBefore = 0

  constructor(messages: readonly Message[], pieces: Piece[], journey: Journey, post: Post) {
    this.#messages = messages
    this.#journey = journey
    this.#post = post
    this.#open = new Set(pieces)
    journey.open = this.#open
    this.#waiting = pieces.reverse()
  }

  get hasSearched(): boolean {
    return this.#searches > 0
  }

  /** The search has delivered something. */
  get isFruitful(): boolean {
    return this.#journey.delivered > this.#deliveredBefore
  }

  /** `maySearch`: requests that are refused may be halved to find what is bad in them. */
  async finish(maySearch: boolean): Promise<void> {
    await this.#askAll()
    this.#deliveredBefore = this.#journey.delivered
    while (maySearch && this.#isWorthSearching) {
      for (const { piece } of this.#doubtful.splice(0, PARALLEL)) {
        this.#searches += 2
        this.#halve(piece)
      }
      await this.#askAll()
    }
    // What is doubtful comes again with the rest.
    if (this.retry !== null) return
    for (const { piece, result } of this.#doubtful) this.#lose(piece, result)
    for (const piece of this.#waiting) this.#lose(piece, this.drop!)
  }

  async #askAll(): Promise<void> {
    const workers = Math.min(PARALLEL, this.#waiting.length)
    await Promise.all(Array.from({ length: workers }, () => this.#work()))
  }

  /** Where nothing at all is taken, who sends the batch looks for what is bad in it. */
  get #isWorthSearching(): boolean {
    if (this.#isOver || this.#doubtful.length === 0 || !this.#journey.hasDelivered) return false
    return this.#searches < (this.isFruitful ? MAX_SEARCHES : FRUITLESS_SEARCHES)
  }

  async #work(): Promise<void> {
    while (!this.#isOver) {
      const piece = this.#waiting.pop()
      if (piece === undefined) return
      const { bytes, result } = await this.#send(piece)
      this.#settle(piece, bytes, result)
    }
  }

  /** A fault of ours is one of the piece: it must not make all of the batch be sent again. */
  async #send({ message, from, to }: Piece): Promise<{ bytes: number; result: SendResult }> {
    let bytes = 0
    try {
      const request = this.#messages[message].encode(from, to)
      bytes = request.byteLength
      return { bytes, result: await this.#post(request, to - from) }
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      return { bytes, result: { kind: 'drop', reason: 'internal_error', message: text } }
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
      this.#halve(piece)
      this.refusedBytes = this.refusedBytes === 0 ? bytes : Math.min(this.refusedBytes, bytes)
    } else if (SEARCHED.has(result.reason) && piece.to - piece.from > 1) {
      this.#doubtful.push({ piece, result })
    } else {
      this.#lose(piece, result)
      this.#isOver ||= ABOUT_SENDER.has(result.reason)
    }
  }

  #halve(piece: Piece): void {
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
  }

  #lose(piece: Piece, result: Drop): void {
    const { reason, message } = result
    if (this.drop === null || ABOUT_SENDER.has(reason)) this.drop = result
    this.#journey.lose(piece, reason === 'too_large' ? 'item_too_large' : reason, message)
  }
}

function isLater(result: SendResult, than: SendResult): boolean {
  return (
    result.kind === 'retry' && than.kind === 'retry' && (result.afterMs ?? 0) > (than.afterMs ?? 0)
  )
}
