/**
 * Answers: how many spans a second does one core take in as Zipkin and Jaeger, from the socket to the pipeline's end, and
 * what does the Go collector need for the same?
 *
 *   npm run bench:receivers -- [--seconds 4] [--rounds 2] [--peer PATH-TO-OTELCOL] [--only thrift]
 *
 * CPU is that of the collector's process alone, kernel included; spans go to `nop`. The best round counts, and rounds of
 * both collectors take turns. Exits 1 when Zipkin JSON or Jaeger Thrift stays under the bar.
 */
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { parseArgs } from 'node:util'
import { credentials, Client as GrpcClient } from '@grpc/grpc-js'
import { readJaegerThriftCompact } from '../../src/translate/jaeger/thrift.ts'
import { writeJaegerRequests } from '../../src/translate/jaeger/write.ts'
import { freePorts } from '../../test/harness/ports.ts'
import { MAIN, type Running, startProcess } from '../../test/harness/process.ts'
import { makeBatch, makeMessage } from '../../test/translate/jaeger/thrift-maker.ts'
import { encodeZipkinProto } from '../../test/translate/zipkin/kit.ts'
import { jaegerBatch, zipkinProtoSpan, zipkinSpan, zipkinSpanV1 } from '../corpus/foreign.ts'
import { runBench } from './bench-kit.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '2' },
    peer: { type: 'string' },
    only: { type: 'string', default: '' },
  },
})

const SPANS = 512
/** What fits into a packet. */
const PACKET_SPANS = 128
const IN_FLIGHT = 4
/** Packets are sent blindly: more would be lost in the kernel. */
const PACKETS_A_TICK = 2
const LEAST_SPANS_A_SECOND = 100_000
/** Clock ticks a second in /proc/PID/stat. */
const TICKS = 100

interface Ports {
  readonly zipkin: number
  readonly http: number
  readonly grpc: number
  readonly compact: number
  readonly binary: number
}

interface Way {
  readonly title: string
  readonly hasBar: boolean
  readonly send: (ports: Ports, seconds: number) => Promise<void>
  /** Transport in the metrics, by which what was taken is known. */
  readonly transport: string
}

interface Collector {
  readonly name: string
  readonly running: Running
  readonly ports: Ports
  readonly metrics: number
}

const some = <T>(make: (i: number) => T, count = SPANS): T[] =>
  Array.from({ length: count }, (_, i) => make(i))
const thrift = makeBatch(jaegerBatch(SPANS), 'binary')
const otlp = readJaegerThriftCompact(makeBatch(jaegerBatch(SPANS), 'compact')) as Uint8Array
const [protobuf] = writeJaegerRequests(otlp)
const json = Buffer.from(JSON.stringify(some(zipkinSpan)))
const jsonV1 = Buffer.from(JSON.stringify(some(zipkinSpanV1)))
const proto = encodeZipkinProto(some(zipkinProtoSpan))

const WAYS: readonly Way[] = [
  zipkin('zipkin v2 JSON', true, '/api/v2/spans', 'application/json', json, 'http_v2_json'),
  zipkin(
    'zipkin protobuf',
    false,
    '/api/v2/spans',
    'application/x-protobuf',
    proto,
    'http_v2_proto',
  ),
  zipkin('zipkin v1 JSON', true, '/api/v1/spans', 'application/json', jsonV1, 'http_v1_json'),
  {
    title: 'jaeger Thrift HTTP',
    hasBar: true,
    transport: 'collector_http',
    send: ({ http }, seconds) =>
      postFor(seconds, http, '/api/traces', 'application/x-thrift', thrift),
  },
  { title: 'jaeger gRPC', hasBar: false, transport: 'grpc', send: callFor },
  packets('compact', 'udp_thrift_compact'),
  packets('binary', 'udp_thrift_binary'),
]

await runBench(async scope => {
  const collectors = [await start('millrace', process.execPath, [MAIN])]
  if (values.peer !== undefined) collectors.push(await start('peer', values.peer, []))
  for (const { running } of collectors) scope.after(() => running.stop())
  console.log('way                   collector   us/span   spans/s/core')
  let isWithinBars = true
  for (const way of WAYS.filter(({ title }) => title.includes(values.only))) {
    const best = new Map<string, number>()
    for (const collector of collectors) await measure(collector, way, 1)
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const collector of collectors) {
        const cost = await measure(collector, way, Number(values.seconds))
        best.set(collector.name, Math.min(cost, best.get(collector.name) ?? Infinity))
      }
    }
    for (const [name, cost] of best) {
      const rate = Math.round(1e6 / cost)
      const cells = `${cost.toFixed(2).padStart(9)} ${rate.toLocaleString('en').padStart(14)}`
      console.log(`${way.title.padEnd(22)}${name.padEnd(10)}${cells}`)
      if (name === 'millrace' && way.hasBar) isWithinBars &&= rate >= LEAST_SPANS_A_SECOND
    }
  }
  return isWithinBars
})

async function start(name: string, command: string, args: string[]): Promise<Collector> {
  const [zipkin, http, grpc, compact, binary, metrics] = await freePorts(6)
  const at = (port: number) => ({ endpoint: `127.0.0.1:${port}` })
  const config = {
    receivers: {
      zipkin: at(zipkin),
      jaeger: {
        protocols: {
          grpc: { ...at(grpc), max_recv_msg_size_mib: 64 },
          thrift_http: at(http),
          thrift_compact: at(compact),
          thrift_binary: at(binary),
        },
      },
    },
    exporters: { nop: {} },
    service: {
      telemetry: {
        logs: { level: 'warn' },
        metrics: {
          readers: [{ pull: { exporter: { prometheus: { host: '127.0.0.1', port: metrics } } } }],
        },
      },
      pipelines: { traces: { receivers: ['zipkin', 'jaeger'], exporters: ['nop'] } },
    },
  }
  const argument = `yaml:${JSON.stringify(config)}`
  const running = await startProcess(command, [...args, '--config', argument], zipkin)
  return { name, running, ports: { zipkin, http, grpc, compact, binary }, metrics }
}

/** Microseconds of CPU a span. */
async function measure(collector: Collector, way: Way, seconds: number): Promise<number> {
  const [spans, cpu] = [await takenSpans(collector, way.transport), cpuSeconds(collector.running)]
  await way.send(collector.ports, seconds)
  const taken = (await takenSpans(collector, way.transport)) - spans
  if (taken === 0) throw new Error(`${collector.name} took nothing:\n${collector.running.output()}`)
  return ((cpuSeconds(collector.running) - cpu) / taken) * 1e6
}

async function takenSpans({ metrics }: Collector, transport: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()
  let sum = 0
  for (const line of text.split('\n')) {
    if (!/^otelcol_receiver_accepted_spans/.test(line)) continue
    if (line.includes(`transport="${transport}"`)) sum += Number(line.slice(line.lastIndexOf(' ')))
  }
  return sum
}

function cpuSeconds({ child }: Running): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}

function zipkin(
  title: string,
  hasBar: boolean,
  path: string,
  type: string,
  body: Uint8Array,
  transport: string,
): Way {
  const send = ({ zipkin: port }: Ports, seconds: number) =>
    postFor(seconds, port, path, type, body)
  return { title, hasBar, transport, send }
}

function packets(protocol: 'compact' | 'binary', transport: string): Way {
  const bytes = makeMessage(jaegerBatch(PACKET_SPANS), protocol)
  return {
    title: `jaeger UDP ${protocol}`,
    hasBar: true,
    transport,
    send: (ports, seconds) => sendFor(seconds, ports[protocol], bytes),
  }
}

/** Closed loop over a few connections. */
async function postFor(
  seconds: number,
  port: number,
  path: string,
  type: string,
  body: Uint8Array,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT })
  const headers = { 'content-type': type, 'content-length': body.length }
  const once = () =>
    new Promise<void>((resolve, reject) => {
      const call = request(
        { agent, port, path, headers, host: '127.0.0.1', method: 'POST' },
        response => {
          response.resume()
          response.on('end', () =>
            response.statusCode === 202 ? resolve() : reject(new Error(`${response.statusCode}`)),
          )
        },
      )
      call.on('error', reject)
      call.end(body)
    })
  await loopFor(seconds, once)
  agent.destroy()
}

async function callFor({ grpc }: Ports, seconds: number): Promise<void> {
  const client = new GrpcClient(`127.0.0.1:${grpc}`, credentials.createInsecure())
  const same = (bytes: Buffer) => bytes
  const path = '/jaeger.api_v2.CollectorService/PostSpans'
  const once = () =>
    new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(path, same, same, Buffer.from(protobuf), error =>
        error === null ? resolve() : reject(error),
      )
    })
  await loopFor(seconds, once)
  client.close()
}

async function loopFor(seconds: number, once: () => Promise<void>): Promise<void> {
  const end = performance.now() + seconds * 1000
  const one = async () => {
    while (performance.now() < end) await once()
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, one))
}

async function sendFor(seconds: number, port: number, bytes: Uint8Array): Promise<void> {
  const socket = createSocket('udp4')
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    for (let i = 0; i < PACKETS_A_TICK; i++) socket.send(bytes, port, '127.0.0.1')
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  await new Promise<void>(resolve => socket.close(resolve))
}
