/** Who is let in when there are too many connections, and who has to go. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import test from 'node:test'
import fc from 'fast-check'
import { type Guest, type GuestLimits, Guests, plainAddress } from '../../src/net/guests.ts'
import { FakeClock } from '../../src/testing/fakes.ts'

interface Kit {
  readonly guests: Guests
  readonly clock: FakeClock
  /** Names of connections that were ended. */
  readonly gone: string[]
  enter(name: string, address?: string): Guest | null
}

function start(limits: Partial<GuestLimits>): Kit {
  const clock = new FakeClock()
  const guests = new Guests({ maxConnections: 0, maxPerAddress: 0, ...limits }, clock)
  const gone: string[] = []
  return {
    guests,
    clock,
    gone,
    enter: (name, address = '192.0.2.1') => {
      const socket = { remoteAddress: address, destroy: () => gone.push(name) }
      return guests.enter(socket as unknown as Socket)
    },
  }
}

test('the oldest on which nothing was let in makes room', () => {
  const { enter, gone, guests } = start({ maxConnections: 3 })
  enter('proven')!.prove()
  enter('first')
  enter('second')

  assert.ok(enter('third') !== null)

  assert.deepEqual(gone, ['first'])
  assert.equal(guests.size, 3)
})

test('when all were let in, an idle one of the tenant with the most makes room, and busy ones stay', () => {
  const { enter, gone } = start({ maxConnections: 20 })
  const holder = { disconnected() {} }
  for (let i = 0; i < 8; i++) enter(`few-${i}`, `192.0.2.${i}`)!.prove()
  for (let i = 0; i < 12; i++) {
    const guest = enter(`many-${i}`)!
    guest.prove()
    guest.holder = holder
    guest.isIdle = () => i >= 5
  }

  assert.ok(enter('new') !== null)

  assert.deepEqual(gone, ['many-5'])
})

test('nobody is turned out where all are busy: the new one has to wait', () => {
  const { enter, gone } = start({ maxConnections: 10 })
  for (let i = 0; i < 10; i++) {
    const guest = enter(`busy-${i}`)!
    guest.prove()
    guest.isIdle = () => false
  }

  assert.equal(enter('new'), null)
  assert.deepEqual(gone, [])
})

test('an address has its own bound, within which its oldest unproven makes room', () => {
  const { enter, gone } = start({ maxPerAddress: 2 })
  enter('a-1', '192.0.2.1')!.prove()
  enter('a-2', '192.0.2.1')
  enter('b-1', '192.0.2.2')

  assert.ok(enter('a-3', '192.0.2.1') !== null)
  assert.deepEqual(gone, ['a-2'])
  assert.ok(enter('socket', undefined) !== null)
})

test('whoever counted a connection is told once that it has ended', () => {
  const { enter, guests } = start({})
  let told = 0
  const guest = enter('a')!
  guest.holder = { disconnected: () => told++ }

  guest.leave()
  guest.leave()

  assert.equal(told, 1)
  assert.equal(guests.size, 0)
})

test('ten thousand silent connections do not keep one out that speaks', () => {
  const { enter, gone } = start({ maxConnections: 1000 })
  const good: Guest[] = []
  for (let i = 0; i < 10_000; i++) {
    assert.ok(enter(`bad-${i}`) !== null)
    if (i % 100 !== 0) continue
    const guest = enter(`good-${i}`)!
    guest.prove()
    good.push(guest)
  }

  assert.equal(good.length, 100)
  assert.ok(!gone.some(name => name.startsWith('good')))
})

test('counts right whatever comes, is proven and goes', () => {
  const step = fc.record({
    what: fc.constantFrom('enter', 'prove', 'leave'),
    n: fc.nat(30),
    address: fc.constantFrom('192.0.2.1', '192.0.2.2', 'fd00::1'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const limited = new Guests({ maxConnections: 10, maxPerAddress: 6 }, new FakeClock())
      const inside = new Set<Guest>()
      for (const { what, n, address } of steps) {
        const some = [...inside][n % Math.max(1, inside.size)]
        if (what === 'enter') {
          const guest = limited.enter({ remoteAddress: address } as unknown as Socket)
          if (guest === null) continue
          inside.add(guest)
          guest.evict = () => inside.delete(guest)
        } else if (some !== undefined && what === 'prove') some.prove()
        else if (some !== undefined) {
          some.leave()
          inside.delete(some)
        }
      }
      assert.equal(limited.size, inside.size)
      assert.ok(limited.size <= 10)
      for (const each of ['192.0.2.1', '192.0.2.2', 'fd00::1']) {
        assert.ok([...inside].filter(guest => guest.address === each).length <= 6)
      }
    }),
  )
})

test('addresses are the same however the server listens', () => {
  assert.equal(plainAddress('::ffff:192.0.2.7'), '192.0.2.7')
  assert.equal(plainAddress('fe80::1%eth0'), 'fe80::1')
  assert.equal(plainAddress('2001:db8::1'), '2001:db8::1')
  assert.equal(plainAddress(undefined), '')
})
