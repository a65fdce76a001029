/** Which endpoint each strategy chooses when all are well. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RequestContext } from '../../../../src/core/batch.ts'
import { settle } from '../../../../src/testing/fakes.ts'
import { type PoolKit, SENT, sendMany, startPool } from './kit.ts'

/** Repeats numbers between 0 and 1 that look random (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Names of the endpoints that get them, in order. */
async function orderOf(kit: PoolKit, n: number): Promise<string> {
  let order = ''
  for (let i = 0; i < n; i++) {
    const before = kit.counts()
    await kit.send()
    const after = kit.counts()
    order += Object.keys(after).find(name => after[name] > before[name])![0]
  }
  return order
}

function contextOf(peer: string, metadata: Record<string, string[]> = {}): RequestContext {
  return { peer, metadata: new Map(Object.entries(metadata)) }
}

test('round_robin gives every endpoint its turn', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'])

  await sendMany(kit, 30)

  assert.deepEqual(kit.counts(), { 'a:1': 10, 'b:1': 10, 'c:1': 10 })
})

test('weighted turns are in proportion and spread out', async () => {
  const endpoints = [{ endpoint: 'a:1', weight: 5 }, 'b:1', 'c:1']
  const kit = await startPool(endpoints, { strategy: 'weighted' })

  assert.equal(await orderOf(kit, 14), 'aabacaaaabacaa')
})

test('least_requests of two prefers the one with less in flight for its weight', async () => {
  const kit = await startPool([{ endpoint: 'a:1', weight: 3 }, 'b:1'], {
    strategy: 'least_requests',
  })
  for (const endpoint of kit.made) endpoint.reply = null

  for (let i = 0; i < 8; i++) void kit.send()
  await settle()

  assert.deepEqual(kit.counts(), { 'a:1': 6, 'b:1': 2 })
})

test('least_requests keeps away from an endpoint that is slow, whichever two are compared', async () => {
  const kit = await startPool(
    ['a:1', 'b:1', 'c:1'],
    { strategy: 'least_requests' },
    { random: seeded(7) },
  )
  kit.at('a:1').reply = null

  for (let i = 0; i < 90; i++) {
    void kit.send()
    await settle()
  }

  assert.ok(kit.at('a:1').requests <= 3, `${kit.at('a:1').requests} requests`)
})

test('latency prefers who answers fast, and comes back to who was slow once', async () => {
  const kit = await startPool(['a:1', 'b:1'], { strategy: 'latency' })
  const { clock } = kit.services
  const answerAfter = async (ms: number): Promise<void> => {
    const sent = kit.send()
    await clock.advance(ms)
    for (const { open } of kit.made) for (const { answer } of [...open]) answer(SENT)
    await sent
  }
  for (const endpoint of kit.made) endpoint.reply = null
  let slow = kit.at('a:1')
  for (let i = 0; slow.requests === 0; i++) {
    assert.ok(i < 4)
    await answerAfter(300)
  }
  slow = kit.at('a:1')
  const before = slow.requests
  for (let i = 0; i < 20; i++) {
    const sent = kit.send()
    await clock.advance(slow.open.length > 0 ? 300 : 5)
    for (const { open } of kit.made) for (const { answer } of [...open]) answer(SENT)
    await sent
  }
  const whileSlow = slow.requests - before
  await clock.advance(120_000)
  for (let i = 0; i < 20; i++) await answerAfter(5)

  assert.ok(whileSlow <= 2, `${whileSlow} requests while slow`)
  assert.ok(slow.requests - before - whileSlow >= 5, 'it is used again')
})

test('latency does not run to an endpoint that fails fast', async () => {
  const kit = await startPool(['a:1', 'b:1'], {
    strategy: 'latency',
    max_tries: 1,
    circuit_breaker: { enabled: false },
  })
  const { clock } = kit.services
  kit.at('a:1').reply = () => ({ kind: 'retry', message: 'refused' })
  kit.at('b:1').reply = null

  for (let i = 0; i < 30; i++) {
    const sent = kit.send()
    await clock.advance(20)
    for (const { answer } of [...kit.at('b:1').open]) answer(SENT)
    await sent
  }

  assert.ok(kit.at('a:1').requests <= 3, `${kit.at('a:1').requests} requests`)
})

test('ip_hash sends one host to one endpoint, whatever its ports are', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'], { strategy: 'ip_hash' })

  for (let port = 1; port < 20; port++) {
    await kit.send(kit.batch({ context: contextOf(`10.1.2.3:${port}`) }))
  }

  assert.deepEqual(Object.values(kit.counts()).sort(), [0, 0, 19])
})

test('consistent_hash on metadata keeps a value together and goes by tenant without one', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'], {
    strategy: 'consistent_hash',
    hash_on: 'metadata',
    hash_metadata_key: 'X-Shard',
  })
  const placeOf = async (metadata: Record<string, string[]>, tenant: string): Promise<string> => {
    const before = kit.counts()
    await kit.send(kit.batch({ tenant, context: contextOf('', metadata) }))
    const after = kit.counts()
    return Object.keys(after).find(name => after[name] > before[name])!
  }

  const shards = Array.from({ length: 40 }, (_, i) => ({ 'x-shard': [`s${i}`] }))
  const first: string[] = []
  const second: string[] = []
  for (const shard of shards) first.push(await placeOf(shard, 't1'))
  for (const shard of shards) second.push(await placeOf(shard, 't2'))
  const ofTenant = new Set<string>()
  for (let i = 0; i < 5; i++) ofTenant.add(await placeOf({}, 't1'))

  assert.deepEqual(second, first)
  assert.equal(new Set(first).size, 3)
  assert.equal(ofTenant.size, 1)
})

test('consistent_hash on tenant sends a tenant elsewhere only while its endpoint is out', async () => {
  const kit = await startPool(['a:1', 'b:1', 'c:1'], { strategy: 'consistent_hash' })
  const tenants = Array.from({ length: 60 }, (_, i) => `t${i}`)
  const placeOf = async (tenant: string): Promise<string> => {
    const before = kit.counts()
    await kit.send(kit.batch({ tenant }))
    const after = kit.counts()
    return Object.keys(after).findLast(name => after[name] > before[name])!
  }
  const before = new Map<string, string>()
  for (const tenant of tenants) before.set(tenant, await placeOf(tenant))

  kit.at('a:1').reply = () => ({ kind: 'retry', message: 'down' })
  for (let i = 0; i < 5; i++) {
    for (const tenant of tenants)
      if (before.get(tenant) === 'a:1') await kit.send(kit.batch({ tenant }))
  }
  const moved: string[] = []
  for (const tenant of tenants)
    if ((await placeOf(tenant)) !== before.get(tenant)) moved.push(tenant)

  assert.deepEqual(
    moved,
    tenants.filter(tenant => before.get(tenant) === 'a:1'),
  )
  assert.ok(moved.length > 5)
})
