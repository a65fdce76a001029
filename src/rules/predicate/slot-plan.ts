/**
 * Which slots all conditions of a set read together: each value once for each level, with the texts that it is compared with. The
 * closures made from the conditions hold `LevelView`s; moving to another row moves what the views point to.
 */
import { SLOT } from '../../otlp/kernel/slot-layout.ts'
import { compileSlotTable, hasSlot, type SlotTable } from '../../otlp/kernel/slots.ts'
import { levelCount } from '../../otlp/request-index.ts'
import type { Signal } from '../../otlp/signal.ts'
import type { ContextName, SlotPath } from '../context.ts'
import { TextMemo } from './text-memo.ts'

/** The row of one level on which a set stands. */
export class LevelView {
  /** The level in the index. */
  readonly level: number
  words: Int32Array = new Int32Array(0)
  /** Where the row's first slot stands in `words`. */
  at = 0
  bytes: Uint8Array = new Uint8Array(0)
  /** Another number for each row that the view has come to. */
  stamp = 0

  constructor(level: number) {
    this.level = level
  }
}

export interface SlotRef {
  readonly view: LevelView
  /** Number of the slot in its level's table, and where it stands in a row. */
  readonly slot: number
  readonly offset: number
  /** What the field holds; `any` is an AnyValue, which is nil when absent. Other kinds have their default then. */
  readonly kind: SlotKind
  /** For results that depend on the text alone. */
  readonly memo: TextMemo
}

export type SlotKind = 'any' | 'text' | 'int' | 'double' | 'bool' | 'id'

interface Planned extends SlotRef {
  readonly path: readonly string[]
  readonly key: string | undefined
  readonly literals: Map<string, number>
  needsHash: boolean
}

const METRIC_LEVEL = 2

/** Where a context's rows stand in the index, or the rows around what it stands on. */
const ROW_LEVELS: Readonly<Record<ContextName, number>> = {
  resource: 0,
  scope: 1,
  span: 2,
  spanevent: 2,
  spanlink: 2,
  log: 2,
  metric: 2,
  datapoint: 4,
  exemplar: 4,
}

const KINDS: Readonly<Partial<Record<SlotPath['as'], SlotKind>>> = {
  value: 'any',
  text: 'text',
  int: 'int',
  double: 'double',
  bool: 'bool',
  id: 'id',
}

export class SlotPlan {
  readonly #signal: Signal
  readonly #slots = new Map<string, Planned>()
  readonly #views = new Map<number, LevelView>()
  /** Level of the rows that the set is asked about. */
  readonly rowLevel: number

  constructor(signal: Signal, context: ContextName) {
    this.#signal = signal
    this.rowLevel = ROW_LEVELS[context]
  }

  /** Undefined when no slot can hold what stands there. */
  find(path: SlotPath): SlotRef | undefined {
    const level = this.#levelOf(path.level)
    const kind = KINDS[path.as]
    const id = JSON.stringify([level, path.path, path.key])
    let planned = this.#slots.get(id)
    if (kind === undefined || level > this.rowLevel) return undefined
    if (planned === undefined) {
      if (!hasSlot(this.#signal, level, path)) return undefined
      const slot = this.#slotsOf(level).length
      planned = {
        view: this.view(level),
        slot,
        offset: slot * SLOT,
        kind,
        memo: new TextMemo(),
        path: path.path,
        key: path.key,
        literals: new Map(),
        needsHash: false,
      }
      this.#slots.set(id, planned)
    }
    return planned.kind === kind ? planned : undefined
  }

  /** The number that the slot shows when it is this text. */
  literal(ref: SlotRef, text: string): number {
    const { literals } = ref as Planned
    let number = literals.get(text)
    if (number === undefined) literals.set(text, (number = literals.size + 1))
    return number
  }

  /** Asks for the hash of the slot's text, which its memo needs. */
  hash(ref: SlotRef): void {
    ;(ref as Planned).needsHash = true
  }

  /** Levels that are read, outermost first. */
  get views(): LevelView[] {
    return [...this.#views.values()].sort((a, b) => a.level - b.level)
  }

  table(level: number): SlotTable {
    const wanted = this.#slotsOf(level).map(({ path, key, literals, needsHash }) => ({
      path,
      key,
      literals: [...literals.keys()],
      hash: needsHash,
    }))
    return compileSlotTable(this.#signal, level, wanted)
  }

  #slotsOf(level: number): Planned[] {
    return [...this.#slots.values()].filter(({ view }) => view.level === level)
  }

  view(level: number): LevelView {
    let view = this.#views.get(level)
    if (view === undefined) this.#views.set(level, (view = new LevelView(level)))
    return view
  }

  #levelOf(level: SlotPath['level']): number {
    if (level === 'resource') return 0
    if (level === 'scope') return 1
    return level === 'metric' ? METRIC_LEVEL : levelCount(this.#signal) - 1
  }
}
