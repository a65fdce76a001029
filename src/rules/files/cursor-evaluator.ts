/** Evaluates rules over the bytes of requests: conditions on scanned slots where those can tell, all else with cursors. */
import { NO_CONTEXT, type Part, type RequestContext } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import { type RequestShape, shapeOf } from '../../otlp/request-shape.ts'
import { compileNode } from '../compile.ts'
import { type Cursor, METRIC_LEVEL } from '../contexts/cursor.ts'
import { materialise } from '../contexts/materialise.ts'
import { PartEditor } from '../contexts/part-editor.ts'
import { parseCondition } from '../parser.ts'
import type { Test } from '../predicate/comparisons.ts'
import { type Predicate, PredicateCompiler } from '../predicate/compile-predicate.ts'
import { PredicateSet } from '../predicate/predicate-set.ts'
import { SlotPlan } from '../predicate/slot-plan.ts'
import type { Evaluator, MakeEvaluator, StageRules, Visit } from './evaluator.ts'
import { ruleLanguage } from './language.ts'
import type { RuleLanguage } from './rule-set.ts'
import type { RuleContext } from './schema.ts'

/** What stands for the condition of a rule without one. */
const ALWAYS = 'true'

/** The evaluator of live rules. */
export function* makeCursorEvaluator(
  ...[signal, stages]: Parameters<MakeEvaluator>
): ReturnType<MakeEvaluator> {
  const prepared: Stage[] = []
  for (const stage of stages) prepared.push(yield* prepareStage(signal, stage, ruleLanguage))
  return new CursorEvaluator(signal, prepared)
}

/** The same as `compilePredicates`, rule by rule. */
function* prepareStage(
  signal: Signal,
  { context, rules }: StageRules,
  language: RuleLanguage,
): Generator<void, Stage> {
  const options = { context: language.context(context), functions: language.functions }
  const plan = new SlotPlan(signal, context)
  const predicates: Predicate[] = []
  const general: Test[] = []
  for (const { when } of rules) {
    const text = when?.text ?? ALWAYS
    const node = parseCondition(text)
    general.push(compileNode(text, node, options))
    predicates.push(new PredicateCompiler(plan, options, text).compile(node))
    yield
  }
  return { context, conditions: new PredicateSet(plan, predicates, general) }
}

interface Stage {
  readonly context: RuleContext
  readonly conditions: PredicateSet
}

export class CursorEvaluator implements Evaluator {
  readonly #editor: PartEditor
  readonly #last: number
  #original: Part | null = null
  #current: Part | null = null
  #request: RequestContext = NO_CONTEXT
  #shape: RequestShape | null = null
  readonly #stages: readonly Stage[]
  #conditions: PredicateSet | null = null
  /** What `next` and `test` are about. */
  #row = 0

  constructor(signal: Signal, stages: readonly Stage[]) {
    this.#editor = new PartEditor(signal)
    this.#last = signal === 'metrics' ? 4 : 2
    this.#stages = stages
  }

  get current(): Part {
    return this.#current!
  }

  open(part: Part, request: RequestContext): void {
    this.#original = part
    this.#request = request
    this.#begin(materialise(part))
  }

  settle(): void {
    this.#begin(materialise(this.#finished()))
  }

  each(stage: number, visit: Visit): void {
    const { context, conditions } = this.#stages[stage]
    const { payload, index } = this.current
    this.#conditions = conditions
    conditions.scan(payload.bytes, index)
    if (context === 'metric') this.#eachMetric(visit)
    else {
      const last = this.#last
      this.#editor.each(context, scope => {
        const item = scope.space.rows[last]
        this.#row = item
        visit(scope, item, item + 1)
      })
    }
    conditions.close()
  }

  #eachMetric(visit: Visit): void {
    const shape = this.#requestShape()
    this.#editor.each('metric', scope => {
      const row = scope.space.rows[METRIC_LEVEL]
      this.#row = row
      visit(scope, shape.itemsBefore(METRIC_LEVEL, row), shape.itemsBefore(METRIC_LEVEL, row + 1))
    })
  }

  next(scope: unknown, from: number): number {
    return this.#conditions!.next(this.#row, from, scope)
  }

  get tested(): number {
    return this.#conditions!.tested
  }

  test(rule: number, scope: unknown): boolean {
    return this.#conditions!.test(rule, this.#row, scope)
  }

  edited(scope: unknown): void {
    this.#conditions!.edited((scope as Cursor).space.changed)
  }

  remove(scope: unknown): void {
    this.#editor.drop(scope as Cursor)
  }

  finish(): Part {
    const part = this.#finished()
    this.#forget()
    return part
  }

  close(): void {
    this.#editor.close()
    this.#forget()
  }

  #begin(part: Part): void {
    this.#release(part)
    this.#current = part
    this.#shape = null
    this.#editor.open(part, this.#request)
  }

  #finished(): Part {
    const part = this.#current!
    const { selection, edits, items } = this.#editor.finish()
    const isSame = selection === part.selection && edits === null
    return isSame ? part : { ...part, selection, edits, items }
  }

  /** A payload that was made for one pass ends with it. */
  #release(next: Part): void {
    const before = this.#current?.payload
    if (before === undefined || before === next.payload) return
    if (before !== this.#original?.payload) before.release()
  }

  #forget(): void {
    this.#conditions?.close()
    this.#conditions = null
    this.#current = null
    this.#original = null
    this.#shape = null
    this.#request = NO_CONTEXT
  }

  #requestShape(): RequestShape {
    this.#shape ??= shapeOf(this.current.index)
    return this.#shape
  }
}
