/** A broker that is killed and started again under load: what was accepted reaches the end, by the numbers in the spans. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import {
  missing,
  sleep,
  startLoad,
  startSink,
  temporaryFolder,
  untilDelivered,
} from '../faults/kit.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { type KafkaPeer, kafkaJars, startKafka } from './kafka-peer.ts'
import { lacking } from './peer-cache.ts'
import { PATIENT, ProofCollector, type Sections } from './proof-kit.ts'

const LOAD = { spans: 50, inFlight: 4, rate: 2000 }
const BEFORE_MS = 2000
const DEAD_MS = 3000
const AFTER_MS = 2000
const DRAIN_MS = 60_000
const PARTITIONS = 4

test('nothing is missing after a broker was killed under load', {
  skip: lacking(kafkaJars),
}, async t => {
  const kafka = await startKafka(t)
  for (const [stream, storage] of [undefined, 'file_storage'].entries()) {
    await t.test(`with queues ${storage === undefined ? 'in memory' : 'on disk'}`, t =>
      outage(t, kafka, { stream, storage }),
    )
  }
})

interface Wanted {
  readonly stream: number
  readonly storage: string | undefined
}

async function outage(t: TestContext, kafka: KafkaPeer, { stream, storage }: Wanted) {
  const topic = `outage-${stream}`
  const { brokers } = kafka
  await kafka.createTopic(topic, PARTITIONS)
  const sink = await startSink(t)
  const [port] = await freePorts(1)
  const reader = await ProofCollector.start(t, readerOf(brokers, topic, sink.port))
  const writer = await ProofCollector.start(t, {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: {
      kafka: {
        brokers,
        traces: { topic },
        producer: { required_acks: -1, compression: 'zstd' },
        sending_queue: { queue_size: 1000, ...(storage !== undefined && { storage }) },
        ...PATIENT,
      },
    },
    extensions: storage === undefined ? {} : { file_storage: { directory: temporaryFolder(t) } },
    pipelines: { traces: { receivers: ['otlp'], exporters: ['kafka'] } },
  })

  const load = startLoad(t, { port, stream, ...LOAD })
  await sleep(BEFORE_MS)
  await eventually(() => sink.distinct(stream) > 0, DRAIN_MS, 'something has arrived')
  const arrivedBefore = sink.distinct(stream)
  await kafka.kill()
  await sleep(DEAD_MS)
  await kafka.restart()
  await sleep(AFTER_MS)
  await load.stop()
  await untilDelivered(load.fates, sink, [stream], DRAIN_MS)

  const duplicates = sink.duplicates(stream)
  t.diagnostic(JSON.stringify({ ...load.counts, arrivedBefore, duplicates }))
  assert.ok(load.counts.accepted > arrivedBefore)
  assert.equal(missing(load.fates, sink, stream), 0)
  assert.equal(await writer.stopExact(), 0)
  assert.equal(await reader.stopExact(), 0)
}

function readerOf(brokers: readonly string[], topic: string, sinkPort: number): Sections {
  return {
    receivers: {
      kafka: {
        brokers,
        group_id: topic,
        initial_offset: 'earliest',
        traces: { topics: [topic] },
      },
    },
    exporters: {
      otlp_grpc: {
        endpoint: `127.0.0.1:${sinkPort}`,
        tls: { insecure: true },
        compression: 'none',
        ...PATIENT,
      },
    },
    pipelines: { traces: { receivers: ['kafka'], exporters: ['otlp_grpc'] } },
  }
}
