/** Whatever backends do and whoever comes and goes: every span arrives once or is in the book as dropped, and bytes are let go. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assertBalanced, settle } from '../../../src/testing/fakes.ts'
import type { TestBatch } from '../batch-of.ts'
import { FakeStorage } from '../sending/fake-storage.ts'
import { DOWN, type FakeBackend, type Kit, range, SENT, startBalancing } from './kit.ts'

const ADDRESSES = ['a:1', 'b:1', 'c:1', 'd:1']
const NO_QUEUE = { sending_queue: { enabled: false }, retry_on_failure: { enabled: false } }
const SMALL = { sending_queue: { queue_size: 2, num_consumers: 1 } }
const REROUTE = { enabled: true, consecutive_failures: 2, open_interval: '3s' }
const RETRY = { initial_interval: '1s', max_elapsed_time: '0s' }

const SETUPS: Readonly<Record<string, readonly [section: object, otlp: object]>> = {
  plain: [{}, {}],
  small: [{ timeout: '1s' }, SMALL],
  reroute: [{ reroute: REROUTE, drain_timeout: '2s' }, {}],
  'small with reroute': [{ reroute: REROUTE, timeout: '1s' }, SMALL],
  'without queues': [{ timeout: '2s' }, NO_QUEUE],
  'queue in front': [{ sending_queue: { queue_size: 5 }, retry_on_failure: RETRY }, SMALL],
  'retries in front': [{ retry_on_failure: RETRY, reroute: REROUTE }, NO_QUEUE],
  stored: [{ sending_queue: { storage: 'disk' }, retry_on_failure: RETRY }, {}],
}

type Step =
  | { readonly do: 'send'; readonly first: number; readonly spans: number }
  | { readonly do: 'members'; readonly mask: number }
  | { readonly do: 'behave'; readonly who: number; readonly how: number }
  | { readonly do: 'wait'; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      first: fc.nat(50),
      spans: fc.integer({ min: 1, max: 12 }),
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ do: fc.constant('members' as const), mask: fc.nat(15) }), weight: 1 },
  {
    arbitrary: fc.record({ do: fc.constant('behave' as const), who: fc.nat(3), how: fc.nat(3) }),
    weight: 2,
  },
  { arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(4000) }), weight: 2 },
)

/** The breaker of a backend that is down holds the last attempt when everything ends, out of time. */
const HELD_TO_THE_END: [Step[], boolean] = [
  [
    { do: 'behave', who: 0, how: 1 },
    ...Array.from({ length: 3 }, (): Step => ({ do: 'send', first: 0, spans: 2 })),
    { do: 'wait', ms: 1500 },
  ],
  false,
]

const MANNERS: readonly FakeBackend['reply'][] = [
  () => SENT,
  () => DOWN,
  () => ({ kind: 'drop', reason: 'permission_denied', message: 'no' }),
  () => ({ kind: 'retry', message: 'slow down', afterMs: 700 }),
]

for (const [name, [section, otlp]] of Object.entries(SETUPS)) {
  test(`the book closes: ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.boolean(), async (steps, inTime) => {
        const extensions = new Map([['disk', new FakeStorage()]])
        const kit = await startBalancing(ADDRESSES.slice(0, 2), { ...section }, otlp, {
          extensions,
        })
        const manners = new Map<string, FakeBackend['reply']>()
        const sent: TestBatch[] = []
        const answers: Promise<void>[] = []
        for (const each of steps) await run(kit, each, manners, sent, answers)

        await finish(kit, inTime)
        await Promise.all(answers)

        check(kit, sent)
      }),
      { numRuns: 25, examples: [HELD_TO_THE_END] },
    )
  })
}

async function run(
  kit: Kit,
  each: Step,
  manners: Map<string, FakeBackend['reply']>,
  sent: TestBatch[],
  answers: Promise<void>[],
): Promise<void> {
  if (each.do === 'wait') await kit.advance(each.ms)
  else if (each.do === 'members') {
    await kit.resolve(...ADDRESSES.filter((_, i) => (each.mask & (1 << i)) !== 0))
  } else if (each.do === 'behave') manners.set(ADDRESSES[each.who], MANNERS[each.how])
  else {
    const request = kit.request(range(each.spans, each.first))
    sent.push(request)
    answers.push(hand(kit, request))
    await settle()
  }
  // Also those that have just come.
  for (const [address, backend] of kit.backends)
    backend.reply = manners.get(address) ?? (() => SENT)
}

/** As a receiver: what is not taken is not accepted. */
async function hand({ exporter, services }: Kit, { batch }: TestBatch): Promise<void> {
  const outcome = await exporter.consume(batch)
  if (outcome.kind === 'accepted') return
  const items = outcome.kind === 'refused' ? outcome.items : batch.items
  services.ledger.unaccepted(batch.tenant, batch.signal, items, outcome.kind)
  if (items === batch.items) batch.release()
}

async function finish(kit: Kit, inTime: boolean): Promise<void> {
  for (const backend of kit.backends.values()) backend.reply = () => SENT
  await kit.resolve(...ADDRESSES)
  const deadline = new AbortController()
  if (inTime) await kit.advance(120_000)
  const stopped = kit.exporter.stop(deadline.signal)
  await kit.advance(inTime ? 10_000 : 0)
  deadline.abort()
  await kit.advance(1000)
  await stopped
}

function check(kit: Kit, sent: readonly TestBatch[]): void {
  const { ledger, memory } = kit.services
  assertBalanced(ledger)
  const [row] = ledger.rows()
  if (row !== undefined) assert.equal(kit.spans(), row.sent)
  for (const { freed } of sent) assert.ok(freed(), 'bytes are still held')
  assert.equal(memory.reservedBytes, 0)
}
