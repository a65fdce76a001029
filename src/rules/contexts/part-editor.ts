/**
 * Works through one part: contexts stand on its resources, scopes, items and what is in them; changes and drops are
 * collected and laid out once.
 */
import type { RequestContext } from '../../core/batch.ts'
import { END, type RequestIndex, ROW, START, TAG } from '../../otlp/request-index.ts'
import { type RequestShape, shapeOf } from '../../otlp/request-shape.ts'
import { Selection } from '../../otlp/selection.ts'
import type { Signal } from '../../otlp/signal.ts'
import { Edits } from '../../otlp/splice.ts'
import type { ContextName } from '../context.ts'
import { EvaluationError } from '../value.ts'
import type { ArenaMemory } from './arena.ts'
import { Cursor, DATA_ROW_LEVEL, ITEM, METRIC_LEVEL } from './cursor.ts'
import { layOutExtraPoints, layOutGroups, layOutItems } from './lay-out.ts'
import { messageField } from './message.ts'
import { PARTS_OF, partNumber } from './parts.ts'
import type { QuickProgram } from './quick-edits.ts'
import { Workspace } from './workspace.ts'

/** What is worked on: a part without edits (see `materialise`). */
export interface EditablePart {
  readonly payload: { readonly bytes: Uint8Array }
  readonly index: RequestIndex
  /** Items that are still in; null = all. */
  readonly selection: Selection | null
  readonly edits?: Edits | null
  readonly items: number
}

export interface EditedPart {
  readonly selection: Selection | null
  readonly edits: Edits | null
  readonly items: number
  /** What the edits point into: to be given back to the editor's memory once they are encoded or dropped. */
  readonly chunks: readonly Uint8Array[]
}

/** Of larger items it is watched how they grow, which takes the general way. */
const MAX_QUICK_BYTES = 1 << 20

const NO_CHUNKS: readonly Uint8Array[] = []

const NO_BYTES = new Uint8Array(0)

/** Levels of the contexts that are groups; all others stand on items. */
const GROUP_LEVEL: Readonly<Partial<Record<ContextName, number>>> = {
  resource: 0,
  scope: 1,
  metric: METRIC_LEVEL,
}

export class PartEditor {
  readonly #space: Workspace
  readonly #cursor: Cursor
  #part: EditablePart | null = null
  #shape: RequestShape | null = null
  #selection: Selection | null = null
  #isCleared = false
  #wasPartDropped = false
  /** By level: rows without items that were dropped. Those with items vanish with them. */
  readonly #gone: readonly Set<number>[] = [new Set(), new Set(), new Set(), new Set(), new Set()]
  #hasGone = false

  /** Without `memory` its own is left to the garbage collector. */
  constructor(signal: Signal, memory: ArenaMemory | null = null) {
    this.#space = new Workspace(memory)
    this.#cursor = new Cursor(signal, this.#space)
    this.#cursor.exchangePoints = points => this.#exchangePoints(points)
  }

  open(part: EditablePart, request: RequestContext): void {
    if (part.edits !== undefined && part.edits !== null && part.edits.size > 0) {
      throw new Error('a part with edits must be materialised first')
    }
    this.close()
    this.#part = part
    this.#selection = part.selection
    this.#space.open(part.payload.bytes, part.index)
    this.#cursor.request = request
  }

  /** Lets go of the part; `open` and `finish` do it too. */
  close(): void {
    this.#part = null
    this.#shape = null
    this.#selection = null
    this.#isCleared = false
    if (this.#hasGone) for (const gone of this.#gone) gone.clear()
    this.#hasGone = false
    this.#space.close()
    this.#cursor.reset()
  }

  /** Document order over what is still in. The cursor handed to `visit` is one and the same: do not keep it. */
  each(context: ContextName, visit: (scope: Cursor) => void): void {
    this.#cursor.context = context
    const level = GROUP_LEVEL[context]
    if (level === undefined) this.#eachItem(context, visit)
    else this.#eachGroup(level, visit)
  }

  // hot: bench/micro/rule-contexts.ts
  #eachItem(context: ContextName, visit: (scope: Cursor) => void): void {
    const space = this.#space
    const cursor = this.#cursor
    const last = space.levels.length - 1
    const isInside = PARTS_OF[context] !== undefined
    const from = this.#selection === null ? 0 : this.#selection.from
    const to = this.#selection === null ? this.index.items : this.#selection.to
    for (let item = from; item < to; item++) {
      if (this.#selection !== null && !this.#selection.has(item)) continue
      space.stand(last, item)
      cursor.cache = null
      if (isInside) this.#eachPart(context, visit)
      else visit(cursor)
    }
  }

  // hot: bench/micro/rule-contexts.ts
  /** Over items, of which `visit` gets only those that the program leaves to the general way. */
  eachQuick(context: ContextName, program: QuickProgram, visit: (scope: Cursor) => void): void {
    const space = this.#space
    const cursor = this.#cursor
    const last = space.levels.length - 1
    const rows = space.levels[last]
    const changed = space.changed[last]
    // Splices are added in order; after the first such pass they stand.
    const isFirst = space.splices.size === 0
    const from = this.#selection === null ? 0 : this.#selection.from
    const to = this.#selection === null ? this.index.items : this.#selection.to
    cursor.context = context
    for (let item = from; item < to; item++) {
      if (this.#selection !== null && !this.#selection.has(item)) continue
      const at = item * ROW
      if (
        isFirst &&
        !changed.has(item) &&
        quickly(program, space, rows[at + START], rows[at + END])
      ) {
        continue
      }
      space.stand(last, item)
      cursor.cache = null
      visit(cursor)
    }
    program.release()
  }

  /** Over the events, links or exemplars of one item. */
  #eachPart(context: ContextName, visit: (scope: Cursor) => void): void {
    const cursor = this.#cursor
    const number = partNumber(context, cursor)
    if (number === 0) return
    const item = cursor.places[ITEM]
    let field = item.nth(number, 0)
    // What rules add on the way is not gone over.
    const most = item.count
    let at = 0
    for (let seen = 0; field >= 0 && seen < most; seen++) {
      cursor.cache = null
      cursor.partIndex = seen
      cursor.part.standOn(number, at, field)
      const { version } = item
      this.#wasPartDropped = false
      visit(cursor)
      if (!this.#wasPartDropped) at++
      field = item.version === version ? item.following(number, field) : item.nth(number, at)
    }
  }

  #eachGroup(level: number, visit: (scope: Cursor) => void): void {
    const space = this.#space
    const cursor = this.#cursor
    if (level >= space.levels.length - 1) return
    const rows = space.levels[level].length / ROW
    for (let row = 0; row < rows; row++) {
      if (!this.#isIn(level, row)) continue
      space.stand(level, row)
      if (level === METRIC_LEVEL) space.rows[DATA_ROW_LEVEL] = this.#dataOf(row)
      cursor.cache = null
      visit(cursor)
    }
  }

  /** Of several data messages the last one says what the metric is. */
  #dataOf(metric: number): number {
    const shape = this.#requestShape
    const after = shape.firstChild(DATA_ROW_LEVEL, metric + 1)
    return after > shape.firstChild(DATA_ROW_LEVEL, metric) ? after - 1 : -1
  }

  /** Removes what the cursor stands on: an event, an item, or a group with all that is in it. */
  drop(scope: Cursor): void {
    const { context } = scope
    if (PARTS_OF[context] !== undefined) {
      scope.places[ITEM].remove(scope.part.field)
      this.#wasPartDropped = true
      return
    }
    const level = GROUP_LEVEL[context]
    if (level === undefined) this.#clear(this.#space.rows[this.#space.levels.length - 1])
    else this.#dropGroup(level, this.#space.rows[level])
  }

  #dropGroup(level: number, row: number): void {
    const shape = this.#requestShape
    if (!shape.hasItems(level, row)) {
      this.#gone[level].add(row)
      this.#hasGone = true
      return
    }
    const end = shape.itemsBefore(level, row + 1)
    for (let item = shape.itemsBefore(level, row); item < end; item++) this.#clear(item)
  }

  /** The rows that there are take the last of the new points; the others stand before them. */
  #exchangePoints(points: readonly Uint8Array[]): void {
    const space = this.#space
    const [last, metric, data] = [
      space.levels.length - 1,
      space.rows[METRIC_LEVEL],
      space.rows[DATA_ROW_LEVEL],
    ]
    const shape = this.#requestShape
    const items: number[] = []
    const end = shape.itemsBefore(DATA_ROW_LEVEL, data + 1)
    for (let item = shape.itemsBefore(DATA_ROW_LEVEL, data); item < end; item++) {
      if (this.#selection === null || this.#selection.has(item)) items.push(item)
    }
    const extra = Math.max(0, points.length - items.length)
    const fields = points.slice(0, extra).map(point => messageField(1, point, 0, point.length))
    space.extraPoints.set(data, Buffer.concat(fields))
    for (const [i, item] of items.entries()) {
      if (extra + i >= points.length) {
        this.#clear(item)
        continue
      }
      space.stand(last, item)
      this.#cursor.places[ITEM].become(points[extra + i])
    }
    space.stand(METRIC_LEVEL, metric)
    space.rows[DATA_ROW_LEVEL] = data
  }

  #clear(item: number): void {
    if (!this.#isCleared) {
      this.#isCleared = true
      this.#selection =
        this.#selection === null ? Selection.all(this.index.items) : this.#selection.clone()
    }
    this.#selection!.clear(item)
  }

  /** Whether a group is still there: something in it is, or it was empty from the start and nothing around it went. */
  #isIn(level: number, row: number): boolean {
    const selection = this.#selection
    if (selection === null && !this.#hasGone) return true
    const shape = this.#requestShape
    if (!shape.hasItems(level, row)) {
      if (this.#gone[level].has(row)) return false
      return level === 0 || this.#isIn(level - 1, this.#space.levels[level][row * ROW + 3])
    }
    if (selection === null) return true
    const end = Math.min(shape.itemsBefore(level, row + 1), selection.to)
    let item = Math.max(shape.itemsBefore(level, row), selection.from)
    while (item < end && !selection.has(item)) item++
    return item < end
  }

  /** Ends the pass. `edits` is null and `selection` the same object when nothing was touched. */
  finish(): EditedPart {
    const space = this.#space
    const selection = this.#selection
    const items = selection === null ? this.index.items : selection.count
    const edits = new Edits()
    const last = space.levels.length - 1
    for (let level = 0; level < last; level++) {
      for (const row of this.#gone[level]) this.#cut(level, row, edits)
      layOutGroups(space, level, row => this.#isIn(level, row), edits)
    }
    layOutExtraPoints(space, metric => this.#isIn(METRIC_LEVEL, metric), edits)
    layOutItems(space, selection, edits)
    const all = edits.size === 0 ? space.takeSplices() : edits.merged(space.splices)
    const chunks = all.size === 0 ? NO_CHUNKS : space.arena.finish()
    this.close()
    return { selection, edits: all.size === 0 ? null : all, items, chunks }
  }

  /** A group that goes with one around it needs no cut of its own. */
  #cut(level: number, row: number, edits: Edits): void {
    const rows = this.#space.levels[level]
    if (level > 0 && !this.#isIn(level - 1, rows[row * ROW + 3])) return
    edits.add(rows[row * ROW + TAG], rows[row * ROW + END], NO_BYTES)
  }

  /** As it was sent, without what was changed here. */
  get bytes(): Uint8Array {
    return this.#space.bytes
  }

  get index(): RequestIndex {
    if (this.#part === null) throw new Error('no part is open')
    return this.#part.index
  }

  get #requestShape(): RequestShape {
    if (this.#shape === null) this.#shape = shapeOf(this.index)
    return this.#shape
  }
}

/** What an error means is decided where the item is done in the general way, which meets it again. */
function quickly(program: QuickProgram, space: Workspace, start: number, end: number): boolean {
  if (end - start > MAX_QUICK_BYTES) return false
  try {
    return program.edit(space.bytes, start, end, space.arena, space.splices)
  } catch (error) {
    if (error instanceof EvaluationError) return false
    throw error
  }
}
