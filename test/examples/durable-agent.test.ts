/** `pipelines/durable-agent.yaml`: what it has answered for survives SIGKILL and a gateway that is not there. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SIGNALS } from '../../src/core/signal.ts'
import { startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, MAIN, ROOT, type Running, startProcess } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'

const FILE = join(ROOT, 'pipelines', 'durable-agent.yaml')
const ITEMS_OF_A_SAMPLE = 5
const ROUNDS = 3

interface Agent {
  readonly http: number
  /** On other ports when they are given, in the same folder in any case. */
  start(gateway: string, ports?: readonly number[]): Promise<Running>
}

async function agentFolder(t: TestContext): Promise<Agent> {
  const own = await freePorts(4)
  const state = await mkdtemp(join(tmpdir(), 'millrace-durable-'))
  const started: Running[] = []
  t.after(async () => {
    for (const running of started) await running.stop()
    await rm(state, { recursive: true, force: true })
  })
  return {
    http: own[0],
    start: async (gateway, [http, grpc, health, metrics] = own) => {
      const sets = {
        'receivers.otlp.protocols.grpc.endpoint': `127.0.0.1:${grpc}`,
        'receivers.otlp.protocols.http.endpoint': `127.0.0.1:${http}`,
        'extensions.health_check.endpoint': `127.0.0.1:${health}`,
        'service.telemetry.metrics.address': `127.0.0.1:${metrics}`,
        'exporters.otlp_grpc.retry_on_failure.initial_interval': '100ms',
        // The backend of the test knows no zstd.
        'exporters.otlp_grpc.compression': 'gzip',
      }
      const args = Object.entries(sets).flatMap(([key, value]) => ['--set', `${key}=${value}`])
      const env = { ...process.env, MILLRACE_GATEWAY: gateway, MILLRACE_STATE: state }
      const command = [MAIN, '--config', FILE, '--no-admin-socket', ...args]
      const running = await startProcess(process.execPath, command, http, env)
      started.push(running)
      return running
    },
  }
}

async function send(http: number): Promise<void> {
  for (const signal of SIGNALS) {
    const body = sampleRequest(signal, 1).bytes as Uint8Array<ArrayBuffer>
    const headers = { 'content-type': 'application/x-protobuf' }
    const url = `http://127.0.0.1:${http}/v1/${signal}`
    const answer = await fetch(url, { method: 'POST', headers, body })
    assert.equal(answer.status, 200, await answer.text())
  }
}

async function kill({ child }: Running): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

test('what was answered arrives after the process was killed while the gateway was away', async t => {
  const agent = await agentFolder(t)
  const [nobody] = await freePorts(1)
  for (let round = 0; round < ROUNDS; round++) {
    const running = await agent.start(`127.0.0.1:${nobody}`)
    await send(agent.http)
    await kill(running)
  }
  const backend = await startBackend()
  t.after(() => backend.close())

  const last = await agent.start(`127.0.0.1:${backend.grpcPort}`)
  const arrived = () => SIGNALS.every(signal => backend.items(signal) >= ROUNDS * ITEMS_OF_A_SAMPLE)
  await eventually(arrived, 20_000, `everything arrives\n${last.output()}`)

  assert.equal(await last.stop(), 0, last.output())
  for (const signal of SIGNALS) assert.equal(backend.items(signal), ROUNDS * ITEMS_OF_A_SAMPLE)
})

test('what waits for a gateway that is away at the end is no loss', async t => {
  const agent = await agentFolder(t)
  const [nobody] = await freePorts(1)
  const running = await agent.start(`127.0.0.1:${nobody}`)
  await send(agent.http)

  const code = await running.stop()

  assert.equal(code, 0, running.output())
})

test('a second process does not start in the same folder, and says why', async t => {
  const agent = await agentFolder(t)
  const [nobody, ...others] = await freePorts(5)
  const first = await agent.start(`127.0.0.1:${nobody}`)

  await assert.rejects(agent.start(`127.0.0.1:${nobody}`, others), error => {
    assert.match(String(error), /MILLRACE_[A-Z_]+/)
    assert.match(String(error), new RegExp(`\\b${first.child.pid}\\b`))
    return true
  })
})
