/** Zipkin and Jaeger through the whole process to an OTLP backend, over a reload and to the ledger at the end. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { readJaegerThriftBinary } from '../../src/translate/jaeger/thrift.ts'
import { writeJaegerRequests } from '../../src/translate/jaeger/write.ts'
import { startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, MAIN, startProcess } from '../harness/process.ts'
import { GrpcClient } from '../receivers/otlp/running.ts'
import { type BatchModel, makeBatch, makeMessage } from '../translate/jaeger/thrift-maker.ts'
import { encodeZipkinProto, flatten } from '../translate/zipkin/kit.ts'

const POST_SPANS = '/jaeger.api_v2.CollectorService/PostSpans'

interface Ports {
  readonly zipkin: number
  readonly grpc: number
  readonly http: number
  readonly compact: number
  readonly binary: number
}

function configOf(ports: Ports, target: number, queueSize: number): string {
  const at = (port: number) => ({ endpoint: `127.0.0.1:${port}` })
  return JSON.stringify({
    receivers: {
      zipkin: at(ports.zipkin),
      jaeger: {
        protocols: {
          grpc: at(ports.grpc),
          thrift_http: at(ports.http),
          thrift_compact: { ...at(ports.compact), queue_size: queueSize },
          thrift_binary: at(ports.binary),
        },
      },
    },
    exporters: { otlp_grpc: { endpoint: `127.0.0.1:${target}`, tls: { insecure: true } } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { traces: { receivers: ['zipkin', 'jaeger'], exporters: ['otlp_grpc'] } },
    },
  })
}

function modelOf(name: string): BatchModel {
  const span = { traceIdLow: 1, spanId: 2, operationName: name, startTime: 1_700_000_000_000_000 }
  return { process: { serviceName: 'shop' }, spans: [{ ...span, duration: 5 }] }
}

/** One span by each way, named by it. */
async function sendAll(t: TestContext, ports: Ports, suffix: string): Promise<string[]> {
  const id = { traceId: '0a', id: '0b' }
  const json = (name: string) => JSON.stringify([{ ...id, name }])
  const bytes = { traceId: Buffer.alloc(8, 1), id: Buffer.alloc(8, 2) }
  const post = async (port: number, path: string, type: string, body: string | Uint8Array) => {
    const url = `http://127.0.0.1:${port}${path}`
    const headers = { 'content-type': type }
    const answer = await fetch(url, { method: 'POST', headers, body: Buffer.from(body) })
    assert.equal(answer.status, 202, await answer.text())
  }
  await post(ports.zipkin, '/api/v2/spans', 'application/json', json(`v2${suffix}`))
  await post(ports.zipkin, '/api/v1/spans', 'application/json', json(`v1${suffix}`))
  const proto = encodeZipkinProto([{ ...bytes, name: `proto${suffix}` }])
  await post(ports.zipkin, '/api/v2/spans', 'application/x-protobuf', proto)
  const thrift = makeBatch(modelOf(`thrift${suffix}`), 'binary')
  await post(ports.http, '/api/traces', 'application/x-thrift', thrift)
  const grpc = new GrpcClient(ports.grpc)
  const otlp = readJaegerThriftBinary(makeBatch(modelOf(`grpc${suffix}`), 'binary')) as Uint8Array
  assert.equal((await grpc.call(POST_SPANS, writeJaegerRequests(otlp)[0])).code, 0)
  grpc.close()
  const udp = createSocket('udp4')
  t.after(() => udp.close())
  udp.send(makeMessage(modelOf(`compact${suffix}`), 'compact'), ports.compact, '127.0.0.1')
  udp.send(makeMessage(modelOf(`binary${suffix}`), 'binary'), ports.binary, '127.0.0.1')
  return ['v2', 'v1', 'proto', 'thrift', 'grpc', 'compact', 'binary'].map(way => way + suffix)
}

test('takes Zipkin and Jaeger by every way, also after a reload, and its ledger is exact', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-foreign-'))
  t.after(() => rm(folder, { recursive: true }))
  const backend = await startBackend()
  t.after(() => backend.close())
  const [zipkin, grpc, http, compact, binary] = await freePorts(5)
  const ports = { zipkin, grpc, http, compact, binary }
  const file = join(folder, 'config.yaml')
  await writeFile(file, configOf(ports, backend.grpcPort, 100))
  const running = await startProcess(process.execPath, [MAIN, '--config', file, '--no-watch'], grpc)
  t.after(() => running.stop(1000))
  const arrived = () => flatten(backend.joined('traces')).map(({ name }) => name)

  const names = await sendAll(t, ports, '')
  await eventually(() => arrived().length === names.length, 10_000, 'all arrived')
  await writeFile(file, configOf(ports, backend.grpcPort, 200))
  running.child.kill('SIGHUP')
  await eventually(() => running.output().includes('"config_reloaded"'), 10_000, 'reloaded')
  names.push(...(await sendAll(t, ports, ' again')))
  await eventually(() => arrived().length === names.length, 10_000, 'all arrived again')
  const code = await running.stop()

  assert.equal(code, 0, running.output())
  assert.deepEqual(arrived().sort(), names.sort())
  const line = running
    .output()
    .split('\n')
    .find(text => text.includes('"event":"ledger"'))
  const { accepted, sent, balanced } = JSON.parse(line!)
  assert.deepEqual([accepted, sent, balanced], [names.length, names.length, true])
})
