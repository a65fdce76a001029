/** Drops what conditions hold for: whole resources, scopes and metrics, single items, events of spans. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Counter } from '../../core/meter.ts'
import type { Outcome } from '../../core/outcome.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import {
  type EditPass,
  type Pass,
  RuleWorker,
  sequenceOptions,
} from '../../rules/apply/rule-worker.ts'
import { holdsAny } from '../../rules/predicate/hold-any.ts'
import { testSequence } from '../../rules/sequence.ts'
import type { FilterConfig } from './config.ts'
import { FILTERED } from './metrics.ts'
import { compileStages, type Stage } from './stages.ts'

export class FilterProcessor implements Component, Consumer {
  readonly #worker: RuleWorker
  readonly #passes: Readonly<Record<Signal, readonly Pass[]>>
  readonly #filtered: Readonly<Record<Signal, Counter>>

  constructor(context: CreateContext<FilterConfig>, next: Consumer) {
    const { id, config, ledger, memory, log, meter } = context
    this.#worker = new RuleWorker({ id, ledger, memory, next, reason: 'filtered' })
    const passesOf = (signal: Signal): readonly Pass[] => {
      const { stages } = compileStages(config, signal)
      if (stages.length === 0) return []
      const steps = stages.map(stage => dropPass(stage, log))
      return [{ kind: 'edit', run: runAll(steps) }]
    }
    const bySignal = <T>(make: (signal: Signal) => T) =>
      Object.fromEntries(SIGNALS.map(signal => [signal, make(signal)])) as Record<Signal, T>
    this.#passes = bySignal(passesOf)
    this.#filtered = bySignal(signal => meter.counter(FILTERED[signal], { filter: id }))
  }

  async start(): Promise<void> {}

  consume(batch: Batch): Outcome | Promise<Outcome> {
    return this.#worker.run(batch, this.#passes[batch.signal], items => {
      this.#filtered[batch.signal].value += items
    })
  }

  async stop(): Promise<void> {}
}

function runAll(steps: readonly EditPass[]): EditPass {
  return editor => {
    for (const step of steps) step(editor)
  }
}

/** The one place where conditions meet items. */
// hot: bench/flow/rules.ts
function dropPass(
  { context, conditions, errorMode, predicates }: Stage,
  log: CreateContext<unknown>['log'],
): EditPass {
  const options = sequenceOptions(errorMode, log)
  if (predicates === undefined) {
    return editor =>
      editor.each(context, scope => {
        if (testSequence(conditions, 'or', scope, options)) editor.drop(scope)
      })
  }
  const { rowLevel } = predicates
  return editor => {
    predicates.scan(editor.bytes, editor.index)
    try {
      editor.each(context, scope => {
        if (holdsAny(predicates, scope.space.rows[rowLevel], scope, options)) editor.drop(scope)
      })
    } finally {
      predicates.close()
    }
  }
}
