/** Divides a batch among owners: items keep their bytes and their order, only selections are made. */
import { Batch, type Part } from '../../core/batch.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import { Payload } from '../../core/payload.ts'
import type { Signal } from '../../core/signal.ts'
import { Selection } from '../../otlp/selection.ts'
import { materialise } from '../../rules/contexts/materialise.ts'
import type { Locate } from './keys/keys.ts'

export interface Share<O> {
  readonly owner: O
  /** The given batch itself when one owner gets everything. */
  readonly batch: Batch
}

/** Thrown when there is no memory to lay out edits in. */
export class NoRoom extends Error {}

export class Splitter {
  readonly #locate: Partial<Record<Signal, Locate>>
  readonly #memory: MemoryBudget
  /** Position on the ring by item of the part at hand. */
  #positions = new Int32Array(1024)
  /** Number of the owner by item; valid where the item is selected. */
  #owners = new Int32Array(1024)

  constructor(locate: Partial<Record<Signal, Locate>>, memory: MemoryBudget) {
    this.#locate = locate
    this.#memory = memory
  }

  /**
   * `ownerAt` says the number of a position's owner, `find` who that is. The shares hold the bytes on their own, unless
   * there is only one: then it is the batch. Throws NoRoom, and what cannot be encoded with its
   * edits.
   */
  split<O>(
    batch: Batch,
    ownerAt: (position: number) => number,
    find: (owner: number) => O,
  ): Share<O>[] {
    const locate = this.#locate[batch.signal]!
    const shares = new Map<number, Part[]>()
    const made: Part[] = []
    try {
      for (const given of batch.parts) {
        if (given.items === 0) continue
        // Edits may be of what decides, so they are laid out first.
        const part = this.#layOut(given)
        if (part !== given) made.push(part)
        this.#divide(part, locate, ownerAt, shares)
      }
      const [first] = shares
      if (shares.size === 1 && made.length === 0) return [{ owner: find(first[0]), batch }]
      return [...shares].map(([owner, parts]) => ({
        owner: find(owner),
        batch: derive(batch, parts),
      }))
    } finally {
      // The batches that were made of them hold them now.
      for (const { payload } of made) payload.release()
    }
  }

  /** The part itself when it has no edits; otherwise one with bytes of its own, which count as memory. */
  #layOut(given: Part): Part {
    const part = materialise(given)
    if (part === given) return given
    const { bytes } = part.payload
    const memory = this.#memory
    if (!memory.tryReserve(bytes.length)) throw new NoRoom()
    const payload = new Payload(bytes, { onFree: () => memory.free(bytes.length) })
    return { ...part, payload }
  }

  // hot: bench/micro/loadbalancing.ts
  #divide(
    part: Part,
    locate: Locate,
    ownerAt: (position: number) => number,
    shares: Map<number, Part[]>,
  ): void {
    const { index, selection } = part
    const { items } = index
    if (items > this.#positions.length) {
      this.#positions = new Int32Array(items * 2)
      this.#owners = new Int32Array(items * 2)
    }
    const positions = this.#positions
    const owners = this.#owners
    locate(part, positions)
    let first = -1
    let isOne = true
    for (let item = 0; item < items; item++) {
      if (selection !== null && !selection.has(item)) continue
      const owner = ownerAt(positions[item])
      owners[item] = owner
      if (first < 0) first = owner
      else if (owner !== first) isOne = false
    }
    if (isOne) {
      add(shares, first, part)
      return
    }
    const selections = new Map<number, Selection>()
    for (let item = 0; item < items; item++) {
      if (selection !== null && !selection.has(item)) continue
      let own = selections.get(owners[item])
      if (own === undefined) selections.set(owners[item], (own = Selection.none(items)))
      own.set(item)
    }
    for (const [owner, own] of selections) {
      add(shares, owner, { ...part, selection: own, items: own.count })
    }
  }
}

function add(shares: Map<number, Part[]>, owner: number, part: Part): void {
  const parts = shares.get(owner)
  if (parts === undefined) shares.set(owner, [part])
  else parts.push(part)
}

/** Holds the payloads of its parts. */
function derive({ signal, tenant, context }: Batch, parts: readonly Part[]): Batch {
  for (const { payload } of parts) payload.retain()
  return new Batch(signal, tenant, context, parts)
}
