/** The `pprof` extension: profiles that tools can read, one at a time, and that end with their client. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { config as spec } from '../../../src/extensions/pprof/config.ts'
import { PprofExtension } from '../../../src/extensions/pprof/extension.ts'
import type { FakeClock } from '../../../src/testing/fakes.ts'
import { startExtension } from '../extension-host.ts'

function startPprof(t: TestContext, settings: object = {}) {
  return startExtension(t, spec, context => new PprofExtension(context), settings)
}

/** Until a profile waits for its time to be over; `count` timers then. */
async function untilPending(clock: FakeClock, count: number): Promise<void> {
  while (clock.pending !== count) await turn()
}

test('answers a CPU profile of the asked time', async t => {
  const { url, services } = await startPprof(t)

  const asked = fetch(`${url}/debug/pprof/profile?seconds=2`)
  await untilPending(services.clock, 1)
  await services.clock.advance(2000)
  const answer = await asked
  const profile = (await answer.json()) as { nodes: unknown[]; startTime: number; endTime: number }

  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-disposition')!, /millrace\.cpuprofile/)
  assert.ok(profile.nodes.length > 0)
  assert.ok(profile.endTime >= profile.startTime)
})

test('answers a sampled heap profile', async t => {
  const { url, services } = await startPprof(t)

  const asked = fetch(`${url}/debug/pprof/heap`)
  await untilPending(services.clock, 1)
  const kept = Array.from({ length: 100_000 }, (_, i) => ({ i }))
  await services.clock.advance(10_000)
  const answer = await asked
  const profile = (await answer.json()) as { head: { children: unknown[] } }

  assert.match(answer.headers.get('content-disposition')!, /millrace\.heapprofile/)
  assert.ok(profile.head.children.length > 0)
  assert.equal(kept.length, 100_000)
})

test('takes one profile at a time', async t => {
  const { url, services } = await startPprof(t)
  const first = fetch(`${url}/debug/pprof/profile`)
  await untilPending(services.clock, 1)

  const second = await fetch(`${url}/debug/pprof/heap`)
  await services.clock.advance(30_000)
  await (await first).text()
  const third = fetch(`${url}/debug/pprof/heap?seconds=1`)
  await untilPending(services.clock, 1)
  await services.clock.advance(1000)

  assert.equal(second.status, 429)
  assert.ok(second.headers.has('retry-after'))
  assert.equal((await third).status, 200)
})

test('ends a profile whose client has gone', async t => {
  const { url, services } = await startPprof(t)
  const client = new AbortController()
  const asked = fetch(`${url}/debug/pprof/profile`, { signal: client.signal }).catch(() => 'gone')
  await untilPending(services.clock, 1)

  client.abort()
  await untilPending(services.clock, 0)
  const next = fetch(`${url}/debug/pprof/profile?seconds=1`)
  await untilPending(services.clock, 1)
  await services.clock.advance(1000)

  assert.equal(await asked, 'gone')
  assert.equal((await next).status, 200)
})

test('stops at once while a profile is taken', async t => {
  const { url, services, extension } = await startPprof(t)
  const asked = fetch(`${url}/debug/pprof/profile`).catch(() => 'cut')
  await untilPending(services.clock, 1)

  await extension.stop()

  assert.equal(await asked, 'cut')
  assert.equal(services.clock.pending, 0)
})

test('refuses times outside 1 to 60 seconds', async t => {
  const { url } = await startPprof(t)

  for (const seconds of ['0', '61', '-1', 'x', '', '1e1']) {
    assert.equal((await fetch(`${url}/debug/pprof/profile?seconds=${seconds}`)).status, 400)
  }
})

test('shows an index and says what it does not have', async t => {
  const { url } = await startPprof(t)

  const index = await (await fetch(`${url}/debug/pprof/`)).text()

  assert.match(index, /href="\/debug\/pprof\/profile/)
  assert.equal((await fetch(`${url}/debug/pprof/goroutine`)).status, 404)
})

test('saves a CPU profile from the start to the stop, beside those that are asked for', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-pprof-'))
  t.after(() => rm(directory, { recursive: true }))
  const save_to_file = join(directory, 'run.cpuprofile')
  const { url, services, extension } = await startPprof(t, { save_to_file })
  const asked = fetch(`${url}/debug/pprof/profile?seconds=1`)
  await untilPending(services.clock, 2)
  await services.clock.advance(1000)

  const { status } = await asked
  await extension.stop()
  await extension.stop()

  const saved = JSON.parse(await readFile(save_to_file, 'utf8'))
  assert.equal(status, 200)
  assert.ok(saved.nodes.length > 0)
})

test('does not start when the file cannot be written', async t => {
  await assert.rejects(startPprof(t, { save_to_file: '/nowhere/run.cpuprofile' }), /ENOENT/)
})
