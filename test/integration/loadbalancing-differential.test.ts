/** Both gateways of a mixed tier must send the same item to the same backend: the Go collector's `loadbalancing` and ours. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request } from 'undici'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'
import type { Component, Consumer } from '../../src/core/component.ts'
import type { Factory } from '../../src/core/factory.ts'
import { HTTP_EXPORT_PATH, type Signal } from '../../src/core/signal.ts'
import { factory as typed } from '../../src/exporters/loadbalancing/factory.ts'
import { decodeJson } from '../../src/otlp/json/decode.ts'
import { fakeHost, fakeServices } from '../../src/testing/fakes.ts'
import { acceptBatch } from '../exporters/batch-of.ts'
import { type Backend, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { startProcess, waitForPort } from '../harness/process.ts'
import { GO_LOADBALANCING, goCollector } from './peers.ts'

const factory = typed as Factory
const BACKENDS = 5
const MARK = 'n'

type Json = Record<string, unknown>

interface Case {
  readonly signal: Signal
  readonly key: string
  readonly attributes?: readonly string[]
}

const CASES: readonly Case[] = [
  { signal: 'traces', key: '' },
  { signal: 'traces', key: 'service' },
  { signal: 'traces', key: 'attributes', attributes: ['zone', 'scope.a', 'span.kind', 'route'] },
  { signal: 'traces', key: 'attributes', attributes: ['span.name', 'none', 'mixed'] },
  { signal: 'logs', key: '' },
  { signal: 'logs', key: 'traceID' },
  { signal: 'logs', key: 'resource' },
  { signal: 'logs', key: 'attributes', attributes: ['route', 'zone', 'log.severity', 'log.body'] },
  { signal: 'metrics', key: '' },
  { signal: 'metrics', key: 'metric' },
  { signal: 'metrics', key: 'resource' },
  { signal: 'metrics', key: 'streamID' },
  { signal: 'metrics', key: 'attributes', attributes: ['route', 'zone', 'mixed'] },
]

const started = Promise.all(Array.from({ length: BACKENDS }, () => startBackend()))

test('each item goes where the Go collector sends it, by every routing key', async t => {
  const backends = await started
  t.after(() => Promise.all(backends.map(backend => backend.close())))
  const ports = await freePorts(CASES.length)
  const go = await startGo(backends, ports)
  t.after(() => go.stop())

  for (const [i, each] of CASES.entries()) {
    const name = `${each.signal} by ${each.key || 'default'} ${each.attributes ?? ''}`
    await t.test(name, async () => {
      const requests = Array.from({ length: 12 }, (_, r) => makeRequest(each.signal, r))
      const marks = requests.flatMap(json => marksOf(each.signal, json)).length

      for (const json of requests) await post(ports[i], each.signal, json)
      const theirs = await arrived(backends, each.signal, marks)
      await sendOurs(each, backends, requests)
      const ours = await arrived(backends, each.signal, marks)

      assert.ok(new Set(theirs.values()).size > 2, 'the data reaches several backends')
      assert.deepEqual(ours, theirs)
    })
  }
})

async function startGo(backends: readonly Backend[], ports: readonly number[]) {
  const section = (make: (i: number) => [string, object]) =>
    Object.fromEntries(CASES.map((_, i) => make(i)))
  const config = {
    receivers: section(i => [
      `otlp/${i}`,
      { protocols: { http: { endpoint: `127.0.0.1:${ports[i]}` } } },
    ]),
    exporters: section(i => [`loadbalancing/${i}`, sectionOf(CASES[i], backends)]),
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: section(i => [
        `${CASES[i].signal}/${i}`,
        { receivers: [`otlp/${i}`], exporters: [`loadbalancing/${i}`] },
      ]),
    },
  }
  const binary = goCollector(GO_LOADBALANCING)
  const go = await startProcess(binary, ['--config', `yaml:${JSON.stringify(config)}`], ports[0])
  for (const port of ports) await waitForPort(port, 20_000)
  return go
}

function sectionOf({ key, attributes }: Case, backends: readonly Backend[]): object {
  return {
    ...(key === '' ? {} : { routing_key: key }),
    ...(attributes === undefined ? {} : { routing_attributes: attributes }),
    protocol: { otlp: { tls: { insecure: true }, compression: 'none' } },
    resolver: { static: { hostnames: backends.map(({ grpcPort }) => `127.0.0.1:${grpcPort}`) } },
  }
}

async function sendOurs(
  each: Case,
  backends: readonly Backend[],
  requests: readonly object[],
): Promise<void> {
  const services = { ...fakeServices(), clock: SYSTEM_CLOCK }
  const config = factory.config.schema.parse(sectionOf(each, backends))
  const context = { ...services, id: 'loadbalancing', config, signals: [each.signal] }
  const exporter = factory.create(context, undefined as never) as Component & Consumer
  await exporter.start(fakeHost())
  for (const json of requests) {
    const { batch } = acceptBatch(services, each.signal, toProtobuf(each.signal, json))
    assert.equal((await exporter.consume(batch)).kind, 'accepted')
  }
  await exporter.stop(new AbortController().signal)
}

async function post(port: number, signal: Signal, json: object): Promise<void> {
  const { statusCode, body } = await request(
    `http://127.0.0.1:${port}${HTTP_EXPORT_PATH[signal]}`,
    {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(json),
    },
  )
  await body.dump()
  assert.equal(statusCode, 200)
}

function toProtobuf(signal: Signal, json: object): Uint8Array {
  const bytes = decodeJson(signal, Buffer.from(JSON.stringify(json)))
  assert.ok(bytes instanceof Uint8Array)
  return bytes
}

/** By mark, the number of the backend that has it; waits until all are there and forgets them then. */
async function arrived(
  backends: readonly Backend[],
  signal: Signal,
  marks: number,
): Promise<ReadonlyMap<string, number>> {
  const until = Date.now() + 20_000
  const has = () => backends.reduce((sum, backend) => sum + backend.items(signal), 0)
  while (has() < marks && Date.now() < until) await new Promise(resolve => setTimeout(resolve, 20))
  assert.equal(has(), marks)
  const found = new Map<string, number>()
  backends.forEach(({ requests }, i) => {
    for (const { message } of requests.splice(0)) {
      for (const mark of marksOf(signal, message)) found.set(mark, i)
    }
  })
  return new Map([...found].sort())
}

const NAMES: Readonly<Record<Signal, readonly [string, string, string]>> = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
}
const DATA = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary']

/** Of requests as JSON and as protobufjs decodes them. */
function marksOf(signal: Signal, message: object): string[] {
  const [resources, scopes, items] = NAMES[signal]
  const list = (from: unknown, name: string) => ((from as Json)[name] ?? []) as Json[]
  const found = list(message, resources)
    .flatMap(each => list(each, scopes))
    .flatMap(each => list(each, items))
  const points =
    signal === 'metrics'
      ? found.flatMap(metric => DATA.flatMap(kind => list(metric[kind] ?? {}, 'dataPoints')))
      : found
  return points.map(({ attributes }) => {
    const mark = (attributes as Json[]).find(({ key }) => key === MARK)!
    return String((mark.value as Json).stringValue)
  })
}

let next = 1

/** Numbers that look random and are the same in every run. */
function random(below: number): number {
  next = (Math.imul(next, 1_103_515_245) + 12_345) >>> 0
  return (next >>> 8) % below
}

function makeRequest(signal: Signal, r: number): object {
  const [resources, scopes, items] = NAMES[signal]
  return {
    [resources]: Array.from({ length: 4 }, (_, i) => ({
      resource: { attributes: resourceAttributes(r * 4 + i) },
      [scopes]: Array.from({ length: 2 }, (_, s) => ({
        scope: {
          name: `scope-${random(3)}`,
          version: ['', '1.0'][random(2)],
          attributes: s === 0 ? [text('scope.a', `a${random(5)}`)] : [],
        },
        [items]: Array.from({ length: 6 }, (_, n) => makeItem(signal, `${r}/${i}/${s}/${n}`)),
      })),
    })),
  }
}

function resourceAttributes(n: number): Json[] {
  const all = [
    text('service.name', `service-${random(20)}`),
    text('host.name', `hôst-${n}`),
    { key: 'zone', value: { intValue: String(random(4) - 2) } },
    { key: 'up', value: { boolValue: n % 2 === 0 } },
    { key: 'load', value: { doubleValue: n / 7 } },
    { key: 'blob', value: { bytesValue: Buffer.from([n, 255, 0]).toString('base64') } },
    { key: 'empty', value: {} },
    { key: 'tags', value: { arrayValue: { values: [{ stringValue: 'x' }, { intValue: '7' }] } } },
    { key: 'map', value: { kvlistValue: { values: [text('b', 'é'), text('a', `${n}`)] } } },
  ]
  // Upstream drops metrics without a service, so each has one; of the rest some are left out.
  return all.filter((_, i) => i === 0 || random(3) > 0)
}

function makeItem(signal: Signal, mark: string): Json {
  const attributes = [
    text(MARK, mark),
    text('route', `/r/${random(30)}`),
    { key: 'mixed', value: [{ doubleValue: 0.1 * random(9) }, { intValue: '12' }, {}][random(3)] },
  ]
  const traceId = Buffer.from(Array.from({ length: 16 }, () => random(256))).toString('hex')
  if (signal === 'traces') {
    const kind = random(6)
    return { traceId, spanId: 'ab'.repeat(8), name: `op ${random(40)}`, kind, attributes }
  }
  if (signal === 'logs') {
    const body = [{ stringValue: `line ${random(50)}` }, { intValue: '3' }, undefined][random(3)]
    return { traceId, severityText: ['INFO', ''][random(2)], body, attributes }
  }
  return makeMetric(attributes)
}

function makeMetric(attributes: readonly Json[]): Json {
  const kind = DATA[random(5)]
  const time = { timeUnixNano: '1700000000000000000', attributes }
  const bare = kind === 'gauge' || kind === 'sum' ? { asDouble: random(9) } : { count: '1' }
  const temporality =
    kind === 'gauge' || kind === 'summary' ? {} : { aggregationTemporality: 1 + random(2) }
  const monotonic = kind === 'sum' ? { isMonotonic: random(2) === 0 } : {}
  return {
    name: `metric.${random(40)}`,
    unit: ['', 'ms'][random(2)],
    [kind]: { dataPoints: [{ ...time, ...bare }], ...temporality, ...monotonic },
  }
}

function text(key: string, value: string): Json {
  return { key, value: { stringValue: value } }
}
