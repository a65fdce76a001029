/** `millrace rules status | reload | rollback | why` against a collector that runs in this process. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { decodeJson } from '../../src/otlp/json/decode.ts'
import { AdminSocket } from '../../src/pipeline/admin-socket.ts'
import { GrpcSender, startCollector } from '../e2e/kit.ts'
import { freePorts } from '../harness/ports.ts'
import { runMillrace } from './command-line.ts'

const TRACE = 'a'.repeat(32)

function rulesDropping(name: string): string {
  return `version: 1\nrules:\n  - { name: drop-${name}, when: name == "${name}", do: drop }\n`
}

async function start(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-running-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const rules = join(folder, 'r.yaml')
  writeFileSync(rules, rulesDropping('a'))
  const [port] = await freePorts(1)
  const { collector, finish } = await startCollector(t, {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    processors: { rules: { files: [rules], watch: false, decisions: { sample_rate: 1 } } },
    exporters: { nop: {} },
    service: {
      pipelines: { traces: { receivers: ['otlp'], processors: ['rules'], exporters: ['nop'] } },
    },
  })
  const path = join(folder, 'admin.sock')
  const socket = await AdminSocket.open(path, collector.inspector)
  t.after(() => socket.close())
  const sender = new GrpcSender(t, port)
  const send = async (name: string): Promise<void> => {
    const spans = [{ name, traceId: TRACE, spanId: 'b'.repeat(16) }]
    const request = { resourceSpans: [{ scopeSpans: [{ spans }] }] }
    await sender.send(
      'traces',
      decodeJson('traces', Buffer.from(JSON.stringify(request))) as Uint8Array,
    )
  }
  const ask = (...args: string[]) => runMillrace(['rules', ...args, '--socket', path])
  return { rules, send, ask, finish }
}

test('status shows the live set and what its rules did', async t => {
  const { send, ask, finish } = await start(t)
  await send('a')
  await send('b')

  const { code, stdout } = await ask('status')

  assert.equal(code, 0)
  assert.match(stdout, /^rules \(traces\): 1 rule live\n {2}[0-9a-f]{16} since .* by start, from /)
  assert.match(stdout, /drop-a +1 +1 +0 +0\n/)
  await finish()
})

test('why tells the rule, the part of its condition and the value', async t => {
  const { send, ask } = await start(t)
  await send('a')

  const { stdout } = await ask('why', TRACE)

  assert.match(
    stdout,
    /rule drop-a \(rules\) dropped it because\n {4}true: name == "a" \(name = "a"\)/,
  )
  assert.match((await ask('why', 'c'.repeat(32))).stdout, /nothing is noted/)
})

test('reload and rollback change what runs', async t => {
  const { rules, ask } = await start(t)
  const live = async () => JSON.parse((await ask('status', '--json')).stdout).rules[0].live
  const before = await live()

  writeFileSync(rules, rulesDropping('b'))
  assert.equal((await ask('reload')).code, 0)
  const after = await live()
  assert.notEqual(after.hash, before.hash)

  assert.equal((await ask('rollback')).code, 0)
  assert.equal((await live()).hash, before.hash)

  writeFileSync(rules, 'version: 1\nrules: 5\n')
  const refused = await ask('reload')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /r\.yaml:2:8: rules: is a number/)
  assert.match((await ask('status')).stdout, /refused at .*\(admin\):\n {4}.*is a number/)
})

test('says so when no collector can be asked', async () => {
  const { code, stderr } = await runMillrace(['rules', 'status', '--socket', '/nowhere/admin.sock'])

  assert.equal(code, 1)
  assert.match(stderr, /MILLRACE_ADMIN_UNREACHABLE/)
})
