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
import { testSequence } from '../../rules/sequence.ts'
import type { FilterConfig } from './config.ts'
import { FILTERED } from './metrics.ts'
import { compileStages, type Stage } from './stages.ts'

export class FilterProcessor implements Component, Consumer {
  readonly #worker: RuleWorker
  readonly #passes: Readonly<Record<Signal, readonly Pass[]>>
  readonly #filtered: Readonly<Record<Signal, Counter>>

  constructor(context: CreateContext<FilterConfig>, next: Consumer) {
    const { id, config, ledger, log, meter } = context
    this.#worker = new RuleWorker({ id, ledger, next, reason: 'filtered' })
    const passesOf = (signal: Signal): readonly Pass[] => {
      const { stages } = compileStages(config, signal)
      if (stages.length === 0) return []
      const steps = stages.map(stage => dropPass(stage, log))
      return [{ kind: 'edit', run: editor => steps.forEach(step => step(editor)) }]
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

/** The one place where conditions meet items; every condition is a `test` of the cursor. */
function dropPass(
  { context, conditions, errorMode }: Stage,
  log: CreateContext<unknown>['log'],
): EditPass {
  const options = sequenceOptions(errorMode, log)
  return editor =>
    editor.each(context, scope => {
      if (testSequence(conditions, 'or', scope, options)) editor.drop(scope)
    })
}
