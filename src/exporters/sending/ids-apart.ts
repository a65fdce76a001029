/**
 * For destinations that know spans by their ids alone: those without a valid trace or span id are sent apart, so that
 * they end by themselves, with their own reason and in the dead letters, and not with the others of their batch.
 */
import type { Batch, Part } from '../../core/batch.ts'
import type { Host } from '../../core/component.ts'
import { ROW, START } from '../../otlp/request-index.ts'
import { TracesView } from '../../otlp/traces-view.ts'
import type { Abort } from '../../util/abort.ts'
import type { PieceSender } from './pieces.ts'
import { cutByOwner } from './pool/by-trace.ts'
import type { EncodedBatch, Progress, Sender, SendResult } from './sender.ts'

/** What becomes of a request that has nothing else in it. */
export const NO_IDS: SendResult = Object.freeze({
  kind: 'drop',
  reason: 'invalid_ids',
  message: 'spans without a valid trace id or span id',
})

const NO_TRACE = '0'.repeat(32)
const NO_SPAN = '0'.repeat(16)

/** How spans usually begin: the trace id as field 1, the span id as field 2. */
const TRACE_TAG = (1 << 3) | 2
const TRACE_BYTES = 16
const SPAN_TAG = (2 << 3) | 2
const SPAN_BYTES = 8
const SPAN_AT = 2 + TRACE_BYTES

export class IdsApart implements Sender {
  readonly #sender: Sender
  readonly #pieces: Pick<PieceSender, 'progress'>

  /** `pieces` is what the sender sends with, whichever endpoint it chooses. */
  constructor(sender: Sender, pieces: Pick<PieceSender, 'progress'>) {
    this.#sender = sender
    this.#pieces = pieces
  }

  start(host: Host): Promise<void> {
    return this.#sender.start(host)
  }

  send(encoded: EncodedBatch, abort: Abort): Promise<SendResult> {
    return this.#sender.send(encoded, abort)
  }

  stop(): Promise<void> {
    return this.#sender.stop()
  }

  hurry(): void {
    this.#sender.hurry?.()
  }

  progress(batch: Batch): Progress | null {
    return this.#pieces.progress(batch)
  }

  cut(batch: Batch): readonly Batch[] | null {
    const pieces = cutByOwner(batch, hasIds)
    if (pieces === null) return this.#sender.cut?.(batch) ?? null
    return pieces.flatMap(piece => this.#sender.cut?.(piece) ?? [piece])
  }
}

/** As the bytes came; what edits make of ids is found when the span is translated. */
function hasIds({ payload: { bytes }, index }: Part, item: number): boolean {
  const start = index.levels[2][item * ROW + START]
  const isUsual =
    bytes[start] === TRACE_TAG &&
    bytes[start + 1] === TRACE_BYTES &&
    bytes[start + SPAN_AT] === SPAN_TAG &&
    bytes[start + SPAN_AT + 1] === SPAN_BYTES
  // The first bytes of ids are hardly ever zero.
  if (isUsual && bytes[start + 2] !== 0 && bytes[start + SPAN_AT + 2] !== 0) return true
  view.reset(bytes, index)
  const { traceId, spanId } = view.moveTo(item)
  return (
    traceId.length === NO_TRACE.length &&
    traceId !== NO_TRACE &&
    spanId.length === NO_SPAN.length &&
    spanId !== NO_SPAN
  )
}

const view = new TracesView()
