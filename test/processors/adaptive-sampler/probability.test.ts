/** What the written thresholds are good for: counts stay right, samplers one behind the other agree, replicas agree. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { type KeptSpan, shopTrace, startSampler, type TestSpan, traceId } from './kit.ts'

/** How many traces a kept span stands for. */
function countOf({ traceState }: KeptSpan): number {
  return 1 / (1 - thresholdOf(traceState) / 2 ** 56)
}

function thresholdOf(traceState: string): number {
  const found = /ot=th:([0-9a-f]{1,14})/.exec(traceState)
  assert.ok(found !== null, `no threshold in ${JSON.stringify(traceState)}`)
  const [, digits] = found
  return Number.parseInt(digits.padEnd(14, '0'), 16)
}

function rootsOf(spans: readonly KeptSpan[]): readonly KeptSpan[] {
  return spans.filter(({ name }) => name === 'GET /cart')
}

async function run(
  t: TestContext,
  ratio: number,
  traces: Iterable<readonly TestSpan[]>,
): Promise<readonly KeptSpan[]> {
  const sampler = await startSampler(t, { budget: { ratio, burst_credit: 0.05 } })
  let n = 0
  for (const trace of traces) {
    sampler.send(trace)
    if (++n % 500 === 0) await sampler.clock.advance(1000)
  }
  await sampler.decide()
  const kept = sampler.kept()
  await sampler.finish()
  return kept
}

function* shop(count: number): Generator<TestSpan[]> {
  for (let n = 0; n < count; n++) {
    if (n % 100 === 7) yield shopTrace(n, { slow: 50_000 })
    else yield shopTrace(n, n % 20 === 3 ? { status: 2 } : {})
  }
}

test('weighted by 1 / p, kept traces count what was sent: all, failed ones, slow ones', async t => {
  const count = 20_000
  const roots = rootsOf(await run(t, 0.2, shop(count)))

  const numbers = new Map(Array.from({ length: count }, (_, n) => [traceId(n), n]))
  const estimate = (isMeant: (n: number) => boolean): number =>
    roots
      .filter(({ traceId: id }) => isMeant(numbers.get(id)!))
      .reduce((sum, root) => sum + countOf(root), 0)
  assert.ok(roots.length < count * 0.25, `${roots.length} kept`)
  for (const [isMeant, sent, tolerance] of [
    [() => true, count, 0.15],
    [(n: number) => n % 20 === 3, count / 20, 0.2],
    [(n: number) => n % 100 === 7, count / 100, 0.2],
    [(n: number) => n % 3 === 0, count / 3, 0.2],
  ] as const) {
    const error = Math.abs(estimate(isMeant) / sent - 1)
    assert.ok(error < tolerance, `${estimate(isMeant)} estimated, ${sent} sent`)
  }
})

test('of two samplers one behind the other, the second only raises thresholds, and counts stay right', async t => {
  const count = 12_000
  const first = rootsOf(await run(t, 0.5, shop(count)))
  const before = new Map(first.map(root => [root.traceId, thresholdOf(root.traceState)]))
  const again = [...shop(count)].filter(([root]) => before.has(root.trace))
  const states = new Map(first.map(root => [root.traceId, root.traceState]))
  const between = again.map(spans =>
    spans.map(span => ({ ...span, state: states.get(span.trace) })),
  )

  const second = rootsOf(await run(t, 0.4, between))

  assert.ok(second.length < first.length * 0.6)
  for (const { traceId: id, traceState } of second) {
    assert.ok(thresholdOf(traceState) >= before.get(id)!)
    assert.ok(BigInt(`0x${id.slice(18)}`) >= BigInt(thresholdOf(traceState)) - 16n)
  }
  const estimated = second.reduce((sum, root) => sum + countOf(root), 0)
  assert.ok(Math.abs(estimated / count - 1) < 0.15, `${estimated} estimated, ${count} sent`)
})

test('two replicas with the same traffic keep the same traces with the same thresholds', async t => {
  const [a, b] = [await run(t, 0.1, shop(6000)), await run(t, 0.1, shop(6000))]

  const statesOf = (spans: readonly KeptSpan[]) =>
    Object.fromEntries(rootsOf(spans).map(root => [root.traceId, root.traceState]))
  assert.deepEqual(statesOf(a), statesOf(b))
})
