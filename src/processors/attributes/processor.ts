/** Changes the attributes of spans, log records and data points, all of them or those that `include` and `exclude` leave. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Signal } from '../../core/signal.ts'
import { compileActions } from '../../rules/apply/attribute-actions.ts'
import { pathOf } from '../../rules/apply/match-properties.ts'
import { type EditPass, type Pass, RuleWorker } from '../../rules/apply/rule-worker.ts'
import type { AttributesConfig } from './config.ts'
import { CONTEXTS, compileSides } from './sides.ts'

export class AttributesProcessor implements Component, Consumer {
  readonly #worker: RuleWorker
  /** Of the signals of the pipelines that it stands in. */
  readonly #passes: ReadonlyMap<Signal, readonly Pass[]>

  constructor(context: CreateContext<AttributesConfig>, next: Consumer) {
    const { id, config, ledger, memory, signals } = context
    this.#worker = new RuleWorker({ id, ledger, memory, next, reason: 'dropped' })
    this.#passes = new Map(
      signals.map(signal => [signal, [{ kind: 'edit', run: editPass(config, signal, id) }]]),
    )
  }

  async start(): Promise<void> {}

  consume(batch: Batch): Outcome | Promise<Outcome> {
    return this.#worker.run(batch, this.#passes.get(batch.signal) ?? [])
  }

  async stop(): Promise<void> {}
}

function editPass(config: AttributesConfig, signal: Signal, id: string): EditPass {
  const context = CONTEXTS[signal]
  const apply = compileActions(config.actions, pathOf(context, 'attributes').keyed!)
  const isMeant = compileSides(config, signal, id)
  if (isMeant === undefined) return editor => editor.each(context, apply)
  return editor =>
    editor.each(context, scope => {
      if (isMeant(scope)) apply(scope)
    })
}
