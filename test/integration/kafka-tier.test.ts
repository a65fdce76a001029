/** `pipelines/kafka-writer.yaml` and `pipelines/kafka-reader.yaml` around a real Kafka, as docs/recipes/kafka-tier.md has them. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { SIGNALS } from '../../src/core/signal.ts'
import { startPipelineFile, temporaryFolder } from '../examples/pipeline-file.ts'
import { type Backend, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, MAIN, type Running } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { type KafkaPeer, kafkaJars, startKafka } from './kafka-peer.ts'
import { lacking } from './peer-cache.ts'
import { post } from './proof-kit.ts'

const ARRIVES_MS = 45_000
const PER_REQUEST = 5

interface Tier {
  readonly backend: Backend
  readonly http: number
  readonly state: string
  startWriter(): Promise<Running>
  startReader(): Promise<Running>
}

async function tierOn(t: TestContext, kafka: KafkaPeer, group: string): Promise<Tier> {
  const backend = await startBackend()
  t.after(() => backend.close())
  const state = await temporaryFolder(t)
  const [grpc, http] = await freePorts(2)
  const env = {
    MILLRACE_BROKER: kafka.brokers[0],
    MILLRACE_BACKEND: `127.0.0.1:${backend.grpcPort}`,
    MILLRACE_GROUP: group,
    MILLRACE_STATE: state,
  }
  const at = 'receivers.otlp.protocols'
  const listen = { [`${at}.grpc.endpoint`]: grpc, [`${at}.http.endpoint`]: http }
  const hasHealthCheck = true
  return {
    backend,
    http,
    state,
    startWriter: () =>
      startPipelineFile(t, { file: 'kafka-writer.yaml', listen, env, hasHealthCheck }),
    startReader: () => startPipelineFile(t, { file: 'kafka-reader.yaml', env, hasHealthCheck }),
  }
}

async function sendAll(http: number, n: number): Promise<void> {
  for (const signal of SIGNALS) {
    await post(`http://127.0.0.1:${http}/v1/${signal}`, sampleRequest(signal, n).bytes)
  }
}

function arrives(backend: Backend, requests: number, reader: Running): Promise<void> {
  const has = (): boolean => SIGNALS.every(s => backend.items(s) >= requests * PER_REQUEST)
  return eventually(has, ARRIVES_MS, `${requests} requests of each signal arrive`).catch(error =>
    assert.fail(`${(error as Error).message}\n${reader.output()}`),
  )
}

test('the tier of kafka-writer.yaml and kafka-reader.yaml', {
  skip: lacking(kafkaJars),
}, async t => {
  const kafka = await startKafka(t)
  await kafka.createTopics(['otlp_spans', 'otlp_metrics', 'otlp_logs'], 3)

  await t.test('carries all signals, and keeps what nobody can read as a letter', async t => {
    const tier = await tierOn(t, kafka, 'first')
    const [writer, reader] = await Promise.all([tier.startWriter(), tier.startReader()])
    const producer = kafka.client().producer()
    await producer.connect()
    t.after(() => producer.disconnect())

    await sendAll(tier.http, 1)
    await arrives(tier.backend, 1, reader)
    for (const partition of [0, 1, 2]) {
      await producer.send({ topic: 'otlp_spans', messages: [{ value: 'not OTLP', partition }] })
    }
    await sendAll(tier.http, 2)
    await arrives(tier.backend, 2, reader)
    assert.equal(await writer.stop(), 0, writer.output())
    assert.equal(await reader.stop(), 0, reader.output())

    for (const signal of SIGNALS) assert.equal(tier.backend.items(signal), 2 * PER_REQUEST)
    assert.equal((await lettersOf(join(tier.state, 'reader'))).length, 3)
  })

  await t.test('keeps on disk what comes while the broker is away', async t => {
    const tier = await tierOn(t, kafka, 'second')
    await kafka.kill()
    const before = await tier.startWriter()
    await sendAll(tier.http, 3)
    // As a machine that loses power would.
    before.child.kill('SIGKILL')
    await kafka.restart()
    const writer = await tier.startWriter()
    const reader = await tier.startReader()

    // The new group also reads what the first has read.
    await arrives(tier.backend, 3, reader)
    assert.equal(await writer.stop(), 0, writer.output())
    assert.equal(await reader.stop(), 0, reader.output())

    for (const signal of SIGNALS) assert.equal(tier.backend.items(signal), 3 * PER_REQUEST)
  })
})

async function lettersOf(directory: string): Promise<unknown[]> {
  const command = [MAIN, 'queue', 'letters', 'ls', '--json', '--directory', directory]
  const { stdout } = await promisify(execFile)(process.execPath, command)
  const answer = JSON.parse(stdout) as unknown[] | { letters: unknown[] }
  return Array.isArray(answer) ? answer : answer.letters
}
