/** Evaluates the small language over read-only views of items; edits change only what later rules of the item see. */
import type { Part } from '../../../src/core/batch.ts'
import { PARENT, ROW } from '../../../src/otlp/request-index.ts'
import { ItemReader } from '../../../src/rules/files/cases/describe-item.ts'
import type {
  Evaluator,
  MakeEvaluator,
  StageRules,
  Visit,
} from '../../../src/rules/files/evaluator.ts'
import { EvaluationError, type Value } from '../../../src/rules/value.ts'

// biome-ignore lint/correctness/useYield: it has nothing to wait for
export const viewEvaluator: MakeEvaluator = function* (_, stages) {
  return new ViewEvaluator(stages)
}

class ViewEvaluator implements Evaluator {
  readonly removed: unknown[] = []
  readonly #items = new ItemReader()
  readonly #stages: readonly StageRules[]
  #part: Part | null = null
  #stage = 0
  tested = -1

  constructor(stages: readonly StageRules[]) {
    this.#stages = stages
  }

  get current(): Part {
    return this.#part!
  }

  open(part: Part): void {
    this.#part = part
  }

  settle(): void {}

  next(scope: unknown, from: number): number {
    const { rules } = this.#stages[this.#stage]
    for (let rule = from; rule < rules.length; rule++) {
      this.tested = rule
      if (this.test(rule, scope)) return rule
    }
    return -1
  }

  test(rule: number, scope: unknown): boolean {
    return this.#stages[this.#stage].rules[rule].when?.test(scope) ?? true
  }

  edited(): void {}

  each(stage: number, visit: Visit): void {
    const { context } = this.#stages[stage]
    this.#stage = stage
    const { index, selection } = this.current
    for (let item = 0; item < index.items; item++) {
      if (selection !== null && !selection.has(item)) continue
      const end = context === 'metric' ? this.#endOfMetric(item) : item + 1
      visit(this.#scope(item), item, end)
      item = end - 1
    }
  }

  remove(scope: unknown): void {
    this.removed.push(scope)
  }

  finish(): Part {
    return this.current
  }

  close(): void {}

  #endOfMetric(first: number): number {
    const { levels, items } = this.current.index
    const metric = (item: number) => levels[3][levels[4][item * ROW + PARENT] * ROW + PARENT]
    let end = first + 1
    while (end < items && metric(end) === metric(first)) end++
    return end
  }

  #scope(item: number): Map<string, Value> {
    const { payload, index } = this.current
    const { fields, attributes, resource } = this.#items.read(payload.bytes, index, item)
    const entries: [string, Value][] = [['name', (fields.get('name') ?? null) as Value]]
    for (const [key, value] of attributes) entries.push([`attributes.${key}`, value as Value])
    for (const [key, value] of resource) {
      entries.push([`resource.attributes.${key}`, value as Value])
    }
    const scope = new Map(entries)
    if (scope.get('attributes.fail') === true) return new FailingScope(entries)
    return scope
  }
}

/** Reading anything of it is an error. */
class FailingScope extends Map<string, Value> {
  override get(): never {
    throw new EvaluationError('cannot read it')
  }
}
