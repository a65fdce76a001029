/** What is to be done with one batch: which items go where, which are dropped, and what is counted once it is done. */
import { Batch, type Part } from '../../core/batch.ts'
import type { Delivery } from '../../core/dispatch.ts'
import type { Engine } from '../../rules/files/engine.ts'
import { DEFAULT_ROUTE } from '../../rules/files/routes.ts'
import { type SortedItems, sortItems } from '../../rules/files/sort-items.ts'

/** What one rule did, in items. */
export interface RuleCount {
  readonly rule: number
  readonly hits: number
  readonly drops: number
  readonly routes: number
  readonly errors: number
}

export class Plan {
  readonly engine: Engine
  readonly original: Batch
  /** Together they are everything that was not dropped; an item is in several where it is routed to several. */
  readonly deliveries: readonly Delivery[]
  /** Copies beside them. */
  readonly mirrors: readonly Delivery[]
  readonly drops: ReadonlyMap<number, number>
  readonly counts: readonly RuleCount[]

  /** Throws PropagatedError; the batch is as it was then. */
  constructor(batch: Batch, engine: Engine) {
    this.engine = engine
    this.original = batch
    engine.resetCounts()
    const ways = new Map<number, Part[]>()
    const mirrors = new Map<string, Part[]>()
    const drops = new Map<number, number>()
    const fresh: Part[] = []
    try {
      for (const part of batch.parts) {
        const decided = engine.decide(part, batch.tenant, batch.context)
        if (decided.isFresh) fresh.push(decided.part)
        collect(sortItems(decided), ways, mirrors, drops)
      }
      this.deliveries = this.#deliveries(ways)
      this.mirrors = [...mirrors].map(([to, parts]) => ({ to, batch: this.#derive(parts) }))
    } finally {
      // The batches that were made of them hold them now.
      for (const { payload } of fresh) payload.release()
    }
    this.drops = drops
    this.counts = readCounts(engine)
  }

  /** Items that leave, copies included, less those that came in and were not dropped. */
  get copies(): number {
    const out = this.deliveries.reduce((sum, { batch }) => sum + batch.items, 0)
    return out - (this.original.items - this.dropped)
  }

  get dropped(): number {
    let items = 0
    for (const count of this.drops.values()) items += count
    return items
  }

  /** Lets go of the batches that were made; the original is the caller's. */
  discard(): void {
    for (const { batch } of [...this.deliveries, ...this.mirrors]) {
      if (batch !== this.original) batch.release()
    }
  }

  #deliveries(ways: ReadonlyMap<number, readonly Part[]>): readonly Delivery[] {
    const { parts } = this.original
    const byDestination = new Map<string, Part[]>()
    for (const [route, routed] of ways) {
      const destinations = route === DEFAULT_ROUTE ? [''] : this.engine.routes.destinations(route)
      for (const to of destinations) {
        const list = byDestination.get(to)
        if (list === undefined) byDestination.set(to, [...routed])
        else list.push(...routed)
      }
    }
    return [...byDestination].map(([to, list]) => {
      const isWhole =
        byDestination.size === 1 &&
        list.length === parts.length &&
        list.every((part, i) => part === parts[i])
      return { to, batch: isWhole ? this.original : this.#derive(list) }
    })
  }

  #derive(parts: readonly Part[]): Batch {
    for (const { payload } of parts) payload.retain()
    const { signal, tenant, context } = this.original
    return new Batch(signal, tenant, context, parts)
  }
}

function collect(
  sorted: SortedItems,
  ways: Map<number, Part[]>,
  mirrors: Map<string, Part[]>,
  drops: Map<number, number>,
): void {
  for (const [route, part] of sorted.ways) add(ways, route, part)
  for (const [to, part] of sorted.mirrors) add(mirrors, to, part)
  for (const [rule, items] of sorted.drops) drops.set(rule, (drops.get(rule) ?? 0) + items)
}

function add<K>(lists: Map<K, Part[]>, key: K, part: Part): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [part])
  else list.push(part)
}

function readCounts({ counts, rules }: Engine): readonly RuleCount[] {
  const found: RuleCount[] = []
  for (let rule = 0; rule < rules.length; rule++) {
    const [hits, errors] = [counts.hits[rule], counts.errors[rule]]
    if (hits === 0 && errors === 0) continue
    const [drops, routes] = [counts.drops[rule], counts.routes[rule]]
    found.push({ rule, hits, drops, routes, errors })
  }
  return found
}
