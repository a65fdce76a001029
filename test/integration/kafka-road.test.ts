/**
 * SDK, Millrace, Kafka, another Millrace, Jaeger: each trace is found by its id, span by span as the SDK made it, and as
 * another Jaeger shows it to whom the SDK has sent directly.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { type JaegerPeer, jaegerBinary, startJaeger } from './jaeger-peer.ts'
import { kafkaJars, startKafka } from './kafka-peer.ts'
import { lacking } from './peer-cache.ts'
import { comparable, otlpHttpIn, PATIENT, ProofCollector } from './proof-kit.ts'
import { sendSdkTraces } from './sdk-traces.ts'

const ENCODINGS = ['otlp_proto', 'otlp_json', 'jaeger_proto', 'jaeger_json'] as const
const TRACES = 20
const ARRIVES_MS = 30_000

test('traces of an SDK go over Kafka to Jaeger as they were made', {
  skip: lacking(kafkaJars, jaegerBinary),
}, async t => {
  const [kafka, jaeger, direct] = await Promise.all([startKafka(t), startJaeger(t), startJaeger(t)])
  const ports = await freePorts(ENCODINGS.length)
  const reader = await ProofCollector.start(t, readerOf(kafka.brokers, jaeger))
  const writer = await ProofCollector.start(t, writerOf(kafka.brokers, ports))

  for (const [i, encoding] of ENCODINGS.entries()) {
    await t.test(`encoded as ${encoding}`, async () => {
      const urls = [ports[i], direct.otlpHttpPort].map(port => `http://127.0.0.1:${port}/v1/traces`)
      const sent = byTrace(await sendSdkTraces(urls, TRACES))

      assert.equal(sent.size, TRACES)
      for (const [traceId, spans] of sent) {
        const found = await untilWhole(jaeger, traceId, spans.length).catch(error =>
          assert.fail(`${(error as Error).message}\n${writer.output}\n${reader.output}`),
        )
        assert.deepEqual(idsOf(found), spans.map(idOf).sort())
        assert.deepEqual(comparable(found), comparable(await direct.trace(traceId)))
      }
    })
  }

  assert.equal(await writer.stopExact(), 0)
  assert.equal(await reader.stopExact(), 0)
})

function writerOf(brokers: readonly string[], ports: readonly number[]) {
  return {
    receivers: section(encoding => [
      `otlp/${encoding}`,
      otlpHttpIn(ports[ENCODINGS.indexOf(encoding)]),
    ]),
    exporters: section(encoding => [
      `kafka/${encoding}`,
      { brokers, traces: { topic: `road_${encoding}`, encoding }, ...PATIENT },
    ]),
    pipelines: section(encoding => [
      `traces/${encoding}`,
      { receivers: [`otlp/${encoding}`], exporters: [`kafka/${encoding}`] },
    ]),
  }
}

function readerOf(brokers: readonly string[], jaeger: JaegerPeer) {
  return {
    receivers: section(encoding => [
      `kafka/${encoding}`,
      {
        brokers,
        group_id: `road-${encoding}`,
        initial_offset: 'earliest',
        traces: { topics: [`road_${encoding}`], encoding },
      },
    ]),
    exporters: {
      jaeger: { endpoint: `127.0.0.1:${jaeger.grpcPort}`, tls: { insecure: true }, ...PATIENT },
    },
    pipelines: {
      traces: { receivers: ENCODINGS.map(encoding => `kafka/${encoding}`), exporters: ['jaeger'] },
    },
  }
}

function section(make: (encoding: (typeof ENCODINGS)[number]) => [string, object]): object {
  return Object.fromEntries(ENCODINGS.map(make))
}

function byTrace(spans: readonly ReadableSpan[]): Map<string, ReadableSpan[]> {
  const traces = new Map<string, ReadableSpan[]>()
  for (const span of spans) {
    const { traceId } = span.spanContext()
    traces.set(traceId, [...(traces.get(traceId) ?? []), span])
  }
  return traces
}

type Found = NonNullable<Awaited<ReturnType<JaegerPeer['trace']>>>

async function untilWhole(jaeger: JaegerPeer, traceId: string, spans: number): Promise<Found> {
  let found: Found | undefined
  const isWhole = async (): Promise<boolean> => {
    found = await jaeger.trace(traceId)
    return (found?.spans.length ?? 0) >= spans
  }
  await eventually(isWhole, ARRIVES_MS, `all ${spans} spans of ${traceId} are in Jaeger`)
  assert.ok(found)
  return found
}

/** What no way between may change: who, under whom, when, what. */
function idOf(span: ReadableSpan): string {
  const { traceId, spanId } = span.spanContext()
  const service = span.resource.attributes['service.name']
  const micros = ([s, n]: readonly [number, number]): number => s * 1e6 + Math.floor(n / 1000)
  return [
    traceId,
    spanId,
    span.parentSpanContext?.spanId,
    service,
    span.name,
    micros(span.startTime),
  ].join()
}

function idsOf(trace: Found): string[] {
  return trace.spans
    .map(({ traceID, spanID, references, operationName, startTime, processID }) => {
      const parent = references.find(({ refType }) => refType === 'CHILD_OF')?.spanID
      const service = trace.processes[processID].serviceName
      return [traceID, spanID, parent, service, operationName, startTime].join()
    })
    .sort()
}
