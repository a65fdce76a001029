/** A tail sampler with everything around it, and traces to send it. */
import assert from 'node:assert/strict'
import type { Batch } from '../../../src/core/batch.ts'
import { config as spec } from '../../../src/processors/tail-sampling/config.ts'
import { TailSamplingProcessor } from '../../../src/processors/tail-sampling/processor.ts'
import { assertBalanced, CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { batchOfJson, jsonOf, tracesOf } from '../request-batch.ts'

export interface TestSpan {
  /** Number of its trace. */
  readonly trace: number
  readonly parent?: string
  readonly error?: boolean
  readonly startMs?: number
  readonly endMs?: number
  readonly attributes?: readonly object[]
  readonly traceState?: string
  readonly flags?: number
  readonly events?: readonly object[]
}

let spans = 0

export function traceId(trace: number): string {
  return trace.toString(16).padStart(32, 'a')
}

export function spanOf({ trace, parent, error, startMs = 0, endMs, ...rest }: TestSpan): object {
  return {
    traceId: traceId(trace),
    spanId: (++spans).toString(16).padStart(16, '0'),
    parentSpanId: parent ?? '',
    name: 'span',
    startTimeUnixNano: `${1_700_000_000_000 + startMs}000000`,
    endTimeUnixNano: `${1_700_000_000_000 + (endMs ?? startMs)}000000`,
    status: error === true ? { code: 2 } : {},
    ...rest,
  }
}

export const CHILD = 'bbbbbbbbbbbbbbbb'

export async function startTailSampling(section: object) {
  const services = fakeServices()
  const next = new CollectingConsumer()
  const id = 'tail_sampling'
  const context = { ...services, id, config: spec.schema.parse(section), signals: ['traces'] }
  const processor = new TailSamplingProcessor(context as never, next)
  await processor.start()
  return {
    ...services,
    next,
    processor,
    /** Sends spans of one resource, or of several with `resources`. */
    send(...list: readonly TestSpan[]) {
      return this.sendBatch(batchOfJson('traces', tracesOf(...list.map(spanOf))))
    },
    sendBatch(batch: Batch) {
      const { items } = batch
      const outcome = processor.consume(batch)
      if (outcome.kind === 'accepted') services.ledger.accepted('default', 'traces', items)
      return outcome
    },
    /** Numbers of the traces whose spans came out, once for each span, in order. */
    kept(): number[] {
      return next.batches
        .flatMap(batch => idsOf(batch))
        .map(id => Number.parseInt(id.replace(/^a+/, ''), 16))
        .sort((a, b) => a - b)
    },
    async finish() {
      await processor.stop(AbortSignal.timeout(1000))
      services.ledger.sent('default', 'traces', next.items)
      assertBalanced(services.ledger)
      next.releaseAll()
      assert.equal(services.memory.reservedBytes, 0, 'memory is still reserved')
      assert.equal(services.clock.pending, 0, 'timers still wait')
    },
  }
}

function idsOf(batch: Batch): string[] {
  const { resourceSpans = [] } = jsonOf(batch)
  return resourceSpans.flatMap((resource: { scopeSpans: { spans: { traceId: string }[] }[] }) =>
    resource.scopeSpans.flatMap(scope => scope.spans.map(span => span.traceId)),
  )
}
