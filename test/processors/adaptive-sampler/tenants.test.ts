/** Budgets that the book of tenants gives, and takes back while the sampler runs. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { startBook } from '../../tenancy/kit.ts'
import { shopTrace, startSampler } from './kit.ts'

const TRACES = 3000

/** Sends traces of both in turn over some seconds; how many of each came through. */
async function send(
  sampler: Awaited<ReturnType<typeof startSampler>>,
  tenants: readonly string[],
  from: number,
): Promise<number[]> {
  const first = sampler.next.batches.length
  for (let n = 0; n < TRACES; n++) {
    for (const [at, tenant] of tenants.entries()) {
      sampler.send(shopTrace(from + n * tenants.length + at), tenant)
    }
    if (n % 300 === 299) await sampler.clock.advance(1000)
  }
  await sampler.decide()
  const batches = sampler.next.batches.slice(first)
  return tenants.map(tenant =>
    batches.filter(each => each.tenant === tenant).reduce((sum, each) => sum + each.items / 3, 0),
  )
}

/**
 * The fingerprints of dropped ids take a new one for known once in some 200,000 questions when they are as few as here
 * (once in 8,000 when the table is full): its trace goes as one that came late.
 */
function assertAll(kept: number): void {
  assert.ok(kept === TRACES || kept === TRACES - 1, `${kept} of ${TRACES}`)
}

test('keeps of each tenant what its entry says, and after a reload what it says then', async t => {
  const { book, use } = startBook({ tenants: { gold: { sampling: { ratio: 1 } } } })
  const sampler = await startSampler(t, { budget: { ratio: 0.05, burst_credit: 0 } }, book)

  const [gold, plain] = await send(sampler, ['gold', 'plain'], 0)
  use({ tenants: { plain: { sampling: { ratio: 1 } } } })
  const [goldThen, plainThen] = await send(sampler, ['gold', 'plain'], 2 * TRACES)

  assertAll(gold)
  assert.ok(plain > 0 && plain < 0.15 * TRACES, `${plain} of ${TRACES}`)
  assert.ok(goldThen < 0.15 * TRACES, `${goldThen} of ${TRACES}`)
  assertAll(plainThen)
  await sampler.finish()
})

test('lets no more through in a second than the entry of a tenant allows, and holds up no other', async t => {
  const { book } = startBook({ tenants: { small: { sampling: { spans_per_second: 30 } } } })
  const sampler = await startSampler(t, { budget: { ratio: 1 } }, book)

  const [small, other] = await send(sampler, ['small', 'other'], 0)

  // Ten a second for 14 seconds.
  assert.ok(small >= 60 && small <= 150, String(small))
  assert.equal(other, TRACES)
  await sampler.finish()
})
