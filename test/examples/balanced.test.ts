/** `pipelines/balanced.yaml` does what its comment says: both backends are used, and one is enough. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { SIGNALS } from '../../src/core/signal.ts'
import { type Backend, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { startPipelineFile } from './pipeline-file.ts'

const ARRIVES_MS = 20_000

async function backendFor(t: TestContext): Promise<Backend> {
  const backend = await startBackend()
  t.after(() => backend.close())
  return backend
}

async function sendAll(http: number, n: number): Promise<void> {
  for (const signal of SIGNALS) {
    const answer = await fetch(`http://127.0.0.1:${http}/v1/${signal}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: Buffer.from(sampleRequest(signal, n).bytes),
    })
    assert.equal(answer.status, 200)
  }
}

test('balanced.yaml uses both backends, and when one dies the other has everything', async t => {
  const backends = [await backendFor(t), await backendFor(t)]
  const [grpc, http] = await freePorts(2)
  const at = 'receivers.otlp.protocols'
  const running = await startPipelineFile(t, {
    file: 'balanced.yaml',
    listen: { [`${at}.grpc.endpoint`]: grpc, [`${at}.http.endpoint`]: http },
    env: {
      MILLRACE_BACKEND_1: `127.0.0.1:${backends[0].grpcPort}`,
      MILLRACE_BACKEND_2: `127.0.0.1:${backends[1].grpcPort}`,
      MILLRACE_CHECK_INTERVAL: '200ms',
    },
  })
  const items = (): number =>
    backends.reduce(
      (sum, each) => sum + SIGNALS.reduce((n, signal) => n + each.items(signal), 0),
      0,
    )
  let sent = 0
  const send = async (): Promise<void> => {
    await sendAll(http, sent++)
    await eventually(() => items() === sent * 15, ARRIVES_MS, `all arrived\n${running.output()}`)
  }

  while (backends.some(({ requests }) => requests.length === 0)) {
    assert.ok(sent < 30, 'both are used')
    await send()
  }
  await backends[0].close()
  const first = backends[0].requests.length
  for (let i = 0; i < 5; i++) await send()

  assert.equal(backends[0].requests.length, first)
  assert.equal(await running.stop(), 0, running.output())
  assert.match(running.output(), /"balanced":true/)
})
