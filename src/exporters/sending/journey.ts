/** How far a batch has come that goes out as several requests: what of it was taken, what refused, and what is open. */
import type { Batch } from '../../core/batch.ts'
import type { EncodePart } from '../../otlp/encode-part.ts'
import type { Message, Translation } from './pieces.ts'
import { Refusals } from './refusals.ts'
import type { Progress } from './sender.ts'
import { stretch } from './stretch.ts'

export interface Piece {
  /** Index in the messages of the batch: the same each time it is translated. */
  readonly message: number
  readonly from: number
  readonly to: number
}

/** Over all attempts to send it. */
export class Journey {
  /** What has been neither taken nor refused. */
  open: Set<Piece>
  readonly refusals = new Refusals()
  /** Items. */
  delivered = 0
  hasDelivered = false
  readonly #batch: Batch
  /** By message, how many items of the batch come before its own; null where items are left out between them. */
  readonly #starts: readonly number[] | null

  constructor(batch: Batch, { messages, refused, refusal }: Translation) {
    this.#batch = batch
    this.open = new Set(messages.map(whole))
    if (refusal.kind === 'drop') this.refusals.add(refusal.reason, refusal.message, refused, null)
    let items = 0
    const starts = messages.map(message => {
      items += message.items
      return items - message.items
    })
    this.#starts = items === batch.items ? starts : null
  }

  lose(piece: Piece, reason: string, message: string): void {
    this.open.delete(piece)
    this.refusals.add(reason, message, piece.to - piece.from, this.#partsOf([piece]))
  }

  take(piece: Piece, rejected: number, message: string): void {
    this.open.delete(piece)
    this.hasDelivered = true
    const items = piece.to - piece.from
    const lost = Math.min(rejected, items)
    this.delivered += items - lost
    this.refusals.add('rejected_by_destination', message, lost, null)
  }

  get progress(): Progress {
    const { delivered, refusals, open } = this
    return { delivered, refused: refusals.list, left: this.#partsOf([...open]) }
  }

  #partsOf(pieces: readonly Piece[]): readonly EncodePart[] | null {
    const starts = this.#starts
    if (starts === null) return null
    const { parts } = this.#batch
    return pieces.flatMap(({ message, from, to }) =>
      stretch(parts, starts[message] + from, starts[message] + to),
    )
  }
}

function whole({ items }: Message, message: number): Piece {
  return { message, from: 0, to: items }
}
