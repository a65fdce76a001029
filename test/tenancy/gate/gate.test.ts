/** The door without a receiver around it: what a connection counts for that has left before its requests end. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import type { TenantAccount } from '../../../src/core/tenancy.ts'
import type { RequestHead } from '../../../src/net/admission.ts'
import { type Guest, Guests } from '../../../src/net/guests.ts'
import { Gate, Passage } from '../../../src/tenancy/gate/gate.ts'
import { FakeClock } from '../../../src/testing/fakes.ts'
import { startBook } from '../kit.ts'

test('a connection that made room for others is not counted again by what still comes on it', () => {
  const { book } = startBook({ defaults: { connections: 2 } })
  const gate = new Gate({ tenancy: book, authenticator: null })
  const guests = new Guests({ maxConnections: 0, maxPerAddress: 0 }, new FakeClock())
  const guest = guests.enter({ remoteAddress: '192.0.2.1', destroy() {} } as unknown as Socket)!
  const head: RequestHead = {
    guest: guest as Guest,
    address: guest.address,
    header: () => [],
    certificate: () => null,
  }
  const account = book.account('default') as TenantAccount & { connections: number }
  const first = gate.admit(head, 'traces')
  assert.ok(first instanceof Passage)
  assert.equal(account.connections, 1)

  guest.leave()
  const second = gate.admit(head, 'traces')

  assert.ok(second instanceof Passage, 'calls that were on their way are served')
  assert.equal(account.connections, 0)
})
