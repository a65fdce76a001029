/**
 * Answers: how many spans a second can one core take from Kafka, through the receiver and a pipeline?
 *
 *   npm run bench:kafka-in -- [--spans 1000000]
 *
 * A real broker; the collector reads while this process produces, into the exporter `nop`. Counted is the processor time of
 * the collector alone. Exits 1 when the bar is missed.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Kafka } from 'kafkajs'
import { loadKafkajs } from '../../src/net/kafka/kafkajs/internals.ts'
import { freePorts } from '../../test/harness/ports.ts'
import { eventually, type Running, startMillrace } from '../../test/harness/process.ts'
import { startKafka } from '../../test/integration/kafka-peer.ts'
import { tracesRequest } from '../corpus/traces.ts'
import { printRow, runBench } from './bench-kit.ts'

const { values } = parseArgs({ options: { spans: { type: 'string', default: '1000000' } } })

const LEAST_SPANS_PER_SECOND = 200_000
/** Of the case that the bar is about. */
const USUAL_SPANS = 512
const PARTITIONS = 4
const DISTINCT_REQUESTS = 16
const BYTES_AT_ONCE = 1 << 19
const WAIT_MS = 120_000
const ZSTD = 4

interface Case {
  readonly title: string
  readonly spans: number
  readonly compression: number
}

const CASES: readonly Case[] = [
  { title: '512 a record', spans: USUAL_SPANS, compression: 0 },
  { title: '512 a record, zstd', spans: USUAL_SPANS, compression: ZSTD },
  { title: '10 a record', spans: 10, compression: 0 },
]

await runBench(async scope => {
  const kafka = await startKafka(scope)
  const client = new (loadKafkajs().kafkajs.Kafka)({ brokers: kafka.brokers, logLevel: 1 })
  printRow('records', ['spans/s', 'us/span', 'spans'])
  let isFine = true
  for (const [i, each] of CASES.entries()) {
    const topic = `in-${i}`
    await kafka.createTopic(topic, PARTITIONS)
    const [health, metrics] = await freePorts(2)
    const collector = await startMillrace(yamlOf(kafka.brokers, topic, health, metrics), health)
    scope.after(() => collector.stop())
    await eventually(
      () => collector.output().includes('partitions_assigned'),
      WAIT_MS,
      'the group has given the partitions out',
    )
    const { cpuSeconds, spans } = await measure(client, collector, topic, metrics, each)
    const perSecond = spans / cpuSeconds
    printRow(each.title, [
      perSecond.toFixed(0),
      ((cpuSeconds * 1e6) / spans).toFixed(3),
      spans.toFixed(0),
    ])
    isFine &&= each.spans !== USUAL_SPANS || perSecond >= LEAST_SPANS_PER_SECOND
    await collector.stop()
  }
  return isFine
})

async function measure(
  client: Kafka,
  collector: Running,
  topic: string,
  metricsPort: number,
  { spans, compression }: Case,
): Promise<{ cpuSeconds: number; spans: number }> {
  const requests = Array.from({ length: DISTINCT_REQUESTS }, (_, i) =>
    Buffer.from(tracesRequest({ seed: i + 1, items: spans })),
  )
  const producer = client.producer()
  await producer.connect()
  const before = cpuOf(collector)
  const atOnce = Math.max(1, Math.floor(BYTES_AT_ONCE / requests[0].length))
  let sent = 0
  for (let turn = 0; sent < Number(values.spans); turn++) {
    const messages = Array.from({ length: atOnce }, (_, i) => ({
      value: requests[(turn + i) % DISTINCT_REQUESTS],
    }))
    await producer.send({ topic, acks: 1, compression, messages })
    sent += atOnce * spans
  }
  await producer.disconnect()
  await eventually(
    async () => (await accepted(metricsPort)) >= sent,
    WAIT_MS,
    'everything has been taken',
  )
  return { cpuSeconds: cpuOf(collector) - before, spans: sent }
}

async function accepted(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return Number(/^otelcol_receiver_accepted_spans_total\{.*\} (\d+)/m.exec(text)?.[1] ?? 0)
}

function cpuOf({ child }: Running): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function yamlOf(brokers: string[], topic: string, health: number, metrics: number): string {
  return JSON.stringify({
    extensions: { health_check: { endpoint: `127.0.0.1:${health}` } },
    receivers: { kafka: { brokers, initial_offset: 'earliest', traces: { topics: [topic] } } },
    exporters: { nop: {} },
    service: {
      extensions: ['health_check'],
      telemetry: {
        metrics: {
          readers: [{ pull: { exporter: { prometheus: { host: '127.0.0.1', port: metrics } } } }],
        },
      },
      pipelines: { traces: { receivers: ['kafka'], exporters: ['nop'] } },
    },
  })
}
