/** Which limits hold for whom: entries, globs, defaults. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { admitsAddress } from '../../../src/tenancy/policy/address-list.ts'
import { policyOf } from '../kit.ts'

test('takes each limit from the most specific entry that has it', () => {
  const policy = policyOf({
    defaults: { weight: 2, connections: 5, concurrent_requests: 7 },
    tenants: {
      '*': { connections: 10 },
      'shop-*': { weight: 3 },
      'shop-b*': { memory: '1MiB' },
      'shop-berlin': { items_per_second: 50 },
    },
  })

  const { limits, origin } = policy.resolve('shop-berlin')!

  assert.equal(limits.items?.rate, 50)
  assert.equal(limits.memoryBytes, 1 << 20)
  assert.equal(limits.weight, 3)
  assert.equal(limits.connections, 10)
  assert.equal(limits.concurrentRequests, 7)
  assert.equal(origin, 'tenants')
  assert.equal(policy.resolve('shop-x')!.limits.memoryBytes, 0)
})

test('an explicit 0 in an entry lifts the limit of the defaults', () => {
  const policy = policyOf({ defaults: { connections: 5 }, tenants: { vip: { connections: 0 } } })

  assert.equal(policy.resolve('vip')!.limits.connections, 0)
  assert.equal(policy.resolve('other')!.limits.connections, 5)
})

test('what an entry leaves out of a day or of its addresses comes from the next one too', () => {
  const policy = policyOf({
    defaults: { daily: { items: 100 }, addresses: { deny: ['10.9.0.0/16'] } },
    tenants: {
      'shop-*': { daily: { bytes: '1KiB' } },
      'shop-a': { addresses: { allow: ['10.0.0.0/8'] } },
      'shop-b': { daily: { items: 0 }, addresses: { deny: [] } },
    },
  })
  const a = policy.resolve('shop-a')!.limits
  const b = policy.resolve('shop-b')!.limits

  assert.deepEqual([a.dailyItems, a.dailyBytes], [100, 1024])
  assert.deepEqual([b.dailyItems, b.dailyBytes], [0, 1024])
  assert.ok(admitsAddress(a.addresses!, '10.1.0.1'))
  assert.ok(!admitsAddress(a.addresses!, '192.0.2.1'))
  assert.ok(!admitsAddress(a.addresses!, '10.9.0.1'), 'denied by the defaults')
  assert.equal(b.addresses, null)
})

test('turns unknown tenants away when it is told to, and serves them by the defaults otherwise', () => {
  const section = { defaults: { weight: 4 }, tenants: { known: {} } }

  assert.equal(policyOf({ ...section, unknown: 'refuse' }).resolve('stranger'), null)
  assert.equal(policyOf(section).resolve('stranger')!.limits.weight, 4)
  assert.equal(
    policyOf({ ...section, unknown: 'refuse' }).resolveOrDefaults('stranger').limits.weight,
    4,
  )
})

test('tenants with the same entries share one object of limits', () => {
  const policy = policyOf({ tenants: { 'shop-*': { weight: 3 } } })

  assert.equal(policy.resolve('shop-a')!.limits, policy.resolve('shop-b')!.limits)
  assert.notEqual(policy.resolve('shop-a')!.limits, policy.resolve('bank')!.limits)
})

test('a rate has a burst of one second, unless it leaks', () => {
  const { limits } = policyOf({
    tenants: {
      a: {
        items_per_second: 50,
        bytes_per_second: { rate: '1KiB', algorithm: 'leaky_bucket' },
      },
    },
  }).resolve('a')!

  assert.equal(limits.items?.burst, 50)
  assert.deepEqual([limits.bytes?.rate, limits.bytes?.burst], [1024, 0])
})

test('refuses what cannot be the id of a tenant, and networks that are none', () => {
  assert.throws(() => policyOf({ tenants: { 'a/b': {} } }), /neither a tenant nor a glob/)
  assert.throws(() => policyOf({ tenants: { '..': {} } }), /neither a tenant nor a glob/)
  assert.throws(() => policyOf({ addresses: { deny: ['10.0.0.0/33'] } }), /not an address/)
  assert.throws(() => policyOf({ defaults: { items_per_second: 0 } }))
})
