/** The pipelines of docs/recipes that need no outside server, each doing what its recipe says. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Client, credentials } from '@grpc/grpc-js'
import { SIGNALS, type Signal } from '../../src/core/signal.ts'
import { type Backend, itemsOf, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { encodeJaeger } from '../translate/jaeger/oracle.ts'
import { makeBatch, makeMessage } from '../translate/jaeger/thrift-maker.ts'
import { startJaegerSink } from './jaeger-sink.ts'
import { startPipelineFile, temporaryFolder } from './pipeline-file.ts'

const ARRIVES_MS = 20_000
const PROTOBUF = 'application/x-protobuf'

async function backendFor(t: TestContext): Promise<Backend> {
  const backend = await startBackend()
  t.after(() => backend.close())
  return backend
}

/** Of the receiver `otlp`. */
async function otlpPorts(): Promise<{ http: number; listen: Record<string, number> }> {
  const [grpc, http] = await freePorts(2)
  const at = 'receivers.otlp.protocols'
  return { http, listen: { [`${at}.grpc.endpoint`]: grpc, [`${at}.http.endpoint`]: http } }
}

async function post(url: string, body: Uint8Array, type = PROTOBUF): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': type },
    body: Buffer.from(body),
  })
  const text = await answer.text()
  assert.ok(answer.ok, `${url}: ${answer.status} ${text}`)
}

async function sendAll(http: number, n = 1): Promise<void> {
  for (const signal of SIGNALS) {
    await post(`http://127.0.0.1:${http}/v1/${signal}`, sampleRequest(signal, n).bytes)
  }
}

function namesOf(backend: Backend, signal: Signal = 'traces'): unknown[] {
  return backend.requests
    .filter(request => request.signal === signal)
    .flatMap(({ message }) => itemsOf(signal, message).map(({ name }) => name))
}

function sendDatagram(port: number, message: Buffer): Promise<void> {
  const socket = createSocket('udp4')
  return new Promise((resolve, reject) =>
    socket.send(message, port, '127.0.0.1', error => {
      socket.close()
      if (error) reject(error)
      else resolve()
    }),
  )
}

function postSpans(port: number, message: Uint8Array): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  const asIs = (bytes: Buffer): Buffer => bytes
  return new Promise((resolve, reject) =>
    client.makeUnaryRequest(
      '/jaeger.api_v2.CollectorService/PostSpans',
      asIs,
      asIs,
      Buffer.from(message),
      error => {
        client.close()
        if (error) reject(error)
        else resolve()
      },
    ),
  )
}

function thriftBatch(operationName: string) {
  const span = { traceIdLow: 5, spanId: 7, startTime: 1_700_000_000_000_000, duration: 9 }
  return { process: { serviceName: 'old' }, spans: [{ ...span, operationName }] }
}

function protoBatch(operationName: string): object {
  const ids = { trace_id: Buffer.alloc(16, 3), span_id: Buffer.alloc(8, 4) }
  return {
    process: { service_name: 'old' },
    spans: [{ ...ids, operation_name: operationName }],
  }
}

test('jaeger-agent.yaml takes what Jaeger and Zipkin clients send, and gives it to the new backend and to Jaeger', async t => {
  const backend = await backendFor(t)
  const jaeger = await startJaegerSink(t)
  const { http, listen } = await otlpPorts()
  const [grpc, thrift, compact, binary, zipkin] = await freePorts(5)
  const protocols = 'receivers.jaeger.protocols'
  const running = await startPipelineFile(t, {
    file: 'jaeger-agent.yaml',
    listen: {
      ...listen,
      [`${protocols}.grpc.endpoint`]: grpc,
      [`${protocols}.thrift_http.endpoint`]: thrift,
      [`${protocols}.thrift_compact.endpoint`]: compact,
      [`${protocols}.thrift_binary.endpoint`]: binary,
      'receivers.zipkin.endpoint': zipkin,
    },
    env: {
      MILLRACE_BACKEND: `127.0.0.1:${backend.grpcPort}`,
      MILLRACE_JAEGER: `127.0.0.1:${jaeger.port}`,
    },
    hasHealthCheck: true,
  })
  const zipkinSpan = { traceId: '0000000000000009', id: '0000000000000009', name: 'zipkin' }

  await sendDatagram(compact, makeMessage(thriftBatch('compact'), 'compact'))
  await sendDatagram(binary, makeMessage(thriftBatch('binary'), 'binary'))
  const body = makeBatch(thriftBatch('http'), 'binary')
  await post(`http://127.0.0.1:${thrift}/api/traces`, body, 'application/vnd.apache.thrift.binary')
  await postSpans(grpc, encodeJaeger('PostSpansRequest', { batch: protoBatch('grpc') }))
  const spans = Buffer.from(JSON.stringify([zipkinSpan]))
  await post(`http://127.0.0.1:${zipkin}/api/v2/spans`, spans, 'application/json')
  await post(`http://127.0.0.1:${http}/v1/traces`, sampleRequest('traces', 1, 1).bytes)
  const has = (): boolean => backend.items('traces') >= 6 && jaeger.operations.length >= 6
  await eventually(has, ARRIVES_MS, `six spans at both\n${running.output()}`)

  const expected = ['GET /items/0', 'binary', 'compact', 'grpc', 'http', 'zipkin']
  assert.deepEqual(namesOf(backend).sort(), expected)
  assert.deepEqual(jaeger.operations.sort(), expected)
  assert.equal(await running.stop(), 0, running.output())
})

test('failover.yaml goes to the second backend while the first is away, and back', async t => {
  const [first, second] = [await backendFor(t), await backendFor(t)]
  const { http, listen } = await otlpPorts()
  const running = await startPipelineFile(t, {
    file: 'failover.yaml',
    listen,
    env: {
      MILLRACE_PRIMARY: `127.0.0.1:${first.grpcPort}`,
      MILLRACE_SECONDARY: `127.0.0.1:${second.grpcPort}`,
      FAILOVER_RETRY: '200ms',
    },
  })

  await sendAll(http, 1)
  for (const signal of SIGNALS) assert.equal(first.items(signal), 5)
  await first.close()
  await sendAll(http, 2)
  const arrived = (): boolean => SIGNALS.every(signal => second.items(signal) === 5)
  await eventually(arrived, ARRIVES_MS, `all is at the second\n${running.output()}`)

  for (const signal of SIGNALS) assert.equal(first.items(signal), 5)
  assert.equal(await running.stop(), 0, running.output())
})

test('tail-front.yaml sends all spans of a trace to one member, metrics and logs to the backend', async t => {
  const [a, b, rest] = [await backendFor(t), await backendFor(t), await backendFor(t)]
  const { http, listen } = await otlpPorts()
  const running = await startPipelineFile(t, {
    file: 'tail-front.yaml',
    listen,
    // The backend of the test knows no zstd.
    sets: { 'exporters.loadbalancing.protocol.otlp.compression': 'gzip' },
    env: {
      TAIL_MEMBERS: `[127.0.0.1:${a.grpcPort}, 127.0.0.1:${b.grpcPort}]`,
      MILLRACE_BACKEND: `127.0.0.1:${rest.grpcPort}`,
    },
  })

  for (let n = 0; n < 20; n++) await sendAll(http, n)
  assert.equal(await running.stop(), 0, running.output())

  assert.equal(a.items('traces') + b.items('traces'), 100)
  // A request of the sample is one trace of five spans.
  for (const backend of [a, b]) {
    assert.ok(backend.items('traces') > 0)
    assert.equal(backend.items('traces') % 5, 0)
  }
  assert.equal(rest.items('metrics'), 100)
  assert.equal(rest.items('logs'), 100)
})

test('red-metrics.yaml measures every span, and keeps a part of the traces', async t => {
  const backend = await backendFor(t)
  const { http, listen } = await otlpPorts()
  const [scrape] = await freePorts(1)
  const running = await startPipelineFile(t, {
    file: 'red-metrics.yaml',
    listen,
    env: {
      MILLRACE_SCRAPE: `127.0.0.1:${scrape}`,
      MILLRACE_BACKEND: `127.0.0.1:${backend.grpcPort}`,
      TRACES_PERCENTAGE: '0',
      METRICS_FLUSH: '200ms',
    },
  })

  for (let n = 0; n < 10; n++) {
    await post(`http://127.0.0.1:${http}/v1/traces`, sampleRequest('traces', n).bytes)
  }
  let calls: number[] = []
  const hasAll = async (): Promise<boolean> => {
    const answer = await fetch(`http://127.0.0.1:${scrape}/metrics`)
    calls = samplesOf(await answer.text(), 'traces_span_metrics_calls_total')
    return calls.reduce((sum, value) => sum + value, 0) === 50
  }
  await eventually(hasAll, ARRIVES_MS, `50 calls are counted\n${running.output()}`)

  // Five names of spans at three services.
  assert.equal(calls.length, 15)
  assert.equal(await running.stop(), 0, running.output())
  assert.equal(backend.items('traces'), 0)
})

function samplesOf(page: string, name: string): number[] {
  return page
    .split('\n')
    .filter(line => line.startsWith(`${name}{`))
    .map(line => Number(/\} ([0-9.e+]+)/.exec(line)?.[1]))
}

test('record.yaml writes a capture that replay.yaml sends, once', async t => {
  const backend = await backendFor(t)
  const { http, listen } = await otlpPorts()
  const folder = await temporaryFolder(t)
  const env = {
    TRACE_FILE: join(folder, 'telemetry.json'),
    REPLAY_FILES: join(folder, '*.json'),
    MILLRACE_STATE: join(folder, 'state'),
    MILLRACE_BACKEND: `127.0.0.1:${backend.grpcPort}`,
  }
  const recording = await startPipelineFile(t, { file: 'record.yaml', listen, env })
  await sendAll(http, 1)
  assert.equal(await recording.stop(), 0, recording.output())

  const first = await startPipelineFile(t, { file: 'replay.yaml', env })
  const arrived = (): boolean => SIGNALS.every(signal => backend.items(signal) === 5)
  await eventually(arrived, ARRIVES_MS, `the capture is at the backend\n${first.output()}`)
  assert.equal(await first.stop(), 0, first.output())
  const again = await startPipelineFile(t, { file: 'replay.yaml', env })
  assert.equal(await again.stop(), 0, again.output())

  for (const signal of SIGNALS) assert.equal(backend.items(signal), 5)
})
