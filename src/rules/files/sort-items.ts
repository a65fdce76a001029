/** From verdicts about items to selections of them: one part for each way, one for each mirror, and what was dropped. */
import type { Part } from '../../core/batch.ts'
import { Selection } from '../../otlp/selection.ts'
import type { Decided } from './engine.ts'

export interface SortedItems {
  /** By number of the route; all of them share payload and edits. */
  readonly ways: ReadonlyMap<number, Part>
  /** By destination. */
  readonly mirrors: ReadonlyMap<string, Part>
  /** Items by number of the rule. */
  readonly drops: ReadonlyMap<number, number>
}

const NO_PARTS: ReadonlyMap<string, Part> = new Map()
const NO_DROPS: ReadonlyMap<number, number> = new Map()

export function sortItems({ part, verdicts }: Decided): SortedItems {
  const { routes, importance } = verdicts
  const whole =
    importance === null ? part : { ...part, importance: merge(importance, part.importance) }
  const first = uniformRoute(routes)
  if (first >= 0) {
    const ways = part.items === 0 ? new Map() : new Map([[first, whole]])
    return { ways, mirrors: mirrorsOf(whole, verdicts.mirrors), drops: NO_DROPS }
  }
  const selections = new Map<number, Selection>()
  const drops = new Map<number, number>()
  for (let item = 0; item < routes.length; item++) {
    if (part.selection !== null && !part.selection.has(item)) continue
    const route = routes[item]
    if (route < 0) {
      drops.set(-1 - route, (drops.get(-1 - route) ?? 0) + 1)
      continue
    }
    let selection = selections.get(route)
    if (selection === undefined) selections.set(route, (selection = Selection.none(routes.length)))
    selection.set(item)
  }
  const ways = new Map([...selections].map(([route, each]) => [route, select(whole, each)]))
  return { ways, mirrors: mirrorsOf(whole, verdicts.mirrors), drops }
}

/** What an earlier stage said counts where the rules said nothing. */
function merge(importance: Int16Array, earlier: Int16Array | undefined): Int16Array {
  return earlier === undefined ? importance : importance.map((each, i) => each || earlier[i])
}

/** The route of all items, or -1. */
function uniformRoute(routes: Int32Array): number {
  if (routes.length === 0) return 0
  const [first] = routes
  for (let item = 1; item < routes.length; item++) if (routes[item] !== first) return -1
  return first
}

function mirrorsOf(
  part: Part,
  mirrors: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Part> {
  if (mirrors.size === 0) return NO_PARTS
  const found = new Map<string, Part>()
  for (const [destination, flags] of mirrors) {
    const selection = Selection.none(flags.length)
    for (let item = 0; item < flags.length; item++) if (flags[item] === 1) selection.set(item)
    found.set(destination, select(part, selection))
  }
  return found
}

function select(part: Part, selection: Selection): Part {
  return { ...part, selection, items: selection.count }
}
