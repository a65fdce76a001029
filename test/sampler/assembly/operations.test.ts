/** Names by number: what is one operation and what are two, and that the number of numbers is bounded. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { templateName } from '../../../src/sampler/assembly/name-template.ts'
import {
  MAX_NAME_BYTES,
  MAX_OPERATIONS,
  MAX_OPERATIONS_OF_SERVICE,
  MAX_SERVICES,
  Operations,
} from '../../../src/sampler/assembly/operations.ts'

function numbers() {
  const operations = new Operations(['a', 'b'])
  return {
    operations,
    service: (name: string, tenant = 0) => {
      const bytes = Buffer.from(name)
      return operations.service(tenant, bytes, 0, bytes.length)
    },
    operation: (service: number, name: string, kind = 1) => {
      const bytes = new Uint8Array(Buffer.from(`__${name}`))
      return operations.operation(service, kind, bytes, new DataView(bytes.buffer), 2, bytes.length)
    },
  }
}

function template(name: string): string {
  const bytes = Buffer.from(name)
  const out = new Uint8Array(bytes.length * 2 + 8)
  const length = templateName(bytes, 0, bytes.length, out)
  return length < 0 ? name : Buffer.from(out.subarray(0, length)).toString()
}

test('numbers, long hex strings and uuids that fill a segment are left out of names', () => {
  const cases = [
    ['GET /users/4711', 'GET /users/{n}'],
    ['/a/1/b/2', '/a/{n}/b/{n}'],
    ['GET /orders/123e4567-e89b-12d3-a456-426614174000?x=1', 'GET /orders/{id}?x={n}'],
    ['blob/5f3a9c0b12', 'blob/{id}'],
    ['blob/deadbeef', 'blob/deadbeef'],
    ['GET /api/v1/cart', 'GET /api/v1/cart'],
    ['/x/12ab', '/x/12ab'],
    ['123e4567-e89b-12d3-a456-42661417400g', '123e4567-e89b-12d3-a456-42661417400g'],
    ['', ''],
    ['7', '{n}'],
    ['//1//', '//{n}//'],
  ]
  for (const [name, expected] of cases) assert.equal(template(name), expected)
})

test('a template fits the room that is given and is its own template', () => {
  const piece = fc.constantFrom('/', ' ', '1', '9a', 'deadbeef1', 'x', '-', 'é', '?')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), pieces => {
      const once = template(pieces.join(''))
      assert.equal(template(once), once)
    }),
  )
})

test('the same name is the same number, again and again, whichever way it is found', () => {
  const name = fc.oneof(fc.string({ maxLength: 90 }), fc.constantFrom('GET /a/1', 'GET /a/2'))
  const asked = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 2 }), name, fc.integer({ min: 0, max: 5 })),
  )
  fc.assert(
    fc.property(asked, calls => {
      const { operations, service, operation } = numbers()
      const services = ['x', 'y', 'z'].map(each => service(each))
      const known = new Map<string, number>()
      for (const [s, text, kind] of [...calls, ...calls]) {
        const id = operation(services[s], text, kind)
        const key = JSON.stringify([s, Buffer.from(template(text)).toString(), kind])
        assert.equal(known.get(key) ?? id, id)
        known.set(key, id)
        assert.equal(operations.serviceOf(id), services[s])
      }
      assert.equal(new Set(known.values()).size, known.size)
      assert.equal(operations.count, known.size)
    }),
  )
})

test('tenants have services of their own', () => {
  const { operations, service, operation } = numbers()
  const ids = [service('x', 0), service('x', 1)]
  assert.notEqual(ids[0], ids[1])
  assert.equal(operations.describe(operation(ids[1], 'work')).tenant, 'b')
  assert.equal(operations.serviceName(ids[1]), 'x')
})

test('more of a name than counts makes no difference', () => {
  const { service, operation } = numbers()
  const id = service('x')
  const long = 'n'.repeat(MAX_NAME_BYTES)
  assert.equal(operation(id, `${long}a`), operation(id, `${long}b`))
})

test('one service runs over by itself; others go on', () => {
  const { operations, service, operation } = numbers()
  const noisy = service('noisy')
  const quiet = service('quiet')
  for (let i = 0; i < MAX_OPERATIONS_OF_SERVICE; i++) operation(noisy, `op${i}x`)
  const over = operation(noisy, 'one more')
  assert.equal(operation(noisy, 'and another'), over)
  assert.deepEqual([operations.serviceOf(over), operations.describe(over).name], [noisy, ''])
  assert.notEqual(operation(quiet, 'work'), over)
  assert.equal(operations.describe(operation(quiet, 'work')).name, 'work')
})

test('all operations and all services together are bounded', () => {
  const { operations, service, operation } = numbers()
  for (let s = 0; s < MAX_SERVICES + 100; s++) {
    const id = service(`s${s}x`)
    for (let i = 0; i < 9; i++) operation(id, `o${i}`)
  }
  assert.ok(operations.serviceCount <= MAX_SERVICES + 1)
  assert.ok(operations.count <= MAX_OPERATIONS + MAX_SERVICES + 1)
  const last = operation(service('late'), 'late')
  assert.equal(operations.describe(last).service, '')
})

test('a snapshot gives every name its number again, and numbering goes on after it', () => {
  const before = numbers()
  const names = ['GET /a/1', 'work', 'é'.repeat(200), '']
  const services = ['x', 'y', ''].map((name, tenant) => before.service(name, tenant & 1))
  const given = services.flatMap(service => names.map(name => before.operation(service, name)))
  for (let i = 0; i <= MAX_OPERATIONS_OF_SERVICE; i++) before.operation(services[0], `op${i}x`)
  const over = before.operation(services[0], 'one more')

  const after = numbers()
  assert.equal(after.operations.restore(before.operations.snapshot()), true)

  const again = services.flatMap(service => names.map(name => after.operation(service, name)))
  assert.deepEqual(again, given)
  assert.deepEqual(
    ['x', 'y', ''].map((name, tenant) => after.service(name, tenant & 1)),
    services,
  )
  assert.equal(after.operation(services[0], 'yet another'), over)
  assert.equal(after.operation(services[1], 'new'), before.operations.count)
  assert.equal(after.operations.restore(before.operations.snapshot()), false)
})

test('a broken snapshot changes nothing', () => {
  const before = numbers()
  before.operation(before.service('x'), 'work')
  const good = before.operations.snapshot()
  fc.assert(
    fc.property(
      fc.nat(good.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      (at, by, cuts) => {
        const bad = cuts ? good.subarray(0, at) : good.slice()
        if (!cuts) bad[at] ^= by
        const after = numbers()
        if (!after.operations.restore(bad)) assert.equal(after.operations.count, 0)
      },
    ),
  )
})
