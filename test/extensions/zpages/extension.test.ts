/** The `zpages` extension: the same numbers as HTML and as JSON, and nothing of what others named gets into the HTML as markup. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Inspector, LedgerRowView } from '../../../src/core/component.ts'
import { config as spec } from '../../../src/extensions/zpages/config.ts'
import { ZpagesExtension } from '../../../src/extensions/zpages/extension.ts'
import { startExtension } from '../extension-host.ts'

const LEDGER_ROW: LedgerRowView = {
  tenant: '<script>alert("x")</script>',
  signal: 'traces',
  accepted: 1200,
  copied: 0,
  sent: 1000,
  kept: 0,
  held: 150,
  dropped: [
    { stage: 'otlp_grpc', reason: 'queue_full', intentional: false, items: 30 },
    { stage: 'rules', reason: 'filtered', intentional: true, items: 20 },
  ],
  balanced: true,
}

const INSPECTOR: Partial<Inspector> = {
  startedAtMs: 1_700_000_000_000,
  components: () => [
    { kind: 'extension', id: 'zpages', status: 'ok', detail: '' },
    { kind: 'exporter', id: 'otlp/a&b', status: 'recoverable_error', detail: 'refused' },
  ],
  pipelines: () => [
    { id: 'traces/main', receivers: ['otlp'], processors: [], exporters: ['otlp/a&b', 'file'] },
  ],
  ledger: () => [LEDGER_ROW],
  rules: () => [],
  samplers: () => [],
  queues: () => [],
  letters: () => [],
  memory: () => ({ limitBytes: 1000, reservedBytes: 10, rssBytes: 500 }),
}

async function startPages(t: TestContext, settings: object = {}) {
  const create = (context: ConstructorParameters<typeof ZpagesExtension>[0]) =>
    new ZpagesExtension(context)
  const { url, services } = await startExtension(t, spec, create, settings, INSPECTOR)
  return {
    services,
    fetch: (path: string, accept = '*/*') => fetch(url + path, { headers: { accept } }),
    readText: async (path: string) => (await fetch(url + path)).text(),
    readJson: async (path: string) => (await fetch(`${url}${path}?format=json`)).json(),
  }
}

test('shows the ledger as JSON, as it stands', async t => {
  const pages = await startPages(t)

  assert.deepEqual(await pages.readJson('/debug/ledgerz'), { balanced: true, rows: [LEDGER_ROW] })
})

test('shows the ledger as HTML, with the drops, and escapes what it shows', async t => {
  const pages = await startPages(t)

  const text = await pages.readText('/debug/ledgerz')

  assert.match(text, /<td class="number">1,200<\/td>/)
  assert.match(text, /<td>queue_full<\/td><td>no<\/td><td class="number">30<\/td>/)
  assert.match(text, /&lt;script&gt;alert\(&quot;x&quot;\)/)
  assert.doesNotMatch(text, /<script/)
})

test('shows the service, its memory and its components', async t => {
  const pages = await startPages(t)
  await pages.services.clock.advance(61_000)

  const value = (await pages.readJson('/debug/servicez')) as Record<string, unknown>

  assert.equal(value.ready, true)
  assert.equal(value.startedAt, '2023-11-14T22:13:20.000Z')
  assert.equal(value.uptime, '1m1s')
  assert.deepEqual(value.memory, { limitBytes: 1000, reservedBytes: 10, rssBytes: 500 })
  assert.deepEqual(value.components, INSPECTOR.components!())
  assert.match(await pages.readText('/debug/servicez'), /otlp\/a&amp;b/)
})

test('shows pipelines and extensions', async t => {
  const pages = await startPages(t)

  const { pipelines } = (await pages.readJson('/debug/pipelinez')) as { pipelines: unknown }
  const { extensions } = (await pages.readJson('/debug/extensionz')) as { extensions: unknown }

  assert.deepEqual(pipelines, INSPECTOR.pipelines!())
  assert.deepEqual(extensions, INSPECTOR.components!().slice(0, 1))
  assert.match(await pages.readText('/debug/pipelinez'), /<td>otlp\/a&amp;b, file<\/td>/)
  assert.match(await pages.readText('/debug/extensionz'), /<td>zpages<\/td><td>ok<\/td>/)
})

test('answers JSON to scripts and HTML to browsers', async t => {
  const pages = await startPages(t)
  const typeOf = async (path: string, accept?: string) =>
    (await pages.fetch(path, accept)).headers.get('content-type')?.split(';')[0]

  assert.equal(await typeOf('/debug/ledgerz'), 'text/html')
  assert.equal(await typeOf('/debug/ledgerz', 'application/json'), 'application/json')
  assert.equal(await typeOf('/debug/ledgerz', 'text/html,application/json;q=0.5'), 'text/html')
  assert.equal(await typeOf('/debug/ledgerz?format=json', 'text/html'), 'application/json')
})

test('lists its pages at /debug, and has no others', async t => {
  const pages = await startPages(t)

  const { pages: listed } = (await pages.readJson('/debug')) as { pages: string[] }
  const statuses = await Promise.all(listed.map(async path => (await pages.fetch(path)).status))

  assert.deepEqual(statuses, [200, 200, 200, 200])
  assert.match(await pages.readText('/debug/'), /href="\/debug\/ledgerz"/)
  assert.equal((await pages.fetch('/debug/tracez')).status, 404)
})

test('tells numbers of the runtime when asked to, without the command line', async t => {
  const without = await startPages(t)
  const pages = await startPages(t, { expvar: { enabled: true } })

  const value = (await pages.readJson('/debug/expvarz')) as Record<string, Record<string, number>>

  assert.equal((await without.fetch('/debug/expvarz')).status, 404)
  assert.ok(value.memstats.heapUsed > 0)
  assert.equal('cmdline' in value, false)
})
