/** Changes the attributes of resources, in all signals. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Outcome } from '../../core/outcome.ts'
import { compileActions } from '../../rules/apply/attribute-actions.ts'
import { pathOf } from '../../rules/apply/match-properties.ts'
import { type Pass, RuleWorker } from '../../rules/apply/rule-worker.ts'
import type { ResourceConfig } from './config.ts'

export class ResourceProcessor implements Component, Consumer {
  readonly #worker: RuleWorker
  readonly #passes: readonly Pass[]

  constructor(context: CreateContext<ResourceConfig>, next: Consumer) {
    const { id, config, ledger, memory } = context
    this.#worker = new RuleWorker({ id, ledger, memory, next, reason: 'dropped' })
    const apply = compileActions(config.attributes, pathOf('resource', 'attributes').keyed!)
    this.#passes = [{ kind: 'edit', run: editor => editor.each('resource', apply) }]
  }

  async start(): Promise<void> {}

  consume(batch: Batch): Outcome | Promise<Outcome> {
    return this.#worker.run(batch, this.#passes)
  }

  async stop(): Promise<void> {}
}
