/** Sets of destinations under small numbers, so that an item's way is one integer. */
import type { Route } from './rule-set.ts'

/** Where no rule routes an item. */
export const DEFAULT_ROUTE = 0

/** More combinations than this come only from rules that all route and all continue; then the newest route replaces. */
const MAX_ROUTES = 4096

export class RouteTable {
  readonly #sets: (readonly string[])[] = [[]]
  readonly #numbers = new Map<string, number>([['', DEFAULT_ROUTE]])
  readonly #unions = new Map<number, number>()

  /** Number of the set of these destinations. */
  add(destinations: readonly string[]): number {
    const sorted = [...new Set(destinations)].sort()
    const key = sorted.join('\0')
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#sets.length
    this.#sets.push(sorted)
    this.#numbers.set(key, number)
    return number
  }

  /** Number of the set that has all destinations of both. */
  union(a: number, b: number): number {
    if (a === DEFAULT_ROUTE || a === b) return b
    const key = a * MAX_ROUTES + b
    let found = this.#unions.get(key)
    if (found === undefined) {
      if (this.#sets.length >= MAX_ROUTES) return b
      found = this.add([...this.#sets[a], ...this.#sets[b]])
      this.#unions.set(key, found)
    }
    return found
  }

  destinations(route: number): readonly string[] {
    return this.#sets[route]
  }

  get size(): number {
    return this.#sets.length
  }
}

/** A rule's route with its destinations as numbers of the table. */
export interface NumberedRoute {
  /** Of a list; -1 for a split. */
  readonly all: number
  readonly shares: readonly { readonly route: number; readonly below: number }[]
  readonly by: 'trace_id' | 'resource'
}

export function numberRoute(route: Route, table: RouteTable): NumberedRoute {
  if (route.kind === 'list') return { all: table.add(route.to), shares: [], by: 'trace_id' }
  const shares = route.shares.map(({ to, below }) => ({ route: table.add([to]), below }))
  return { all: -1, shares, by: route.by }
}
