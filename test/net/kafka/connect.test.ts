/** What a cluster's options are made of where the configuration names an extension. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Component } from '../../../src/core/component.ts'
import { openKafkaConnection } from '../../../src/net/kafka/connect.ts'
import { fakeHost, fakeServices } from '../../../src/testing/fakes.ts'

const SPECIAL = { requestTimeoutMs: 5000, allowAutoTopicCreation: true }

async function openWith(headers: () => Promise<ReadonlyMap<string, string>>) {
  const services = fakeServices()
  const tokens = { clientAuthenticator: { headers } } as unknown as Component
  const sasl = { username: '', mechanism: 'OAUTHBEARER', oauthbearer_token_source: 'tokens' }
  const { options } = await openKafkaConnection(
    {
      brokers: ['b:1'],
      client_id: 'c',
      driver: 'kafkajs',
      rack_id: '',
      conn_idle_timeout: 0,
      auth: { sasl },
      metadata: { refresh_interval: 1000, retry: { max: 0, backoff: 1 } },
    },
    services,
    fakeHost(new Map([['tokens', tokens]])),
    SPECIAL,
  )
  assert.equal(options.sasl?.mechanism, 'OAUTHBEARER')
  return { token: options.sasl.token, clock: services.clock }
}

test('an extension that shows a bearer token is the source of tokens', async () => {
  const { token } = await openWith(async () => new Map([['authorization', 'Bearer t']]))

  assert.equal(await token(), 't')
})

test('a token that does not come is not waited for without end', { timeout: 5000 }, async () => {
  const { token, clock } = await openWith(() => new Promise(() => {}))

  const asked = assert.rejects(token(), /no token within 10000 ms/)
  await clock.advance(10_000)

  await asked
})
