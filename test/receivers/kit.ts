/** What tests of all receivers stand on: services, a consumer behind them, and the check that nothing is left at the end. */
import assert from 'node:assert/strict'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'
import type { Component } from '../../src/core/component.ts'
import type { AuthOutcome, Credentials, ServerAuthenticator } from '../../src/core/identity.ts'
import { OPEN_TENANCY, type Tenancy } from '../../src/core/tenancy.ts'
import {
  assertBalanced,
  CollectingConsumer,
  type FakeServices,
  fakeServices,
} from '../../src/testing/fakes.ts'
import { type FlatSpan, spansOf } from '../translate/zipkin/kit.ts'

/** Where a test, or a run of others, leaves what is to be closed. */
export interface Scope {
  after(close: () => unknown): void
}

export interface Surroundings {
  readonly next: CollectingConsumer
  readonly services: FakeServices
  /** For `create`, with the system's clock: sockets have no other. */
  context<C>(id: string, config: C): ReceiverContext<C>
  /** Value of a counter by its name and labels, 0 where there is none. */
  count(name: string, labels?: Readonly<Record<string, string>>): number
  /** Spans of all batches, in the order in which they came. */
  spans(): FlatSpan[]
  /** Lets go of what was collected, and checks that no byte and no item is left behind. */
  settleBooks(): void
}

interface ReceiverContext<C> extends FakeServices {
  readonly clock: FakeServices['clock']
  readonly id: string
  readonly config: C
  readonly signals: readonly ['traces']
}

export interface SurroundingsOptions {
  readonly memoryBytes?: number
  readonly tenancy?: Tenancy
}

export function makeSurroundings(options: SurroundingsOptions = {}): Surroundings {
  const services = fakeServices()
  if (options.memoryBytes !== undefined) services.memory.limitBytes = options.memoryBytes
  const next = new CollectingConsumer()
  const tenancy = options.tenancy ?? OPEN_TENANCY
  return {
    next,
    services,
    context: (id, config) => ({
      ...services,
      tenancy,
      clock: SYSTEM_CLOCK as FakeServices['clock'],
      id,
      config,
      signals: ['traces'],
    }),
    count: (name, labels = {}) => {
      let sum = 0
      const wanted = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
      const fits = (key: string) =>
        key.startsWith(`${name}{`) &&
        wanted.every(label =>
          key
            .slice(name.length + 1, -1)
            .split(',')
            .includes(label),
        )
      for (const [key, slot] of services.meter.values) if (fits(key)) sum += slot.value
      for (const [key, read] of services.meter.reads) if (fits(key)) sum += read()
      return sum
    },
    spans: () => next.batches.flatMap(batch => spansOf(batch.parts[0].payload.bytes)),
    settleBooks: () => {
      for (const batch of next.batches)
        services.ledger.sent(batch.tenant, batch.signal, batch.items)
      next.releaseAll()
      assert.equal(services.memory.reservedBytes, 0, 'bytes still reserved')
      assertBalanced(services.ledger)
    },
  }
}

/** An authenticator that believes the header `x-tenant`. */
export class HeaderPorter implements Component {
  readonly serverAuthenticator: ServerAuthenticator = { authenticate }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}
}

function authenticate(credentials: Credentials): AuthOutcome {
  const [tenant] = credentials.header('x-tenant')
  if (tenant !== undefined) {
    return {
      kind: 'granted',
      identity: { tenant, method: 'header', subject: tenant, signals: null },
    }
  }
  const message = 'say who you are'
  return { kind: 'denied', code: 'unauthenticated', reason: 'no_credentials', message }
}

/** Waits until it is so, for as long as a loaded machine may need. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !condition(); i++) await new Promise(go => setTimeout(go, 5))
  assert.ok(condition(), 'did not come about')
}
