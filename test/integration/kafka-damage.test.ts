/**
 * A real broker whose files are damaged: nothing comes twice, what can be read arrives, and what cannot is said. Four
 * batches of ten records lie in each topic when one of them is damaged, and five records come after that.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import test from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { Kafka } from 'kafkajs'
import { loadKafkajs } from '../../src/net/kafka/kafkajs/internals.ts'
import { startSink } from '../faults/kit.ts'
import { NumberedRequests } from '../harness/numbered-spans.ts'
import { eventually } from '../harness/process.ts'
import { kafkaJars, startKafka } from './kafka-peer.ts'
import { lacking } from './peer-cache.ts'
import { PATIENT, ProofCollector } from './proof-kit.ts'

const STREAM = 3
const SPANS = 20
const BATCHES = 4
const RECORDS = 10
const LATER = 5
const WITHIN_MS = 30_000
/** A loop of the same fetches made ten rounds a second. */
const LOOKED_FOR_MS = 4000

interface Case {
  readonly topic: string
  /** Which batch is damaged, and how; `at` is where it begins. */
  readonly batch: number
  damage(log: Buffer, at: number): void
  /** Requests that arrive. */
  readonly arrive: number
  readonly said: RegExp
}

const CASES: readonly Case[] = [
  {
    topic: 'damaged-body',
    batch: 1,
    damage: (log, at) => void (log[at + 100] ^= 0xff),
    arrive: BATCHES * RECORDS - RECORDS + LATER,
    said: /records 10 to 19: the checksum is wrong/,
  },
  {
    topic: 'damaged-offset',
    batch: 1,
    damage: (log, at) => void log.writeBigInt64BE(1010n, at),
    arrive: BATCHES * RECORDS - RECORDS + LATER,
    said: /records 10 to 19: it says of itself that it begins at 1010/,
  },
  {
    // The broker takes its partition for empty then, and hands out the old batches with the new ones.
    topic: 'damaged-extent',
    batch: BATCHES - 1,
    damage(log, at) {
      log.writeInt32BE(1, at + 23)
      log[at + 100] ^= 0xff
    },
    arrive: BATCHES * RECORDS - RECORDS,
    said: /MILLRACE_KAFKA_LOG_BROKEN/,
  },
]

test('a damaged log', { skip: lacking(kafkaJars) }, async t => {
  const kafka = await startKafka(t)
  const client = new (loadKafkajs().kafkajs.Kafka)({ brokers: kafka.brokers, logLevel: 0 })
  for (const { topic } of CASES) {
    await kafka.createTopic(topic)
    await produce(client, topic, 0, BATCHES, RECORDS)
  }
  await kafka.stopBroker(0)
  for (const { topic, batch, damage } of CASES) {
    const log = readFileSync(kafka.logFile(topic))
    damage(log, beginningsOf(log)[batch])
    writeFileSync(kafka.logFile(topic), log)
  }
  await kafka.restart(0)

  for (const { topic, arrive, said } of CASES) {
    await t.test(`${topic}: takes what can be read, once, and says what cannot`, async t => {
      const sink = await startSink(t)
      const reader = await ProofCollector.start(t, {
        receivers: {
          kafka: {
            ...{ brokers: kafka.brokers, group_id: topic, initial_offset: 'earliest' },
            traces: { topics: [topic] },
          },
        },
        exporters: {
          otlp_grpc: {
            ...{ endpoint: `127.0.0.1:${sink.port}`, tls: { insecure: true } },
            ...PATIENT,
          },
        },
        pipelines: { traces: { receivers: ['kafka'], exporters: ['otlp_grpc'] } },
      })
      await reader.hasLogged('partitions_assigned')
      await produce(client, topic, BATCHES * RECORDS, 1, LATER)

      const hasAll = (): boolean => sink.distinct(STREAM) >= arrive * SPANS
      await eventually(hasAll, WITHIN_MS, 'all arrive')
      await eventually(() => said.test(reader.output), WITHIN_MS, `it says ${said}`)
      await wait(LOOKED_FOR_MS)

      assert.equal(sink.distinct(STREAM), arrive * SPANS)
      assert.equal(sink.duplicates(STREAM), 0)
      await reader.stopExact()
    })
  }
})

async function produce(client: Kafka, topic: string, from: number, batches: number, each: number) {
  const requests = new NumberedRequests(SPANS)
  const producer = client.producer()
  await producer.connect()
  for (let batch = 0; batch < batches; batch++) {
    const messages = Array.from({ length: each }, (_, i) => ({
      value: requests.body(STREAM, SPANS * (from + batch * each + i)),
    }))
    await producer.send({ topic, messages })
  }
  await producer.disconnect()
}

function beginningsOf(log: Buffer): number[] {
  const all: number[] = []
  for (let at = 0; at + 12 < log.length && log.readInt32BE(at + 8) > 0; ) {
    all.push(at)
    at += 12 + log.readInt32BE(at + 8)
  }
  return all
}
