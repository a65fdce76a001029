/** Endpoints that are addresses of names: they come and go as the look-ups say. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeHost, settle } from '../../../../src/testing/fakes.ts'
import { createPool, type PoolKit, SENT, sendMany, startPool } from './kit.ts'

/** Answers of a name server that a test changes. */
class Names {
  addresses: Record<string, readonly string[] | Error> = {}
  lookups = 0

  lookup = async (host: string): Promise<readonly string[]> => {
    this.lookups++
    const found = this.addresses[host] ?? new Error('no such name')
    if (found instanceof Error) throw found
    return found
  }
}

const RESOLVE = { resolve: { interval: '30s', timeout: '5s' } }

function running(kit: PoolKit): string[] {
  return kit.made
    .filter(({ isStarted, isStopped }) => isStarted && !isStopped)
    .map(({ place }) => place.address ?? place.endpoint)
    .sort()
}

test('every address of a name is an endpoint, and others are used as they are written', async () => {
  const names = new Names()
  names.addresses = { gateways: ['10.0.0.2', '10.0.0.1'] }
  const endpoints = ['gateways:4317', '192.0.2.7:4317', 'unix:///run/otlp']
  const kit = await startPool(endpoints, RESOLVE, names)

  await sendMany(kit, 8)

  assert.deepEqual(kit.counts(), {
    'gateways:4317 (10.0.0.1)': 2,
    'gateways:4317 (10.0.0.2)': 2,
    '192.0.2.7:4317': 2,
    'unix:///run/otlp': 2,
  })
  assert.equal(names.lookups, 1)
})

test('without resolve no name is looked up by the pool', async () => {
  const names = new Names()
  const kit = await startPool(['gateways:4317'], {}, names)
  await kit.services.clock.advance(300_000)

  assert.deepEqual([names.lookups, running(kit)], [0, ['gateways:4317']])
})

test('addresses that come are used after the next look-up, those that go get nothing any more', async () => {
  const names = new Names()
  names.addresses = { gateways: ['10.0.0.1', '10.0.0.2'] }
  const kit = await startPool(['gateways:4317'], RESOLVE, names)

  names.addresses = { gateways: ['10.0.0.2', '10.0.0.3'] }
  await kit.services.clock.advance(30_000)
  await sendMany(kit, 8)

  assert.deepEqual(running(kit), ['10.0.0.2', '10.0.0.3'])
  assert.equal(kit.at('gateways:4317 (10.0.0.1)').requests, 0)
  assert.equal(kit.metric('in_flight', 'gateways:4317 (10.0.0.1)'), undefined)
})

test('an address that is gone finishes what it has before its connections are closed', async () => {
  const names = new Names()
  names.addresses = { gateways: ['10.0.0.1'] }
  const kit = await startPool(['gateways:4317'], RESOLVE, names)
  const old = kit.made[0]
  old.reply = null
  const sent = kit.send()
  await settle()

  names.addresses = { gateways: ['10.0.0.2'] }
  await kit.services.clock.advance(30_000)
  const whileBusy = old.isStopped
  old.open[0].answer(SENT)
  const result = await sent
  await settle()

  assert.equal(whileBusy, false)
  assert.deepEqual(result, SENT)
  assert.equal(old.isStopped, true)
})

test('a name that cannot be looked up keeps its addresses', async () => {
  const names = new Names()
  names.addresses = { gateways: ['10.0.0.1'] }
  const kit = await startPool(['gateways:4317'], RESOLVE, names)

  for (const answer of [new Error('SERVFAIL'), []]) {
    names.addresses = { gateways: answer }
    await kit.services.clock.advance(30_000)
    assert.deepEqual(running(kit), ['10.0.0.1'])
  }
})

test('a name that was never found is left to the sender, which looks it up itself', async () => {
  const names = new Names()
  const kit = await startPool(['gateways:4317'], RESOLVE, names)
  const before = running(kit)
  names.addresses = { gateways: ['10.0.0.1'] }
  await kit.services.clock.advance(30_000)

  assert.deepEqual([before, running(kit)], [['gateways:4317'], ['10.0.0.1']])
})

test('a look-up that never ends holds up the start for its timeout only', async () => {
  const kit = createPool(['gateways:4317'], RESOLVE, { lookup: () => new Promise(() => {}) })
  const started = kit.pool.start(fakeHost())
  await kit.services.clock.advance(5000)
  await started

  assert.deepEqual(running(kit), ['gateways:4317'])
})

test('an endpoint that cannot start later is left out and tried again at the next look-up', async () => {
  const names = new Names()
  names.addresses = { gateways: ['10.0.0.1'] }
  let isBroken = true
  const kit = await startPool(['gateways:4317'], RESOLVE, {
    lookup: names.lookup,
    prepare: endpoint => {
      if (endpoint.place.address !== '10.0.0.2' || !isBroken) return
      endpoint.startFault = new Error('too many open files')
    },
  })

  names.addresses = { gateways: ['10.0.0.1', '10.0.0.2'] }
  await kit.services.clock.advance(30_000)
  const first = running(kit)
  isBroken = false
  await kit.services.clock.advance(30_000)

  assert.deepEqual([first, running(kit)], [['10.0.0.1'], ['10.0.0.1', '10.0.0.2']])
})

test('a name with very many addresses fills the pool up to its bound', async () => {
  const names = new Names()
  const many = Array.from({ length: 200 }, (_, i) => `10.0.1.${i}`)
  names.addresses = { gateways: many }
  const kit = await startPool(['gateways:4317'], RESOLVE, names)

  assert.equal(running(kit).length, 64)
})

test('a look-up that ends after the pool has stopped opens nothing', async () => {
  const names = new Names()
  names.addresses = { gateways: ['10.0.0.1'] }
  let answer: (addresses: string[]) => void = () => {}
  let isSlow = false
  const lookup = (host: string): Promise<readonly string[]> =>
    isSlow ? new Promise(resolve => (answer = resolve)) : names.lookup(host)
  const kit = await startPool(['gateways:4317'], RESOLVE, { lookup })
  isSlow = true
  await kit.services.clock.advance(30_000)

  await kit.pool.stop()
  answer(['10.0.0.9'])
  await settle()

  assert.deepEqual(running(kit), [])
  assert.equal(kit.made.length, 1)
  assert.equal(kit.services.clock.pending, 0)
})
