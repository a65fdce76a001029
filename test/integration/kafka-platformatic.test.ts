/** The second client library, fetched for the test, against a real broker: the same records, whichever connects. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'
import { SILENT_LOGGER } from '../../src/core/logger.ts'
import type { KafkaProducerOptions, KafkaSasl, OutgoingRecord } from '../../src/net/kafka/client.ts'
import { createPartitioner } from '../../src/net/kafka/partitioners.ts'
import { createPlatformaticDriver } from '../../src/net/kafka/platformatic/driver.ts'
import type { PlatformaticLibrary } from '../../src/net/kafka/platformatic/library.ts'
import { AbortSource } from '../../src/util/abort.ts'
import { Secret } from '../../src/util/secret.ts'
import { eventually } from '../harness/process.ts'
import { KAFKA_USER, kafkaJars, startKafka } from './kafka-peer.ts'
import { fetched, lacking, run } from './peer-cache.ts'

/** The newest that runs on every Node that is supported. */
const VERSION = '1.35.0'
const RECORDS = 60
const ARRIVAL_MS = 10_000

function platformatic(): string {
  const folder = fetched({
    peer: 'platformatic',
    path: `platformatic-kafka-${VERSION}`,
    needs: 'npm with its registry',
    make: target => {
      mkdirSync(target, { recursive: true })
      writeFileSync(join(target, 'package.json'), '{"private":true}')
      const args = ['--no-audit', '--no-fund', '--ignore-scripts', '--engine-strict=false']
      run('npm', ['install', ...args, `@platformatic/kafka@${VERSION}`], { cwd: target })
    },
  })
  return join(folder, 'node_modules/@platformatic/kafka/dist/index.js')
}

test('the exporter speaks through @platformatic/kafka', {
  skip: lacking(kafkaJars, platformatic),
}, async t => {
  const kafka = await startKafka(t, { sasl: true, tls: true })
  const library = (await import(pathToFileURL(platformatic()).href)) as PlatformaticLibrary
  const driver = createPlatformaticDriver(async () => library)
  const ca = readFileSync(kafka.caFile)
  const tls = () => ({ ca })
  const { username, password } = KAFKA_USER
  const user = { username, password: new Secret(password) }

  const send = async (topic: string, more: Partial<KafkaProducerOptions>) => {
    const producer = driver.producer({ ...OPTIONS, brokers: kafka.brokers, ...more })
    t.after(() => producer.stop())
    await producer.start()
    return producer.send(recordsOf(topic), new AbortSource())
  }

  for (const [words, more] of [
    ['in the clear', {}],
    ['with numbers', { acks: -1, idempotent: true, compression: 'gzip' }],
    ['without answers', { acks: 0 }],
    ['over TLS', { brokers: kafka.tlsBrokers, tls }],
    ['by SCRAM', { brokers: kafka.saslBrokers, sasl: { mechanism: 'SCRAM-SHA-256', ...user } }],
    [
      'by PLAIN over TLS',
      { brokers: kafka.saslTlsBrokers, tls, sasl: { mechanism: 'PLAIN', ...user } },
    ],
  ] as const satisfies readonly (readonly [string, Partial<KafkaProducerOptions>])[]) {
    await t.test(`delivers ${words}`, async () => {
      const topic = `platformatic-${words.replaceAll(' ', '-')}`
      await kafka.createTopic(topic, 3)

      const results = await send(topic, more)

      assert.deepEqual(results, Array(RECORDS).fill(null))
      // Without answers they may still be on their way.
      await eventually(async () => (await kafka.records(topic)) === RECORDS, ARRIVAL_MS, topic)
    })
  }

  await t.test('keeps data while the password is wrong', async () => {
    const sasl: KafkaSasl = { mechanism: 'PLAIN', username, password: new Secret('wrong') }

    const [failure] = await send('nowhere', { brokers: kafka.saslBrokers, sasl })

    assert.deepEqual([failure?.kind, failure?.reason], ['retry', 'unauthenticated'])
  })

  await t.test('refuses a record that is too large for the topic', async () => {
    await kafka.createTopic('small', 1, { 'max.message.bytes': '1000' })

    const results = await send('small', { compression: 'none' })

    assert.deepEqual(new Set(results.map(failure => failure?.reason)), new Set(['too_large']))
  })
})

const OPTIONS: KafkaProducerOptions = {
  brokers: [],
  clientId: 'test',
  rackId: '',
  tls: null,
  sasl: null,
  connectTimeoutMs: 5000,
  requestTimeoutMs: 10_000,
  metadataMaxAgeMs: 60_000,
  metadataRetries: 3,
  metadataBackoffMs: 250,
  idleTimeoutMs: 0,
  allowAutoTopicCreation: false,
  clock: SYSTEM_CLOCK,
  log: SILENT_LOGGER,
  acks: 1,
  idempotent: false,
  compression: 'zstd',
  compressionLevel: 0,
  maxBatchBytes: 1_000_000,
  maxRequestBytes: 100_000_000,
  maxBatchRecords: 1000,
  lingerMs: 0,
  partitioner: createPartitioner('sarama_compat'),
}

function recordsOf(topic: string): OutgoingRecord[] {
  return Array.from({ length: RECORDS }, (_, i) => {
    const value = Buffer.alloc(20_000, i)
    return { topic, key: null, value: [value], valueBytes: value.length, headers: [] }
  })
}
