/**
 * The conditions of `always_keep` and `never_keep`, looked at while spans arrive: of a trace only the marks are kept, so a
 * decision asks no bytes again.
 */
import type { Part, RequestContext } from '../../core/batch.ts'
import type { ConfigProblem } from '../../core/factory.ts'
import type { Logger } from '../../core/logger.ts'
import { GroupCompiler } from '../../rules/apply/groups.ts'
import { sequenceOptions } from '../../rules/apply/rule-worker.ts'
import type { Cursor } from '../../rules/contexts/cursor.ts'
import { PartEditor } from '../../rules/contexts/part-editor.ts'
import { holdsAny } from '../../rules/predicate/hold-any.ts'
import type { PredicateSet } from '../../rules/predicate/predicate-set.ts'
import type { SequenceOptions } from '../../rules/sequence.ts'

/** Marks of a span. */
export const ALWAYS_KEEP = 1
export const NEVER_KEEP = 2

export interface Conditions {
  /** Undefined where there are none. */
  readonly always: PredicateSet | undefined
  readonly never: PredicateSet | undefined
  readonly problems: readonly ConfigProblem[]
}

export function compileConditions(config: {
  readonly always_keep: readonly string[]
  readonly never_keep: readonly string[]
}): Conditions {
  const compiler = new GroupCompiler({ signal: 'traces', contexts: ['span'] })
  const compile = (key: 'always_keep' | 'never_keep'): PredicateSet | undefined => {
    const conditions = compiler.conditions(config[key], 'span', [key])
    return conditions.length === 0 ? undefined : compiler.predicates(conditions, 'span')
  }
  const [always, never] = [compile('always_keep'), compile('never_keep')]
  return { always, never, problems: compiler.problems }
}

export class SpanMarker {
  readonly #always: PredicateSet | undefined
  readonly #never: PredicateSet | undefined
  readonly #editor = new PartEditor('traces')
  readonly #options: SequenceOptions
  #marks = new Uint8Array(0)

  constructor({ always, never }: Conditions, log: Logger) {
    this.#always = always
    this.#never = never
    this.#options = sequenceOptions('ignore', log)
  }

  get isIdle(): boolean {
    return this.#always === undefined && this.#never === undefined
  }

  /** By item of the index. Valid until the next call. `part` has no edits. */
  mark(part: Part, request: RequestContext): Uint8Array {
    const { items } = part.index
    if (this.#marks.length < items) this.#marks = new Uint8Array(items)
    else this.#marks.fill(0, 0, items)
    this.#apply(part, request, this.#always, ALWAYS_KEEP)
    this.#apply(part, request, this.#never, NEVER_KEEP)
    return this.#marks
  }

  #apply(part: Part, request: RequestContext, set: PredicateSet | undefined, bit: number): void {
    if (set === undefined) return
    const { rowLevel } = set
    const marks = this.#marks
    const options = this.#options
    this.#editor.open(part, request)
    set.scan(part.payload.bytes, part.index)
    try {
      this.#editor.each('span', (scope: Cursor) => {
        const row = scope.space.rows[rowLevel]
        if (holdsAny(set, row, scope, options)) marks[row] |= bit
      })
    } finally {
      set.close()
      this.#editor.close()
    }
  }
}
