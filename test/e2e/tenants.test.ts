/** Tenants in short, through the built program: who is let in, who is slowed, who notices, and what the book says. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import test from 'node:test'
import { promisify } from 'node:util'
import { Subject, startLoad, startSink, temporaryFolder, untilDelivered } from '../faults/kit.ts'
import { noisyNeighbour } from '../faults/noisy-neighbour.ts'
import { keyMetadata, randomKey, tenantsWithKeys } from '../faults/tenants.ts'
import { MAIN } from '../harness/process.ts'

const UNAUTHENTICATED = 16
const RESOURCE_EXHAUSTED = 8

async function millrace(...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, [MAIN, ...args])).stdout
}

test('a key that the program made lets its tenant in until it is revoked', async t => {
  const file = join(temporaryFolder(t), 'keys.json')
  const sink = await startSink(t)
  const made = JSON.parse(
    await millrace('tenants', 'key', 'create', '--file', file, '--tenant', 'shop', '--json'),
  ) as { key: string; id: string }
  const subject = await Subject.start(t, {
    target: sink.port,
    tenants: { identity: { api_keys: { file } } },
  })
  const send = async (key: string): Promise<ReadonlyMap<number, number>> => {
    const metadata = keyMetadata(key)
    const load = startLoad(t, { port: subject.port, stream: 1, spans: 2, requests: 1, metadata })
    await load.done
    return load.counts.byCode
  }

  assert.deepEqual([...(await send(made.key))], [[0, 1]])
  assert.deepEqual([...(await send(randomKey()))], [[UNAUTHENTICATED, 1]])
  await millrace('tenants', 'key', 'revoke', '--file', file, made.id)
  for (;;) {
    const [[code]] = await send(made.key)
    if (code === UNAUTHENTICATED) break
    await new Promise(resolve => setTimeout(resolve, 50))
  }

  const { rows, code } = await subject.stop()
  assert.equal(code, 0)
  assert.deepEqual([...new Set(rows.map(row => row.tenant))], ['shop'])
})

test('a tenant above its quota is told to slow down, and only what was accepted arrives', async t => {
  const sink = await startSink(t)
  const { config, keys } = tenantsWithKeys(temporaryFolder(t), {
    small: { items_per_second: { rate: 100, burst: 200 } },
  })
  const subject = await Subject.start(t, { target: sink.port, tenants: config })
  const load = startLoad(t, {
    ...{ port: subject.port, stream: 1, spans: 50, requests: 20, inFlight: 1 },
    metadata: keyMetadata(keys.get('small')!),
  })
  await load.done

  const { accepted, refused, byCode } = load.counts
  await untilDelivered(load.fates, sink, [1], 10_000)
  const { rows } = await subject.stop()
  assert.ok(accepted >= 200 && accepted <= 400, `${accepted} were accepted`)
  assert.equal(accepted + refused, 1000)
  assert.ok((byCode.get(RESOURCE_EXHAUSTED) ?? 0) > 0)
  assert.equal(sink.distinct(1), accepted)
  assert.deepEqual(
    rows.map(row => [row.tenant, row.accepted, row.sent, row.balanced]),
    [['small', accepted, accepted, true]],
  )
})

test('a tenant that behaves does not notice one that sends far too much, or has no key', async t => {
  const report = await noisyNeighbour(t, {
    kinds: ['over_quota', 'bad_auth'],
    rounds: 1,
    sliceMs: 500,
  })

  for (const { kind, alone, beside } of report.rows) {
    assert.equal(beside.failedSpans, 0, kind)
    assert.ok(beside.spansPerSecond > 0.8 * alone.spansPerSecond, JSON.stringify({ alone, beside }))
  }
  assert.equal(report.accepted, report.arrived)
  for (const row of report.stopped.rows) assert.ok(row.balanced)
})
