/** `millrace sampler status | explain | feedback | compare` against a collector that runs in this process. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { AdminSocket } from '../../src/pipeline/admin-socket.ts'
import { GrpcSender, startCollector } from '../e2e/kit.ts'
import { freePorts } from '../harness/ports.ts'
import { shopTrace, traceId } from '../processors/adaptive-sampler/kit.ts'
import { request } from '../sampler/assembly/spans.ts'
import { runMillrace } from './command-line.ts'

async function start(t: TestContext, settings: object = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-sampler-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [port] = await freePorts(1)
  const { collector, finish } = await startCollector(t, {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    processors: {
      adaptive_sampler: {
        decision_wait: '10ms',
        always_keep: ['attributes["user"] == "boss"'],
        challengers: [{ model: 'rules' }],
        ...settings,
      },
    },
    exporters: { nop: {} },
    service: {
      pipelines: {
        traces: { receivers: ['otlp'], processors: ['adaptive_sampler'], exporters: ['nop'] },
      },
    },
  })
  const path = join(folder, 'admin.sock')
  const socket = await AdminSocket.open(path, collector.inspector)
  t.after(() => socket.close())
  const sender = new GrpcSender(t, port)
  const ask = (...args: string[]) => runMillrace(['sampler', ...args, '--socket', path])
  const sendKept = async (n: number, more: object = {}): Promise<void> => {
    const trace = shopTrace(n, { attributes: { user: 'boss' }, ...more })
    await sender.send('traces', request(trace))
    for (;;) {
      const { code } = await ask('explain', traceId(n))
      if (code === 0) return
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  return { ask, sendKept, finish }
}

test('explain tells lane, score, probability and threshold', async t => {
  const { ask, sendKept, finish } = await start(t)
  await sendKept(1)

  const { code, stdout } = await ask('explain', traceId(1))

  assert.equal(code, 0)
  assert.match(stdout, /adaptive_sampler kept it for rule \(3 spans, \d+ bytes, of default\)/)
  assert.match(stdout, / {4}lane +rule\n {4}score +\d\.\d{3} by network 1\.0\.0\n/)
  assert.match(stdout, / {4}probability +1\.000 \(stands for 1 such traces\)\n/)
  assert.match(stdout, / {4}threshold +ot=th:0\n {4}top key /)
  const unknown = await ask('explain', 'c'.repeat(32))
  assert.deepEqual([unknown.code, /nothing is noted/.test(unknown.stdout)], [1, true])
  await finish()
})

test('explain tells what dropped a trace that was not left to chance', async t => {
  const ceiling = { budget: { max_spans_per_second: 1 }, never_keep: ['name == "GET /healthz"'] }
  const { ask, sendKept, finish } = await start(t, ceiling)
  await sendKept(1, { name: 'GET /healthz' })
  for (const n of [2, 3, 4, 5]) await sendKept(n)

  const never = await ask('explain', traceId(1))
  const over = await ask('explain', traceId(5))

  assert.match(never.stdout, /did not keep it .*\n.*\n.*\n {4}probability +0\n/)
  assert.match(never.stdout, /dropped by +a condition of never_keep\n/)
  assert.match(over.stdout, /lane +rule\n.*\n.*\n {4}dropped by +the hard limit on spans or bytes/)
  await finish()
})

test('feedback is heard, where the trace is known', async t => {
  const { ask, sendKept } = await start(t)
  await sendKept(1)

  const known = await ask('feedback', traceId(1), 'useful')
  const unknown = await ask('feedback', traceId(2), 'noise')
  const odd = await ask('feedback', traceId(1), 'great')

  assert.deepEqual([known.code, known.stdout], [0, 'adaptive_sampler: noted as useful\n'])
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /nothing is noted/)
  assert.equal(odd.code, 2)
})

test('status and compare show what is decided and by whom', async t => {
  const { ask, sendKept } = await start(t)
  await sendKept(1)

  const status = await ask('status')
  const compared = await ask('compare')
  const json = JSON.parse((await ask('status', '--json')).stdout)

  assert.match(status.stdout, /^adaptive_sampler:\n {2}model +network 1\.0\.0, warming up\n/)
  assert.match(status.stdout, /kept +1 traces \(100\.00 %\), 3 spans\n {2}reasons +rule 1\n/)
  assert.match(compared.stdout, /network 1\.0\.0 +live .*\n {2}rules 1 +shadow /)
  assert.equal(json.samplers[0].tracesKept, 1)
})
