/**
 * All conditions of a rule set over one request at a time: slots scanned together, groups evaluated once, and rules that compare
 * one attribute with many texts found by the text instead of one by one.
 *
 * The slots show the request as it was sent; after an editor has run, `edited` has what it changed looked at anew.
 */
import { SlotRows, type SlotTable } from '../../otlp/kernel/slots.ts'
import { PARENT, type RequestIndex, ROW } from '../../otlp/request-index.ts'
import type { Signal } from '../../otlp/signal.ts'
import type { BooleanNode } from '../ast.ts'
import { type CompileOptions, compileNode } from '../compile.ts'
import type { ChangedRows } from '../contexts/workspace.ts'
import { withPosition } from '../format-error.ts'
import { parseCondition } from '../parser.ts'
import type { Test } from './comparisons.ts'
import { type Predicate, PredicateCompiler } from './compile-predicate.ts'
import { Dispatch } from './dispatch.ts'
import { type LevelView, SlotPlan } from './slot-plan.ts'

export interface PredicateSource {
  readonly text: string
  /** When it is a part of the text, such as the `where` of a statement. */
  readonly node?: BooleanNode
}

/** Throws RuleError as `compileCondition` does. */
export function compilePredicates(
  conditions: readonly PredicateSource[],
  options: CompileOptions,
  signal: Signal,
): PredicateSet {
  const plan = new SlotPlan(signal, options.context.name)
  const general: Test[] = []
  const predicates = conditions.map(({ text, node }) => {
    const parsed = node ?? withPosition(text, () => parseCondition(text))
    general.push(compileNode(text, parsed, options))
    return new PredicateCompiler(plan, options, text).compile(parsed)
  })
  return new PredicateSet(plan, predicates, general)
}

const NO_BYTES: Uint8Array = new Uint8Array(0)

/** A level's reader and the view that the tests read through. */
class LevelReader {
  readonly view: LevelView
  readonly #rows: SlotRows
  #bytes = NO_BYTES
  #row = -1

  constructor(view: LevelView, table: SlotTable) {
    this.view = view
    this.#rows = new SlotRows(table)
  }

  open(bytes: Uint8Array, index: RequestIndex): void {
    this.#rows.open(bytes, index)
    this.#bytes = bytes
    this.#row = -1
  }

  close(): void {
    this.#rows.close()
    this.#bytes = this.view.bytes = NO_BYTES
    this.#row = -1
  }

  /** What it reads has changed. */
  forget(): void {
    this.#row = -1
  }

  move(row: number, changed: readonly ChangedRows[] | null): void {
    if (row === this.#row) return
    const { view } = this
    view.stamp++
    this.#row = row
    if (changed !== null && this.#isCopied(row, changed[view.level])) return
    view.at = this.#rows.at(row)
    view.words = this.#rows.words
    view.bytes = this.#bytes
  }

  #isCopied(row: number, changed: ChangedRows): boolean {
    const place = changed.placeOf(row)
    if (place < 0) return false
    const { view } = this
    view.bytes = changed.bytes[place]
    view.words = this.#rows.scanCopy(row, view.bytes, changed.starts[place], changed.ends[place])
    view.at = 0
    return true
  }
}

export class PredicateSet {
  readonly size: number
  /** The condition that was tested last by `next`: the one that failed when it throws. */
  tested = -1
  readonly #tests: readonly Test[]
  readonly #general: readonly Test[]
  /** Level of the index that the rows asked about are of: 0 resource, 1 scope, 2 span, log, metric, 4 data point. */
  readonly rowLevel: number
  /** By level; undefined where no condition looks. */
  readonly #readers: readonly (LevelReader | undefined)[]
  readonly #dispatch: Dispatch
  #levels: readonly Int32Array[] = []
  #row = -1
  #changed: readonly ChangedRows[] | null = null
  /** Row of the level above the items' when the groups were last looked up. */
  #parent = -1

  constructor(plan: SlotPlan, predicates: readonly Predicate[], general: readonly Test[]) {
    this.size = predicates.length
    this.#tests = predicates.map(({ test }) => test)
    this.#general = general
    this.rowLevel = plan.rowLevel
    this.#dispatch = new Dispatch(predicates, plan.rowLevel)
    const readers: (LevelReader | undefined)[] = []
    for (const view of plan.views)
      readers[view.level] = new LevelReader(view, plan.table(view.level))
    this.#readers = readers
  }

  /** Turns to another request; its rows may then be asked about in any order, ascending is fastest. */
  scan(bytes: Uint8Array, index: RequestIndex): void {
    this.#levels = index.levels
    this.#changed = null
    this.#row = this.#parent = -1
    for (const reader of this.#readers) reader?.open(bytes, index)
  }

  /** Lets the request go. */
  close(): void {
    this.#levels = []
    this.#changed = null
    this.#row = this.#parent = -1
    for (const reader of this.#readers) reader?.close()
  }

  /** To be called after an editor has run: `changed` has the rows of each level that are not as they were sent. */
  edited(changed: readonly ChangedRows[]): void {
    this.#changed = changed
    this.#row = this.#parent = -1
    for (const reader of this.#readers) reader?.forget()
  }

  /** Whether a condition holds for a row. `scope` stands on it, for what slots cannot tell. Throws EvaluationError. */
  test(condition: number, row: number, scope: unknown): boolean {
    if (row !== this.#row) this.#move(row)
    return this.#tests[condition](scope)
  }

  // hot: bench/micro/predicates.ts
  /** The first condition from `from` on that holds, or -1. Throws EvaluationError; `tested` says which condition failed. */
  next(row: number, from: number, scope: unknown): number {
    if (row !== this.#row) this.#move(row)
    const candidates = this.#dispatch.candidates()
    const tests = this.#tests
    for (let w = from >>> 5; w < candidates.length; w++) {
      let bits = candidates[w]
      if (w === from >>> 5) bits &= -1 << (from & 31)
      while (bits !== 0) {
        const condition = (w << 5) + 31 - Math.clz32(bits & -bits)
        this.tested = condition
        if (tests[condition](scope)) return condition
        bits &= bits - 1
      }
    }
    return -1
  }

  /** The same condition without slots. */
  general(condition: number, scope: unknown): boolean {
    return this.#general[condition](scope)
  }

  #move(row: number): void {
    this.#row = row
    const level = this.rowLevel
    this.#readers[level]?.move(row, this.#changed)
    if (level > 0) {
      const parent = this.#levels[level][row * ROW + PARENT]
      if (parent !== this.#parent) this.#moveGroups(parent)
    }
    this.#dispatch.movedItem()
  }

  #moveGroups(parent: number): void {
    this.#parent = parent
    let group = parent
    for (let level = this.rowLevel - 1; level >= 0; level--) {
      this.#readers[level]?.move(group, this.#changed)
      group = this.#levels[level][group * ROW + PARENT]
    }
    this.#dispatch.movedGroup()
  }
}
