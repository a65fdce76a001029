/** Of one stored entry whose items are on their way: it is acknowledged when all that may hold its items has ended. */

/** Who is told. */
export interface ReceiptOwner {
  ended(receipt: Receipt): void
}

export class Receipt {
  readonly id: number
  readonly items: number
  readonly bytes: number
  /** What it counts in the window of entries in memory. */
  readonly cost: number
  readonly #owner: ReceiptOwner
  #open = 1

  constructor(id: number, items: number, bytes: number, cost: number, owner: ReceiptOwner) {
    this.id = id
    this.items = items
    this.bytes = bytes
    this.cost = cost
    this.#owner = owner
  }

  /** What held its items has become `pieces`. */
  split(pieces: number): void {
    this.#open += pieces - 1
  }

  /** One of them has ended: delivered or given up for good. */
  end(): void {
    if (--this.#open === 0) this.#owner.ended(this)
  }
}
