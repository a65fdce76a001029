/** The DNS resolver: how addresses become backends, and what it makes of answers that do not come. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DnsResolver } from '../../../../src/exporters/loadbalancing/resolvers/dns.ts'
import { fakeServices, settle } from '../../../../src/testing/fakes.ts'

const CONFIG = { hostname: 'gateways.test', port: '4317', interval: 5000, timeout: 1000 }

function make(answers: readonly (readonly string[] | Error | null)[], config = CONFIG) {
  const services = fakeServices()
  const asked: string[] = []
  const context = { ...services, id: 'loadbalancing', config, signals: ['traces'] as const }
  const resolver = new DnsResolver(context, config, async hostname => {
    const answer = answers[Math.min(asked.push(hostname), answers.length) - 1]
    if (answer === null) return new Promise(() => {})
    if (answer instanceof Error) throw answer
    return answer
  })
  const lists: (readonly string[])[] = []
  return { services, resolver, asked, lists, start: () => resolver.start(list => lists.push(list)) }
}

test('makes a backend of each address, sorted, with brackets around IPv6', async () => {
  const kit = make([['10.0.0.2', 'fd00::1', '10.0.0.1']])

  await kit.start()

  assert.deepEqual(kit.lists, [['10.0.0.1:4317', '10.0.0.2:4317', '[fd00::1]:4317']])
  assert.deepEqual(kit.asked, ['gateways.test'])
})

test('leaves the port out when none is configured, so that both kinds of gateways agree', async () => {
  const kit = make([['10.0.0.1', 'fd00::1']], { ...CONFIG, port: '' })

  await kit.start()

  assert.deepEqual(kit.lists, [['10.0.0.1', '[fd00::1]']])
})

test('asks each interval and tells only what has changed', async () => {
  const kit = make([['10.0.0.1'], ['10.0.0.1'], ['10.0.0.1', '10.0.0.2'], ['10.0.0.2']])

  await kit.start()
  await kit.services.clock.advance(15_000)

  assert.equal(kit.asked.length, 4)
  assert.deepEqual(kit.lists, [
    ['10.0.0.1:4317'],
    ['10.0.0.1:4317', '10.0.0.2:4317'],
    ['10.0.0.2:4317'],
  ])
})

test('keeps the list when an answer fails, is empty or does not come in time', async () => {
  const kit = make([['10.0.0.1'], new Error('SERVFAIL'), [], null, ['10.0.0.2']])

  await kit.start()
  await kit.services.clock.advance(25_000)

  assert.deepEqual(kit.lists, [['10.0.0.1:4317'], ['10.0.0.2:4317']])
  const { values } = kit.services.meter
  const count = (success: boolean) =>
    [...values].find(([key]) => key.includes(`success=${success}`))?.[1].value
  assert.equal(count(true), 2)
  assert.equal(count(false), 3)
})

test('starts although the name cannot be resolved yet', async () => {
  const kit = make([new Error('ENOTFOUND'), ['10.0.0.1']])

  await kit.start()
  await kit.services.clock.advance(5000)

  assert.deepEqual(kit.lists, [['10.0.0.1:4317']])
})

test('tells nothing any more once it is stopped', async () => {
  const kit = make([['10.0.0.1'], ['10.0.0.2']])
  await kit.start()

  kit.resolver.stop()
  await kit.services.clock.advance(20_000)
  await settle()

  assert.equal(kit.asked.length, 1)
  assert.equal(kit.services.clock.pending, 0)
})
