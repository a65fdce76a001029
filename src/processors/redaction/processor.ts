/** Removes attributes that are not allowed and masks what must not be seen, in all that carries attributes and in bodies. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Signal } from '../../core/signal.ts'
import { type Pass, RuleWorker } from '../../rules/apply/rule-worker.ts'
import type { ContextName } from '../../rules/context.ts'
import { ITEM, PART, RESOURCE, SCOPE } from '../../rules/contexts/cursor.ts'
import { type Field, fieldAt, pointField } from '../../rules/contexts/field.ts'
import { AttributeRedactor } from './attributes.ts'
import { BodyRedactor } from './body.ts'
import type { RedactionConfig } from './config.ts'
import { RedactionRules } from './redaction-rules.ts'
import { Summary } from './summary.ts'

/** What is gone over, and the field of its attributes. Links and exemplars are not, as in upstream. */
const FIELDS: Readonly<Record<Signal, readonly (readonly [ContextName, Field])[]>> = {
  traces: [
    ['resource', fieldAt(RESOURCE, 1)],
    ['scope', fieldAt(SCOPE, 3)],
    ['span', fieldAt(ITEM, 9)],
    ['spanevent', fieldAt(PART, 3)],
  ],
  metrics: [
    ['resource', fieldAt(RESOURCE, 1)],
    ['scope', fieldAt(SCOPE, 3)],
    ['datapoint', pointField(ITEM, 7, 9, 1, 7)],
  ],
  logs: [
    ['resource', fieldAt(RESOURCE, 1)],
    ['scope', fieldAt(SCOPE, 3)],
    ['log', fieldAt(ITEM, 6)],
  ],
}

export class RedactionProcessor implements Component, Consumer {
  readonly #worker: RuleWorker
  readonly #passes: Readonly<Record<Signal, readonly Pass[]>>

  constructor({ id, config, ledger, memory }: CreateContext<RedactionConfig>, next: Consumer) {
    this.#worker = new RuleWorker({ id, ledger, memory, next, reason: 'redacted' })
    const rules = new RedactionRules(config)
    this.#passes = {
      traces: [passOf(config, rules, 'traces')],
      metrics: [passOf(config, rules, 'metrics')],
      logs: [passOf(config, rules, 'logs')],
    }
  }

  async start(): Promise<void> {}

  consume(batch: Batch): Outcome | Promise<Outcome> {
    return this.#worker.run(batch, this.#passes[batch.signal])
  }

  async stop(): Promise<void> {}
}

function passOf(config: RedactionConfig, rules: RedactionRules, signal: Signal): Pass {
  const summary = new Summary(config.summary, 'redaction')
  const steps = FIELDS[signal].map(([context, field]) => {
    const redactor = new AttributeRedactor(field, rules, summary, config.redact_all_types)
    return { context, redactor, body: context === 'log' ? bodyOf(config, rules, redactor) : null }
  })
  return {
    kind: 'edit',
    run: editor => {
      for (const { context, redactor, body } of steps) {
        editor.each(context, scope => {
          redactor.redact(scope)
          body?.redact(scope)
        })
      }
    },
  }
}

function bodyOf(config: RedactionConfig, rules: RedactionRules, { entries }: AttributeRedactor) {
  return new BodyRedactor(entries, rules, new Summary(config.summary, 'redaction.body'))
}
