/** What the rules said about each item of one part. */
import type { Selection } from '../../otlp/selection.ts'
import { DEFAULT_ROUTE } from './routes.ts'

export class Verdicts {
  /** By item: the number of its route, or -1 - n when the n-th rule dropped it. */
  readonly routes: Int32Array
  /** By item: 1 when no further rule is asked. */
  readonly done: Uint8Array
  /** By destination: 1 for each item that it gets a copy of. */
  readonly mirrors = new Map<string, Uint8Array>()
  /** By item; null when no rule gave any. */
  importance: Int16Array | null = null

  constructor(items: number) {
    this.routes = new Int32Array(items).fill(DEFAULT_ROUTE)
    this.done = new Uint8Array(items)
  }

  get items(): number {
    return this.routes.length
  }

  /** Items that were out before are not asked about. */
  skipOthers(selection: Selection): void {
    for (let item = 0; item < this.items; item++) if (!selection.has(item)) this.done[item] = 1
  }

  drop(item: number, rule: number): void {
    this.routes[item] = -1 - rule
    this.done[item] = 1
  }

  /** The rule that dropped it, or -1. */
  droppedBy(item: number): number {
    return this.routes[item] < 0 ? -1 - this.routes[item] : -1
  }

  mirror(item: number, destination: string): void {
    let flags = this.mirrors.get(destination)
    if (flags === undefined) {
      this.mirrors.set(destination, (flags = new Uint8Array(this.items)))
    }
    flags[item] = 1
  }

  setImportance(item: number, importance: number): void {
    this.importance ??= new Int16Array(this.items)
    this.importance[item] = importance
  }

  /** Only the items that `has` says, close together: what is left when a part has been written anew. */
  compact(items: number, has: (item: number) => boolean): Verdicts {
    const kept = new Verdicts(items)
    const { importance } = this
    for (let item = 0, to = 0; item < this.items; item++) {
      if (!has(item)) continue
      kept.routes[to] = this.routes[item]
      kept.done[to] = this.done[item]
      for (const [destination, flags] of this.mirrors) {
        if (flags[item] === 1) kept.mirror(to, destination)
      }
      if (importance !== null && importance[item] !== 0) kept.setImportance(to, importance[item])
      to++
    }
    return kept
  }
}
