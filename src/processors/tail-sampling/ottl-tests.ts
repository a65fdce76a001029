/** Conditions in OTTL, asked of the spans and events of one part through the cursor that all rules use. */
import type { Part, RequestContext } from '../../core/batch.ts'
import type { Logger } from '../../core/logger.ts'
import { sequenceOptions } from '../../rules/apply/rule-worker.ts'
import type { Cursor } from '../../rules/contexts/cursor.ts'
import { PartEditor } from '../../rules/contexts/part-editor.ts'
import { holdsAny } from '../../rules/predicate/hold-any.ts'
import type { PredicateSet } from '../../rules/predicate/predicate-set.ts'
import { type SequenceOptions, testSequence } from '../../rules/sequence.ts'
import { EvaluationError } from '../../rules/value.ts'
import type { Conditions, OttlCondition } from './conditions.ts'

const SPAN_LEVEL = 2
/** The two bits of a pair. */
const HOLDS = 1
const FAILED = 2
const BOTH = 3

interface Question {
  readonly context: 'span' | 'spanevent'
  readonly conditions: OttlCondition['span']
  readonly predicates: PredicateSet | null
  readonly options: SequenceOptions
  /** Word and bit of the pair, counted from the first word of pairs. */
  readonly word: number
  readonly shift: number
}

export class OttlTests {
  readonly #questions: readonly Question[]
  readonly #editor = new PartEditor('traces')
  #bits = new Uint32Array(0)
  #words = 0
  #firstWord = 0

  constructor({ ottl }: Conditions, log: Logger) {
    this.#questions = ottl.flatMap((condition, pair) => questionsOf(condition, pair, log))
  }

  /** Sets the pairs of each selected item, `words` words an item, the pairs from `firstWord` on. */
  scan(
    part: Part,
    request: RequestContext,
    bits: Uint32Array,
    words: number,
    firstWord: number,
  ): void {
    this.#bits = bits as Uint32Array<ArrayBuffer>
    this.#words = words
    this.#firstWord = firstWord
    this.#editor.open(part, request)
    for (const question of this.#questions) this.#ask(question)
    this.#editor.close()
  }

  #ask(question: Question): void {
    const { predicates, context } = question
    const editor = this.#editor
    predicates?.scan(editor.bytes, editor.index)
    try {
      editor.each(context, scope => this.#answer(question, scope))
    } finally {
      predicates?.close()
    }
  }

  #answer({ predicates, conditions, options, word, shift }: Question, scope: Cursor): void {
    const item = scope.space.rows[SPAN_LEVEL]
    const at = item * this.#words + this.#firstWord + word
    if (((this.#bits[at] >>> shift) & BOTH) !== 0) return
    try {
      const holds =
        predicates === null
          ? testSequence(conditions, 'or', scope, options)
          : holdsAny(predicates, item, scope, options)
      if (holds) this.#bits[at] |= HOLDS << shift
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
      this.#bits[at] |= FAILED << shift
    }
  }
}

/** Of a span its own conditions come first, then those of its events. */
function questionsOf(condition: OttlCondition, pair: number, log: Logger): Question[] {
  const { errorMode, span, spanevent, predicates } = condition
  const shared = {
    options: sequenceOptions(errorMode, log),
    word: pair >>> 4,
    shift: (pair & 15) << 1,
  }
  const questions: Question[] = [
    { ...shared, context: 'span', conditions: span, predicates },
    { ...shared, context: 'spanevent', conditions: spanevent, predicates: null },
  ]
  return questions.filter(({ conditions }) => conditions.length > 0)
}
