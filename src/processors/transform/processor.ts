/** Runs statements on spans, events, metrics, data points, log records, and on the resources and scopes around them. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Logger } from '../../core/logger.ts'
import type { Outcome } from '../../core/outcome.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import {
  type EditPass,
  type Pass,
  RuleWorker,
  sequenceOptions,
} from '../../rules/apply/rule-worker.ts'
import { runSequence, testSequence } from '../../rules/sequence.ts'
import type { TransformConfig } from './config.ts'
import { compileGroups, type StatementGroup } from './groups.ts'
import { reshapePass } from './reshape.ts'

export class TransformProcessor implements Component, Consumer {
  readonly #worker: RuleWorker
  readonly #passes: ReadonlyMap<Signal, readonly Pass[]>

  constructor(context: CreateContext<TransformConfig>, next: Consumer) {
    const { id, config, ledger, memory, log } = context
    this.#worker = new RuleWorker({ id, ledger, memory, next, reason: 'aggregated' })
    this.#passes = new Map(SIGNALS.map(signal => [signal, passesOf(config, signal, log)]))
  }

  async start(): Promise<void> {}

  consume(batch: Batch): Outcome | Promise<Outcome> {
    return this.#worker.run(batch, this.#passes.get(batch.signal)!)
  }

  async stop(): Promise<void> {}
}

/** Groups that follow each other share a walk: what one changed the next one sees there. */
function passesOf(config: TransformConfig, signal: Signal, log: Logger): readonly Pass[] {
  const { groups, outbox } = compileGroups(config, signal)
  const passes: Pass[] = []
  let edits: EditPass[] = []
  const flush = (): void => {
    if (edits.length > 0) passes.push({ kind: 'edit', run: runAll(edits) })
    edits = []
  }
  for (const group of groups) {
    if (group.statements.length === 0) continue
    if (group.reshapes.includes(true)) {
      flush()
      passes.push({ kind: 'rewrite', run: reshapePass(group, outbox, log) })
    } else edits.push(editPass(group, log))
  }
  flush()
  return passes
}

function runAll(edits: readonly EditPass[]): EditPass {
  return editor => {
    for (const edit of edits) edit(editor)
  }
}

// hot: bench/flow/side-by-side.ts
function editPass(group: StatementGroup, log: Logger): EditPass {
  const { context, conditions, statements, errorMode } = group
  const options = sequenceOptions(errorMode, log)
  return editor =>
    editor.each(context, scope => {
      if (conditions.length > 0 && !testSequence(conditions, 'or', scope, options)) return
      runSequence(statements, scope, options)
    })
}
