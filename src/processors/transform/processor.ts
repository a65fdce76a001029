/** Runs statements on spans, events, metrics, data points, log records, and on the resources and scopes around them. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Logger } from '../../core/logger.ts'
import type { Outcome } from '../../core/outcome.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import { compileQuick, type QuickGroup } from '../../rules/apply/quick-statements.ts'
import {
  type EditPass,
  type Pass,
  RuleWorker,
  sequenceOptions,
} from '../../rules/apply/rule-worker.ts'
import type { ContextName } from '../../rules/context.ts'
import type { QuickProgram } from '../../rules/contexts/quick-edits.ts'
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
  let together: StatementGroup[] = []
  const flush = (): void => {
    if (together.length > 0) passes.push({ kind: 'edit', run: runAll(editPasses(together, log)) })
    together = []
  }
  for (const group of groups) {
    if (group.statements.length === 0) continue
    if (group.reshapes.includes(true)) {
      flush()
      passes.push({ kind: 'rewrite', run: reshapePass(group, outbox, log) })
    } else together.push(group)
  }
  flush()
  return passes
}

function runAll(edits: readonly EditPass[]): EditPass {
  return editor => {
    for (const edit of edits) edit(editor)
  }
}

/** Neighbours in one context that are done quickly share a program: each statement sees only the item that it stands on. */
function editPasses(groups: readonly StatementGroup[], log: Logger): EditPass[] {
  const passes: EditPass[] = []
  for (let i = 0; i < groups.length; ) {
    const { context } = groups[i]
    let end = i + 1
    let program = compileQuick([textsOf(groups[i])], context)
    while (program !== null && end < groups.length && groups[end].context === context) {
      const joined = compileQuick(groups.slice(i, end + 1).map(textsOf), context)
      if (joined === null) break
      program = joined
      end++
    }
    passes.push(editPass(groups.slice(i, end), context, program, log))
    i = end
  }
  return passes
}

function textsOf({ statements, conditions }: StatementGroup): QuickGroup {
  return {
    statements: statements.map(({ text }) => text),
    conditions: conditions.map(({ text }) => text),
  }
}

// hot: bench/flow/side-by-side.ts
function editPass(
  groups: readonly StatementGroup[],
  context: ContextName,
  program: QuickProgram | null,
  log: Logger,
): EditPass {
  const runs = groups.map(({ conditions, statements, errorMode }) => {
    const options = sequenceOptions(errorMode, log)
    return (scope: unknown): void => {
      if (conditions.length > 0 && !testSequence(conditions, 'or', scope, options)) return
      runSequence(statements, scope, options)
    }
  })
  const [first] = runs
  const all = (scope: unknown): void => {
    for (const run of runs) run(scope)
  }
  const visit = runs.length === 1 ? first : all
  if (program === null) return editor => editor.each(context, visit)
  return editor => editor.eachQuick(context, program, visit)
}
