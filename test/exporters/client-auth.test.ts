/** What exporters do with the extension named in `auth.authenticator`, over both protocols, against other people's servers. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Component } from '../../src/core/component.ts'
import type { Factory } from '../../src/core/factory.ts'
import type { ClientAuthenticator, HasClientAuthenticator } from '../../src/core/identity.ts'
import { factory as grpcFactory } from '../../src/exporters/otlp-grpc/factory.ts'
import { factory as httpFactory } from '../../src/exporters/otlp-http/factory.ts'
import { startBackend } from '../harness/backend.ts'
import { counts, startOtlpExporter } from './otlp-kit.ts'

interface Protocol {
  readonly factory: Factory
  start(t: TestContext): Promise<{
    endpoint: string
    headers: () => Readonly<Record<string, string>>[]
  }>
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  gRPC: {
    factory: grpcFactory as Factory,
    start: async t => {
      const backend = await startBackend()
      t.after(() => backend.close())
      const headers = () => backend.requests.map(request => request.headers)
      return { endpoint: `http://127.0.0.1:${backend.grpcPort}`, headers }
    },
  },
  HTTP: {
    factory: httpFactory as Factory,
    start: async t => {
      const backend = await startBackend()
      t.after(() => backend.close())
      const headers = () => backend.requests.map(request => request.headers)
      return { endpoint: `http://127.0.0.1:${backend.httpPort}`, headers }
    },
  },
}

const AUTH = { authenticator: 'shown' }

function extensionWith(clientAuthenticator: ClientAuthenticator): Map<string, Component> {
  const extension: Component & HasClientAuthenticator = {
    clientAuthenticator,
    start: async () => {},
    stop: async () => {},
  }
  return new Map([['shown', extension]])
}

for (const [name, { factory, start }] of Object.entries(PROTOCOLS)) {
  test(`${name}: requests carry what the authenticator has, and configured headers win`, async t => {
    const { endpoint, headers } = await start(t)
    let asked = 0
    const shown = extensionWith({
      headers: tenant => {
        asked++
        return new Map([
          ['authorization', `Bearer ${asked}`],
          ['x-tenant', tenant],
          ['x-fixed', 'of the authenticator'],
        ])
      },
    })
    const config = { endpoint, auth: AUTH, headers: { 'X-Fixed': 'of the exporter' } }
    const kit = await startOtlpExporter(t, factory, { ...config, tls: { insecure: true } }, shown)

    assert.equal(await kit.deliver(), 'accepted')
    assert.equal(await kit.deliver(), 'accepted')

    const seen = headers()
    assert.deepEqual(
      seen.map(each => each.authorization),
      ['Bearer 1', 'Bearer 2'],
    )
    assert.deepEqual([seen[0]['x-tenant'], seen[0]['x-fixed']], ['default', 'of the exporter'])
  })

  test(`${name}: nothing is sent, and nothing lost, while there is nothing to show`, async t => {
    const { endpoint, headers } = await start(t)
    let asked = 0
    const shown = extensionWith({
      headers: async () => {
        if (++asked < 3) throw new Error('no token yet')
        return new Map([['authorization', 'Bearer late']])
      },
    })
    const kit = await startOtlpExporter(t, factory, { endpoint, auth: AUTH }, shown)

    assert.equal(await kit.deliver(), 'accepted')

    assert.equal(asked, 3)
    assert.deepEqual(
      headers().map(each => each.authorization),
      ['Bearer late'],
    )
    assert.deepEqual(counts(kit), { sent: 5 })
  })

  test(`${name}: a value that would begin a new header is never sent`, async t => {
    const { endpoint, headers } = await start(t)
    const values = ['v\r\nx-evil: 1', 'v\0', 'ok']
    const shown = extensionWith({ headers: () => new Map([['x-a', values.shift()!]]) })
    const kit = await startOtlpExporter(t, factory, { endpoint, auth: AUTH }, shown)

    assert.equal(await kit.deliver(), 'accepted')

    assert.deepEqual(
      headers().map(each => each['x-a']),
      ['ok'],
    )
  })

  test(`${name}: does not start when the extension is not there or shows nothing`, async t => {
    const config = { endpoint: 'http://127.0.0.1:1', auth: AUTH }
    const other: Component = { start: async () => {}, stop: async () => {} }
    for (const extensions of [new Map(), new Map([['shown', other]])]) {
      await assert.rejects(startOtlpExporter(t, factory, config, extensions), {
        code: 'MILLRACE_START_FAILED',
      })
    }
  })
}

test('a destination that does not accept them is asked again where new ones may be had, else not', async t => {
  let answers = 0
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(++answers % 2 === 1 ? 401 : 200).end())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => void server.close())
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const headers = () => new Map([['authorization', 'Bearer stale']])
  let renewed = 0
  const renewing = extensionWith({ headers, rejected: () => void renewed++ })

  const first = await startOtlpExporter(
    t,
    PROTOCOLS.HTTP.factory,
    { endpoint, auth: AUTH },
    renewing,
  )
  await first.deliver()
  assert.deepEqual([counts(first), renewed], [{ sent: 5 }, 1])

  const config = { endpoint, auth: AUTH }
  const second = await startOtlpExporter(
    t,
    PROTOCOLS.HTTP.factory,
    config,
    extensionWith({ headers }),
  )
  assert.match(await second.deliver(), /^refused: .*401/)
})
