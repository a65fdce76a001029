/**
 * Finds for each item of a part the rows of the table that it goes to. Resources that have no items (an empty metric)
 * are routed too, as long as rows ask about resources.
 */
import type { Part, RequestContext } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import { ROW } from '../../otlp/request-index.ts'
import { type RequestShape, shapeOf } from '../../otlp/request-shape.ts'
import { Selection } from '../../otlp/selection.ts'
import type { ContextName } from '../../rules/context.ts'
import type { Cursor } from '../../rules/contexts/cursor.ts'
import { contextSpec } from '../../rules/contexts/index.ts'
import { PartEditor } from '../../rules/contexts/part-editor.ts'
import { compilePredicates, type PredicateSet } from '../../rules/predicate/predicate-set.ts'
import { type Matcher, ROUTING_FUNCTIONS, type ScopeMatcher } from './matcher.ts'

export interface RouteRow {
  readonly matcher: Matcher
  /** What matched is not seen by the rows after it. */
  readonly moves: boolean
}

/** Number of the target for what no row took. */
export const DEFAULT_TARGET = -1

const LEVEL: Partial<Readonly<Record<ContextName, number>>> = {
  resource: 0,
  span: 2,
  log: 2,
  metric: 2,
  datapoint: 4,
}

/** Called for a condition that failed; may throw to give the batch up. */
export type OnFailure = (error: unknown, row: number) => void

interface Slots {
  readonly set: PredicateSet
  readonly number: number
}

/** What one row has matched. */
class Match {
  readonly items: Selection
  /** Resources without items. */
  readonly empty = new Set<number>()

  constructor(items: Selection) {
    this.items = items
  }
}

export class PartRouter {
  readonly #rows: readonly RouteRow[]
  readonly #copiesToAll: boolean
  readonly #onFailure: OnFailure
  readonly #editor: PartEditor
  readonly #second: PartEditor
  readonly #slots: readonly (Slots | undefined)[]
  readonly #sets: readonly PredicateSet[]

  /** `copiesToAll`: every row sees every item, and the default gets what none matched. */
  constructor(
    signal: Signal,
    rows: readonly RouteRow[],
    copiesToAll: boolean,
    onFailure: OnFailure,
  ) {
    this.#rows = rows
    this.#copiesToAll = copiesToAll
    this.#onFailure = onFailure
    this.#editor = new PartEditor(signal)
    this.#second = new PartEditor(signal)
    const { slots, sets } = compileSlots(rows, signal)
    this.#slots = slots
    this.#sets = sets
  }

  /** The part's share for each target; together at least all of it. They have no hold on the payload of their own. */
  route(part: Part, request: RequestContext): ReadonlyMap<number, Part> {
    this.#editor.open(part, request)
    for (const set of this.#sets) set.scan(part.payload.bytes, part.index)
    try {
      return this.#routeOpened(part, request)
    } finally {
      for (const set of this.#sets) set.close()
      this.#editor.close()
    }
  }

  #routeOpened(part: Part, request: RequestContext): ReadonlyMap<number, Part> {
    const { index } = part
    const shape = shapeOf(index)
    const left = new Match(part.selection?.clone() ?? Selection.all(index.items))
    for (const row of emptyResources(part, shape)) left.empty.add(row)
    const rest = this.#copiesToAll ? new Match(left.items.clone()) : left
    if (rest !== left) for (const row of left.empty) rest.empty.add(row)
    const matches = new Map<number, Match>()
    for (let row = 0; row < this.#rows.length; row++) {
      if (left.items.count === 0 && left.empty.size === 0) break
      const match = this.#match(row, left, shape, request)
      if (match.items.count === 0 && match.empty.size === 0) continue
      matches.set(row, match)
      if (this.#copiesToAll) take(rest, match)
      else if (this.#rows[row].moves) take(left, match)
    }
    const edited = this.#editor.finish()
    if (rest.items.count > 0 || rest.empty.size > 0) matches.set(DEFAULT_TARGET, rest)
    const whole = { ...part, edits: edited.edits }
    return new Map([...matches].map(([row, match]) => [row, this.#share(whole, match, shape)]))
  }

  #match(row: number, left: Match, shape: RequestShape, request: RequestContext): Match {
    const { matcher } = this.#rows[row]
    const match = new Match(Selection.none(left.items.length))
    if (matcher.kind === 'request') {
      if (!matcher.test(request)) return match
      const all = new Match(left.items.clone())
      for (const resource of left.empty) all.empty.add(resource)
      return all
    }
    const level = LEVEL[matcher.context] as number
    this.#editor.each(matcher.context, cursor => {
      const at = cursor.space.rows[level]
      if (!isLeft(left, shape, level, at) || !this.#holds(row, matcher, at, cursor)) return
      const isEmpty = !shape.hasItems(level, at)
      if (level === 0 && isEmpty) match.empty.add(at)
      const end = shape.itemsBefore(level, at + 1)
      for (let item = shape.itemsBefore(level, at); item < end; item++) {
        if (left.items.has(item)) match.items.set(item)
      }
    })
    return match
  }

  #holds(row: number, matcher: ScopeMatcher, at: number, cursor: Cursor): boolean {
    const slots = this.#slots[row]
    try {
      if (slots !== undefined) return slots.set.test(slots.number, at, cursor)
      const holds = matcher.test(cursor)
      if (matcher.edits && holds) for (const set of this.#sets) set.edited(cursor.space.changed)
      return holds
    } catch (error) {
      this.#onFailure(error, row)
      return false
    }
  }

  #share(part: Part, { items, empty }: Match, shape: RequestShape): Part {
    const all = emptyResources(part, shape)
    if (items.count === part.items && empty.size === all.length) return part
    if (all.length === 0 || part.edits !== null) {
      return { ...part, selection: items, items: items.count }
    }
    return this.#cut(part, items, empty, shape)
  }

  /** A selection cannot say which of the resources without items are in, so the others are cut out. */
  #cut(part: Part, items: Selection, empty: ReadonlySet<number>, shape: RequestShape): Part {
    this.#second.open(part, EMPTY_REQUEST)
    this.#second.each('resource', cursor => {
      const at = cursor.space.rows[0]
      if (!shape.hasItems(0, at) && !empty.has(at)) this.#second.drop(cursor)
    })
    const { edits } = this.#second.finish()
    return { ...part, selection: items, edits, items: items.count }
  }
}

const EMPTY_REQUEST: RequestContext = { metadata: new Map(), peer: '' }

function isLeft({ items, empty }: Match, shape: RequestShape, level: number, at: number): boolean {
  if (!shape.hasItems(level, at)) return level === 0 && empty.has(at)
  const end = shape.itemsBefore(level, at + 1)
  for (let item = shape.itemsBefore(level, at); item < end; item++) if (items.has(item)) return true
  return false
}

function take(from: Match, match: Match): void {
  const { items } = match
  for (let item = items.from; item < items.to; item++) if (items.has(item)) from.items.clear(item)
  for (const row of match.empty) from.empty.delete(row)
}

/** Only of a part that nobody has chosen from: what is without items in others was emptied on purpose. */
function emptyResources({ index, selection }: Part, shape: RequestShape): readonly number[] {
  if (selection !== null) return NO_ROWS
  const rows = index.levels[0].length / ROW
  const found: number[] = []
  for (let row = 0; row < rows; row++) if (!shape.hasItems(0, row)) found.push(row)
  return found.length === 0 ? NO_ROWS : found
}

const NO_ROWS: readonly number[] = []

function compileSlots(
  rows: readonly RouteRow[],
  signal: Signal,
): { slots: (Slots | undefined)[]; sets: PredicateSet[] } {
  const byContext = new Map<ContextName, number[]>()
  rows.forEach(({ matcher }, i) => {
    if (matcher.kind !== 'scope' || matcher.condition === undefined) return
    byContext.set(matcher.context, [...(byContext.get(matcher.context) ?? []), i])
  })
  const slots: (Slots | undefined)[] = rows.map(() => undefined)
  const sets: PredicateSet[] = []
  for (const [context, numbers] of byContext) {
    const sources = numbers.map(i => (rows[i].matcher as ScopeMatcher).condition!)
    const options = { context: contextSpec(context), functions: ROUTING_FUNCTIONS }
    const set = compilePredicates(sources, options, signal)
    sets.push(set)
    numbers.forEach((row, number) => {
      slots[row] = { set, number }
    })
  }
  return { slots, sets }
}
