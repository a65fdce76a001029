/** The Kubernetes resolver against an API server that speaks list and watch. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { judgeSection } from '../../../../src/config/judge.ts'
import type {
  K8sConfig,
  LoadBalancingConfig,
} from '../../../../src/exporters/loadbalancing/config.ts'
import { factory } from '../../../../src/exporters/loadbalancing/factory.ts'
import { K8sResolver } from '../../../../src/exporters/loadbalancing/resolvers/k8s.ts'
import { fakeServices, settle } from '../../../../src/testing/fakes.ts'
import { type FakeApiServer, slice, startApiServer } from './fake-api-server.ts'

const TOKEN = 'sesame'
const fixture = (name: string) =>
  fileURLToPath(new URL(`../../../fixtures/tls/${name}`, import.meta.url))

async function start(t: TestContext, api: FakeApiServer, section: object = {}) {
  const services = fakeServices()
  const config = configOf({
    service: 'gateway.tracing',
    api_server: { endpoint: api.url },
    ...section,
  })
  const context = { ...services, id: 'loadbalancing', config, signals: ['traces'] as const }
  const resolver = new K8sResolver(context, config)
  const lists: string[][] = []
  const waiting: (() => void)[] = []
  await resolver.start(endpoints => {
    lists.push([...endpoints])
    for (const look of waiting.splice(0)) look()
  })
  t.after(() => resolver.stop())
  return {
    services,
    resolver,
    lists,
    /** The list that number `n` told. */
    async told(n: number): Promise<string[]> {
      while (lists.length < n) await new Promise<void>(resolve => waiting.push(resolve))
      return lists[n - 1]
    },
    /** Lets the pauses pass until `holds`. */
    async pass(holds: () => boolean): Promise<void> {
      while (!holds()) {
        await services.clock.advance(500)
        await settle()
      }
    },
  }
}

function configOf(k8s: object): K8sConfig {
  const { config, faults } = judgeSection(factory.config, { resolver: { k8s } })
  assert.deepEqual(faults, [])
  return (config as LoadBalancingConfig).resolver.k8s!
}

const pods = (count: number, from = 1) =>
  Array.from({ length: count }, (_, i) => `10.1.0.${from + i}`)

test('tells the addresses of all slices, page by page', async t => {
  const api = await startApiServer(t, { pageSize: 2 })
  api.slices = [slice('a', ...pods(2)), slice('b', ...pods(1, 9)), slice('c', 'fd00::7')]

  const kit = await start(t, api, { ports: [4317, 55_680] })

  assert.deepEqual(kit.lists, [
    [
      '10.1.0.1:4317',
      '10.1.0.1:55680',
      '10.1.0.2:4317',
      '10.1.0.2:55680',
      '10.1.0.9:4317',
      '10.1.0.9:55680',
      '[fd00::7]:4317',
      '[fd00::7]:55680',
    ],
  ])
  const [{ url }] = api.requests
  assert.equal(url.pathname, '/apis/discovery.k8s.io/v1/namespaces/tracing/endpointslices')
  assert.equal(url.searchParams.get('labelSelector'), 'kubernetes.io/service-name=gateway')
})

test('follows pods that come and go, from the version of the list on', async t => {
  const api = await startApiServer(t)
  api.version = 41
  api.slices = [slice('a', ...pods(1))]
  const kit = await start(t, api)
  await api.watched()

  api.emit('MODIFIED', slice('a', ...pods(2)))
  assert.deepEqual(await kit.told(2), pods(2))
  api.emit('ADDED', slice('b', ...pods(1, 5)))
  assert.deepEqual(await kit.told(3), [...pods(2), ...pods(1, 5)])
  api.emit('DELETED', slice('a'))
  assert.deepEqual(await kit.told(4), pods(1, 5))

  const { searchParams } = api.requests[1].url
  assert.equal(searchParams.get('resourceVersion'), '41')
  assert.equal(searchParams.get('allowWatchBookmarks'), 'true')
  assert.equal(searchParams.get('timeoutSeconds'), '60')
  assert.equal(kit.services.meter.total('otelcol_loadbalancer_num_backends'), 1)
  assert.equal(kit.services.meter.total('otelcol_loadbalancer_num_backend_updates'), 4)
})

test('keeps a pod that is still in another slice', async t => {
  const api = await startApiServer(t)
  api.slices = [slice('a', ...pods(2)), slice('b', ...pods(1, 2))]
  const kit = await start(t, api)
  await api.watched()

  api.emit('MODIFIED', slice('a', ...pods(1)))
  api.emit('MODIFIED', slice('b', ...pods(2, 2)))

  assert.deepEqual(await kit.told(2), pods(3))
})

test('watches on from the last version seen, bookmarks too, when the server ends a watch', async t => {
  const api = await startApiServer(t)
  api.slices = [slice('a', ...pods(1))]
  const kit = await start(t, api)
  await api.watched()
  await kit.services.clock.advance(5000)

  api.emit('BOOKMARK', { metadata: {} })
  api.endWatches()
  await kit.pass(() => api.requests.length >= 3)
  await api.watched()
  api.emit('MODIFIED', slice('a', ...pods(2)))

  assert.deepEqual(await kit.told(2), pods(2))
  assert.equal(api.requests[2].url.searchParams.get('resourceVersion'), '2')
  assert.equal(api.requests.length, 3)
})

test('lists again after 410 Gone, as an answer and as an event', async t => {
  const api = await startApiServer(t)
  api.slices = [slice('a', ...pods(1))]
  const kit = await start(t, api)
  await api.watched()

  api.slices = [slice('a', ...pods(2))]
  api.emit('ERROR', { code: 410, message: 'too old resource version' })
  await kit.pass(() => kit.lists.length === 2)
  await kit.pass(() => api.requests.length >= 4)
  await api.watched()
  api.faults.push({ status: 410, message: 'Gone' })
  api.slices = [slice('a', ...pods(3))]
  api.endWatches()
  await kit.pass(() => kit.lists.length === 3)

  assert.deepEqual(kit.lists.slice(1), [pods(2), pods(3)])
})

test('keeps the list while the API server is away, and lists when it is back', async t => {
  const api = await startApiServer(t)
  api.slices = [slice('a', ...pods(2))]
  const kit = await start(t, api)
  await api.watched()

  for (let i = 0; i < 3; i++) api.faults.push({ status: 503, message: 'later' })
  api.slices = [slice('a', ...pods(1))]
  api.endWatches()
  await kit.pass(() => kit.lists.length === 2)

  assert.deepEqual(kit.lists, [pods(2), pods(1)])
  assert.equal(api.faults.length, 0)
})

test('starts without a list when it may not read it, says what is missing, and tries again', async t => {
  const api = await startApiServer(t)
  api.slices = [slice('a', ...pods(1))]
  api.faults.push({ status: 403, message: 'endpointslices is forbidden' })

  const kit = await start(t, api)
  const before = [...kit.lists]
  await kit.pass(() => kit.lists.length === 1)

  assert.deepEqual(before, [])
  assert.deepEqual(kit.lists, [pods(1)])
  const failed = [...kit.services.meter.values].filter(([key]) => key.includes('success=false'))
  assert.deepEqual(
    failed.map(([, { value }]) => value),
    [1],
  )
})

test('reads the token for each request', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-token-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'token')
  writeFileSync(file, `${TOKEN}\n`)
  const api = await startApiServer(t)
  api.slices = [slice('a', ...pods(1))]
  const kit = await start(t, api, { api_server: { endpoint: api.url, token_file: file } })
  await api.watched()

  writeFileSync(file, 'renewed')
  api.endWatches()
  await kit.pass(() => api.requests.length >= 3)

  const shown = api.requests.map(({ authorization }) => authorization)
  assert.deepEqual(shown, [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`, 'Bearer renewed'])
})

test('trusts the authority of the cluster and nobody else', async t => {
  const [cert, key] = ['server.crt', 'server.key'].map(name => readFileSync(fixture(name)))
  const api = await startApiServer(t, { tls: { cert, key } })
  api.slices = [slice('a', ...pods(1))]

  const stranger = await start(t, api)
  const ca_file = fixture('ca.crt')
  const kit = await start(t, api, { api_server: { endpoint: api.url, ca_file } })
  await api.watched()

  assert.deepEqual(stranger.lists, [])
  assert.deepEqual(kit.lists, [pods(1)])
})

test('uses host names of pods with return_hostnames, as soon as they have one', async t => {
  const api = await startApiServer(t)
  const named = (n: number) => ({ addresses: [`10.1.0.${n}`], hostname: `pod-${n}` })
  api.slices = [slice('a', named(1), '10.1.0.2')]
  const kit = await start(t, api, { return_hostnames: true, ports: [4317] })
  await api.watched()

  api.emit('MODIFIED', slice('a', named(1), named(2)))

  assert.deepEqual(await kit.told(2), ['pod-1.gateway.tracing:4317', 'pod-2.gateway.tracing:4317'])
  assert.deepEqual(kit.lists[0], ['pod-1.gateway.tracing:4317'])
})

test('leaves out pods that are not ready with only_ready', async t => {
  const api = await startApiServer(t)
  const pod = (n: number, ready?: boolean) => ({
    addresses: [`10.1.0.${n}`],
    conditions: { ready },
  })
  api.slices = [slice('a', pod(1, true), pod(2, false), pod(3))]

  const all = await start(t, api)
  const ready = await start(t, api, { only_ready: true })

  assert.deepEqual(all.lists, [pods(3)])
  assert.deepEqual(ready.lists, [['10.1.0.1', '10.1.0.3']])
})

test('does not start outside of a cluster unless it is told where the API server is', async () => {
  const config = configOf({ service: 'gateway' })
  const context = { ...fakeServices(), id: 'x', config, signals: ['traces'] as const }

  await assert.rejects(
    new K8sResolver(context, config).start(() => {}),
    /api_server/,
  )
})
