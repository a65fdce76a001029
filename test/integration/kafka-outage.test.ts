/** A broker that is killed and started again under load: what was accepted reaches the end, by the numbers in the spans. */
import assert from 'node:assert/strict'
import test from 'node:test'
import {
  missing,
  sleep,
  startLoad,
  startSink,
  temporaryFolder,
  untilDelivered,
} from '../faults/kit.ts'
import { freePorts } from '../harness/ports.ts'
import { kafkaJars, startKafka } from './kafka-peer.ts'
import { lacking } from './peer-cache.ts'
import { PATIENT, ProofCollector } from './proof-kit.ts'

const STREAM = 7
const LOAD = { stream: STREAM, spans: 50, inFlight: 4, rate: 5000 }
const BEFORE_MS = 4000
const DEAD_MS = 4000
const AFTER_MS = 4000
const DRAIN_MS = 90_000
const PARTITIONS = 4

for (const [words, storage] of [
  ['in memory', {}],
  ['on disk', { storage: 'file_storage' }],
] as const) {
  test(`nothing is missing after a broker was killed under load, with queues ${words}`, {
    skip: lacking(kafkaJars),
  }, async t => {
    const [kafka, sink] = await Promise.all([startKafka(t), startSink(t)])
    await kafka.createTopic('outage', PARTITIONS)
    const { brokers } = kafka
    const [port] = await freePorts(1)
    const reader = await ProofCollector.start(t, readerOf(brokers, sink.port))
    const extensions =
      'storage' in storage ? { file_storage: { directory: temporaryFolder(t) } } : {}
    const writer = await ProofCollector.start(t, {
      receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: {
        kafka: {
          brokers,
          traces: { topic: 'outage' },
          producer: { required_acks: -1, compression: 'zstd' },
          sending_queue: { queue_size: 1000, ...storage },
          ...PATIENT,
        },
      },
      extensions,
      pipelines: { traces: { receivers: ['otlp'], exporters: ['kafka'] } },
    })

    const load = startLoad(t, { port, ...LOAD })
    await sleep(BEFORE_MS)
    const arrivedBefore = sink.distinct(STREAM)
    await kafka.kill()
    await sleep(DEAD_MS)
    await kafka.restart()
    await sleep(AFTER_MS)
    await load.stop()
    await untilDelivered(load.fates, sink, [STREAM], DRAIN_MS)

    t.diagnostic(
      JSON.stringify({ ...load.counts, arrivedBefore, duplicates: sink.duplicates(STREAM) }),
    )
    assert.ok(arrivedBefore > 0)
    assert.ok(load.counts.accepted > arrivedBefore)
    assert.equal(missing(load.fates, sink, STREAM), 0)
    assert.equal(await writer.stopExact(), 0)
    assert.equal(await reader.stopExact(), 0)
  })
}

function readerOf(brokers: readonly string[], sinkPort: number) {
  return {
    receivers: {
      kafka: {
        brokers,
        group_id: 'outage',
        initial_offset: 'earliest',
        traces: { topics: ['outage'] },
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
