/** `tail-sampling/cases`: the tail sampler's own policy tests as data: what a policy says about a trace, or about one after another. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { NO_CONTEXT } from '../../../src/core/batch.ts'
import { SILENT_LOGGER } from '../../../src/core/logger.ts'
import { Payload } from '../../../src/core/payload.ts'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { Arrival } from '../../../src/processors/tail-sampling/arrival.ts'
import type { Policy } from '../../../src/processors/tail-sampling/decision.ts'
import { PolicyBuilder } from '../../../src/processors/tail-sampling/policies/build.ts'
import { Composite } from '../../../src/processors/tail-sampling/policies/combined.ts'
import { policySchema } from '../../../src/processors/tail-sampling/policy-config.ts'
import { gather } from '../../harness/tail-facts.ts'
import { judge, type Suite } from '../suite.ts'

interface TraceOfCase {
  readonly otlp?: object
  readonly spanCount?: number
}

interface Expected {
  readonly decision?: string
  readonly error?: unknown
}

interface TailCase {
  readonly id: string
  readonly kind: 'single' | 'sequence'
  readonly policy: Readonly<Record<string, unknown>>
  readonly traceId?: string
  readonly trace?: TraceOfCase
  readonly expect?: Expected
  readonly steps?: readonly Step[]
}

interface Step {
  readonly clockSecond?: number
  readonly traceId?: string
  readonly spanCount?: number
  readonly trace: TraceOfCase
  readonly decision: string
}

const NAMES = ['', 'Sampled', 'NotSampled', 'Dropped', 'Error', 'InvertSampled', 'InvertNotSampled']
const SECOND = 1000

export const tailSampling: Suite = {
  name: 'tail-sampling/cases',
  path: 'tail-sampling/cases.json',
  async *run(path) {
    const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: TailCase[] }
    for (const each of cases) yield await judge(each.id, () => check(each))
  },
}

function check(each: TailCase): void {
  const { ask } = prepare(each.policy)
  if (each.kind === 'single') {
    const decision = ask(each.traceId, each.trace ?? {}, each.trace?.spanCount, 0)
    assert.equal(decision, each.expect?.decision)
    return
  }
  for (const [i, step] of (each.steps ?? []).entries()) {
    const { traceId, trace, spanCount, clockSecond = 0 } = step
    const decision = ask(traceId, trace, spanCount ?? trace.spanCount, clockSecond * SECOND)
    assert.equal(decision, step.decision, `step ${i}`)
  }
}

/** The cases are of version 0.112. */
function prepare(config: TailCase['policy']) {
  const builder = new PolicyBuilder({ semantics: 'v0.112', readsState: false, asksPieces: false })
  const policy = buildPolicy(builder, config)
  const arrival = new Arrival(builder.conditions, SILENT_LOGGER)
  return {
    ask(traceId = '', trace: TraceOfCase, spanCount: number | undefined, nowMs: number): string {
      const bytes = decodeJson('traces', Buffer.from(JSON.stringify(trace.otlp ?? {})))
      assert.ok(bytes instanceof Uint8Array)
      const index = indexRequest('traces', bytes)
      assert.ok(!isWireFault(index))
      const payload = new Payload(bytes)
      const part = { payload, index, selection: null, edits: null, items: index.items }
      arrival.scan(part, NO_CONTEXT)
      const facts = gather(part, arrival, builder.conditions)
      const id = new Uint8Array(Buffer.from(traceId, 'hex'))
      return NAMES[policy.decide({ ...facts, traceId: id, spans: spanCount ?? facts.spans, nowMs })]
    },
  }
}

/** The reference's tests say rates in spans a second where a configuration has a share, and leave out names. */
function buildPolicy(builder: PolicyBuilder, config: TailCase['policy']): Policy {
  if (config.type !== 'composite') return builder.build(parsePolicy(config), [])
  const { max_total_spans_per_second: most, composite_sub_policy: members } =
    config.composite as CompositeOfCase
  const rated = members.map(({ allocated_spans_per_second: spansPerSecond, ...member }) => ({
    policy: builder.build(parsePolicy(member), []),
    spansPerSecond,
  }))
  return new Composite(rated, most)
}

interface CompositeOfCase {
  readonly max_total_spans_per_second: number
  readonly composite_sub_policy: readonly {
    readonly allocated_spans_per_second: number
    readonly [key: string]: unknown
  }[]
}

function parsePolicy(config: TailCase['policy']) {
  return policySchema.parse({ name: 'policy', ...config })
}
