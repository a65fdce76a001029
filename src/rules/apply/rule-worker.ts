/**
 * What all components do that work on batches by expressions: part by part through the editor, hand on what is left, and
 * book what went or came on purpose.
 */
import type { Batch, Part, RequestContext } from '../../core/batch.ts'
import type { Consumer } from '../../core/component.ts'
import { handOn } from '../../core/hand-on.ts'
import type { Ledger } from '../../core/ledger.ts'
import type { Logger } from '../../core/logger.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import { busy, type Outcome, refused } from '../../core/outcome.ts'
import { Payload } from '../../core/payload.ts'
import type { Signal } from '../../core/signal.ts'
import { BufferPool } from '../../util/buffer-pool.ts'
import { materialise } from '../contexts/materialise.ts'
import { PartEditor } from '../contexts/part-editor.ts'
import type { ErrorMode, SequenceOptions } from '../sequence.ts'
import { EvaluationError } from '../value.ts'

/** Changes and drops through the editor. Throws EvaluationError where an error is to stop the batch. */
export type EditPass = (editor: PartEditor) => void

/** One walk over a part; what it changed is laid out before the next one begins. */
export type Pass =
  | { readonly kind: 'edit'; readonly run: EditPass }
  /** Makes another part, with a payload of its own, out of one without edits and selection; or gives it back. */
  | { readonly kind: 'rewrite'; readonly run: (part: Part, request: RequestContext) => Part }

export interface WorkerOptions {
  readonly id: string
  readonly ledger: Ledger
  readonly memory: MemoryBudget
  readonly next: Consumer
  /** Why items go, in the ledger. */
  readonly reason: string
}

/** What changed messages stand in until they are sent; what is larger than a chunk of an arena is not kept. */
const MAX_POOL_BYTES = 16 << 20
const pool = new BufferPool(MAX_POOL_BYTES, 65_536)

/** Bytes of changes; see `overdraft`. */
const OVERDRAFT = 131_072

/** The budget has no room for what was changed. */
class NoRoom extends Error {}

export class RuleWorker {
  readonly #options: WorkerOptions
  readonly #editors = new Map<Signal, PartEditor>()

  constructor(options: WorkerOptions) {
    this.#options = options
  }

  /** `onFewer` hears of items that went, once that is final. */
  run(
    batch: Batch,
    passes: readonly Pass[],
    onFewer?: (items: number) => void,
  ): Outcome | Promise<Outcome> {
    const { id, ledger, memory, next, reason } = this.#options
    if (passes.length === 0) return next.consume(batch)
    const parts = this.#workAll(batch, passes)
    if (parts instanceof NoRoom) return busy(memory.retryAfterMs())
    if (parts instanceof EvaluationError) {
      return refused(batch.items, 'rejected', `${id}: ${parts.message}`)
    }
    if (parts.every((part, i) => part === batch.parts[i])) return next.consume(batch)
    const fewer = batch.items - parts.reduce((sum, part) => sum + part.items, 0)
    return handOn(batch, parts, next, () => {
      const { tenant, signal } = batch
      if (fewer > 0) {
        onFewer?.(fewer)
        ledger.dropped(tenant, signal, fewer, { stage: id, reason, intentional: true })
      } else if (fewer < 0) ledger.copied(tenant, signal, -fewer)
    })
  }

  #workAll(batch: Batch, passes: readonly Pass[]): readonly Part[] | EvaluationError | NoRoom {
    const editor = this.#editorOf(batch.signal)
    const { memory } = this.#options
    const parts: Part[] = []
    try {
      for (const part of batch.parts) parts.push(work(part, batch.context, passes, editor, memory))
      return parts
    } catch (error) {
      editor.close()
      for (const [i, part] of parts.entries()) releaseIfOwn(part, batch.parts[i])
      if (error instanceof EvaluationError || error instanceof NoRoom) return error
      throw error
    }
  }

  #editorOf(signal: Signal): PartEditor {
    let editor = this.#editors.get(signal)
    if (editor === undefined) this.#editors.set(signal, (editor = new PartEditor(signal, pool)))
    return editor
  }
}

/** The given part when no pass changed anything. */
function work(
  given: Part,
  request: RequestContext,
  passes: readonly Pass[],
  editor: PartEditor,
  memory: MemoryBudget,
): Part {
  let part = materialise(given)
  const start = part
  try {
    for (const pass of passes) {
      const next =
        pass.kind === 'edit'
          ? edited(part, request, pass.run, editor, memory)
          : rewritten(part, request, pass.run)
      if (next.payload !== part.payload) releaseIfOwn(part, given)
      part = next
    }
  } catch (error) {
    releaseIfOwn(part, given)
    throw error
  }
  if (part !== start) return part
  releaseIfOwn(part, given)
  return given
}

function edited(
  part: Part,
  request: RequestContext,
  run: EditPass,
  editor: PartEditor,
  memory: MemoryBudget,
): Part {
  const whole = materialise(part)
  editor.open(whole, request)
  run(editor)
  const { selection, edits, items, chunks } = editor.finish()
  if (selection === whole.selection && edits === null) return whole
  const next = { ...whole, selection, edits, items }
  if (chunks.length === 0) return next
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const isReserved = memory.tryReserve(size)
  if (!isReserved && size > overdraft(whole)) {
    for (const chunk of chunks) pool.give(chunk)
    releaseIfOwn(whole, part)
    throw new NoRoom()
  }
  if (whole.payload === part.payload) whole.payload.retain()
  return {
    ...next,
    payload: payloadWith(whole.payload, chunks, () => isReserved && memory.free(size)),
  }
}

/**
 * What changes may take without room in the budget: what fills it may be the very batches that wait for their changes,
 * and they must get away. Only what grows out of proportion waits.
 */
function overdraft({ payload }: Part): number {
  return OVERDRAFT + 2 * payload.bytes.length
}

/** The same bytes; takes over one owner of the payload, and gives the chunks back with it. */
function payloadWith(
  payload: Payload,
  chunks: readonly Uint8Array[],
  onFree: () => unknown,
): Payload {
  return new Payload(payload.bytes, {
    onFree: (_, reusable) => {
      for (const chunk of chunks) pool.give(chunk)
      onFree()
      if (!reusable) payload.taint()
      payload.release()
    },
  })
}

function rewritten(
  part: Part,
  request: RequestContext,
  run: (part: Part, request: RequestContext) => Part,
): Part {
  const whole = materialise(part)
  const next = run(whole, request)
  if (next !== whole && whole.payload !== part.payload) whole.payload.release()
  return next
}

function releaseIfOwn(part: Part, given: Part): void {
  if (part.payload !== given.payload) part.payload.release()
}

/** For sequences of conditions and statements: failed ones are logged, as rarely as the log allows. */
export function sequenceOptions(errorMode: ErrorMode, log: Logger): SequenceOptions {
  return {
    errorMode,
    onError: error => log.warn('expression_failed', { error: error.message }),
  }
}
