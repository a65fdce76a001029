/** The Go collector and Millrace over one Kafka, in both directions: each reads what the other wrote, every item of every signal. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { SIGNALS, type Signal } from '../../src/core/signal.ts'
import { type Backend, itemsOf, type ReceivedRequest, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { decode } from '../otlp/oracle.ts'
import { type KafkaPeer, kafkaJars, startKafka } from './kafka-peer.ts'
import { lacking } from './peer-cache.ts'
import { GO_KAFKA, goCollector } from './peers.ts'
import { otlpHttpIn, PATIENT, ProofCollector, post, type Sections, startGo } from './proof-kit.ts'

interface Encoding {
  readonly name: string
  readonly signals: readonly Signal[]
  readonly compression: string
  /** Nothing may be lost on the way; other formats have no place for all that OTLP says. */
  readonly isWhole: boolean
}

const TRACES: readonly Signal[] = ['traces']
const ENCODINGS: readonly Encoding[] = [
  { name: 'otlp_proto', signals: SIGNALS, compression: 'zstd', isWhole: true },
  { name: 'otlp_json', signals: SIGNALS, compression: 'lz4', isWhole: true },
  { name: 'jaeger_proto', signals: TRACES, compression: 'snappy', isWhole: false },
  { name: 'jaeger_json', signals: TRACES, compression: 'gzip', isWhole: false },
  { name: 'zipkin_proto', signals: TRACES, compression: 'none', isWhole: false },
  { name: 'zipkin_json', signals: TRACES, compression: 'zstd', isWhole: false },
]
const REQUESTS = 10
const ARRIVES_MS = 30_000

test('the Go collector and Millrace understand each other over Kafka', {
  skip: lacking(kafkaJars, () => goCollector(GO_KAFKA)),
}, async t => {
  const kafka = await startKafka(t)
  const [toOurs, toGo] = await Promise.all([startBackend(), startBackend()])
  t.after(() => Promise.all([toOurs.close(), toGo.close()]))
  // Topics are there before readers join, so that nobody waits for a refresh of its list.
  const topics = ENCODINGS.flatMap(({ name, signals }) =>
    signals.flatMap(signal => ['go', 'ours'].map(writer => topicOf(writer, name, signal))),
  )
  await kafka.createTopics(topics, 2)
  const ports = await freePorts(2 * ENCODINGS.length)
  const intoGo = ports.slice(0, ENCODINGS.length)
  const intoOurs = ports.slice(ENCODINGS.length)
  const [millrace] = await Promise.all([
    ProofCollector.start(t, sections(['ours', 'go'], kafka, intoOurs, toOurs)),
    startGo(t, GO_KAFKA, sections(['go', 'ours'], kafka, intoGo, toGo), intoGo[0]),
  ])

  for (const [i, encoding] of ENCODINGS.entries()) {
    for (const signal of encoding.signals) {
      for (const [writer, port, backend] of [
        ['Go', intoGo[i], toOurs],
        ['Millrace', intoOurs[i], toGo],
      ] as const) {
        await t.test(`${signal} in ${encoding.name}, written by ${writer}`, async () => {
          const samples = Array.from({ length: REQUESTS }, (_, n) => sampleRequest(signal, n))
          const before = backend.requests.length
          const arrived = (): ReceivedRequest[] =>
            backend.requests.slice(before).filter(request => request.signal === signal)
          for (const { bytes } of samples) {
            await post(`http://127.0.0.1:${port}/v1/${signal}`, bytes)
          }

          const expected = samples.map(({ bytes }) => decode(MESSAGE[signal], bytes))
          const total = seen(signal, expected, encoding).length
          const found = (): string[] => {
            const messages = arrived().map(({ message }) => message)
            return seen(signal, messages, encoding)
          }
          await eventually(() => found().length >= total, ARRIVES_MS, `${total} items come`)
          assert.deepEqual(found(), seen(signal, expected, encoding))
        })
      }
    }
  }

  assert.equal(await millrace.stopExact(), 0)
})

const MESSAGE = {
  traces: 'TracesRequest',
  metrics: 'MetricsRequest',
  logs: 'LogsRequest',
} as const

function topicOf(writer: string, encoding: string, signal: Signal): string {
  return `${writer}_${encoding}_${signal}`
}

/** Reads OTLP and writes topics of its own name; reads the other's topics and gives OTLP to a backend. */
function sections(
  [own, other]: readonly [string, string],
  { brokers }: KafkaPeer,
  ports: readonly number[],
  backend: Backend,
): Sections {
  const topics = (writer: string, { name, signals }: Encoding, key: 'topic' | 'topics'): object =>
    Object.fromEntries(
      signals.map(signal => {
        const topic = topicOf(writer, name, signal)
        return [signal, { [key]: key === 'topic' ? topic : [topic], encoding: name }]
      }),
    )
  const receivers = ENCODINGS.flatMap((encoding, i) => {
    const group = { group_id: `${own}-${encoding.name}`, initial_offset: 'earliest' }
    const kafka = { brokers, ...group, ...topics(other, encoding, 'topics') }
    return [
      [`otlp/${encoding.name}`, otlpHttpIn(ports[i])],
      [`kafka/${encoding.name}`, kafka],
    ]
  })
  const exporters = ENCODINGS.map(encoding => {
    const producer = { compression: encoding.compression }
    const kafka = { brokers, producer, ...topics(own, encoding, 'topic'), ...PATIENT }
    return [`kafka/${encoding.name}`, kafka]
  })
  const otlp_http = { endpoint: `http://127.0.0.1:${backend.httpPort}`, ...PATIENT }
  const pipelines = ENCODINGS.flatMap(({ name, signals }) =>
    signals.flatMap(signal => [
      [`${signal}/out_${name}`, { receivers: [`otlp/${name}`], exporters: [`kafka/${name}`] }],
      [`${signal}/in_${name}`, { receivers: [`kafka/${name}`], exporters: ['otlp_http'] }],
    ]),
  )
  return {
    receivers: Object.fromEntries(receivers),
    exporters: { ...Object.fromEntries(exporters), otlp_http },
    pipelines: Object.fromEntries(pipelines),
  }
}

/** What must be alike of each item, in an order that does not depend on partitions. */
function seen(signal: Signal, messages: readonly object[], { isWhole }: Encoding): string[] {
  const items = messages.flatMap(message => itemsOf(signal, message))
  return items
    .map(item => {
      if (isWhole) return JSON.stringify(sorted(item))
      const { traceId, spanId, startTimeUnixNano, endTimeUnixNano } = item
      return JSON.stringify([hex(traceId), hex(spanId), startTimeUnixNano, endTimeUnixNano])
    })
    .sort()
}

function hex(id: unknown): string {
  return Buffer.from(id as Uint8Array).toString('hex')
}

/** Keys by name, and none that has nothing: one writes an empty status, another leaves it out. */
function sorted(value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value)
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
    .map(([key, inner]) => [key, sorted(inner)] as const)
    .filter(([, inner]) => !isEmpty(inner))
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function isEmpty(value: unknown): boolean {
  if (value === '' || value === 0 || value === '0' || value === null) return true
  return typeof value === 'object' && Object.keys(value as object).length === 0
}
