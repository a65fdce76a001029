/**
 * Answers: what does `exporters/sending/` add to a batch, and what do the OTLP clients cost on top, to a sink in another
 * process? Microseconds of CPU per batch of 512 spans, and nanoseconds per span. Take ratios within one run.
 *
 *   node --import tsx bench/micro/sending.ts
 */
import { type ChildProcess, fork } from 'node:child_process'
import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { grpcEndpoint, section } from '../../src/config/fields.ts'
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../src/core/batch.ts'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'
import type { Component, Consumer } from '../../src/core/component.ts'
import type { Factory } from '../../src/core/factory.ts'
import { Payload } from '../../src/core/payload.ts'
import { factory as grpcFactory } from '../../src/exporters/otlp-grpc/factory.ts'
import { factory as httpFactory } from '../../src/exporters/otlp-http/factory.ts'
import { sendingFields } from '../../src/exporters/sending/config.ts'
import { createSendingExporter } from '../../src/exporters/sending/exporter.ts'
import { endpointsFields } from '../../src/exporters/sending/pool/config.ts'
import { createSender } from '../../src/exporters/sending/pool/create.ts'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import type { RequestIndex } from '../../src/otlp/request-index.ts'
import { fakeHost, fakeServices } from '../../src/testing/fakes.ts'
import { corpusRequest } from '../corpus/requests.ts'

const SPANS = 512
const ROUNDS = 7
/** A row with so many tenants has seen them all; then a few of them go on sending. */
const TENANTS = 1000
const ACTIVE_TENANTS = 10
/** Batches in flight: the queue takes no more, so the loop yields. */
const WINDOW = 200
const FOUR = ['a:1', 'b:1', 'c:1', 'd:1']
const ALL_ON = {
  endpoints: FOUR,
  balancing: {
    strategy: 'latency',
    passive_health_check: {},
    outlier_ejection: {},
    adaptive_concurrency: {},
  },
}
const BY_TRACE = {
  endpoints: FOUR,
  balancing: { strategy: 'consistent_hash', hash_on: 'trace_id' },
}

if (process.argv[2] === 'sink') startSink()
else await main()

/** Reads and answers, nothing else; on its own CPU time. */
function startSink(): void {
  const grpc = createHttp2Server({ settings: { initialWindowSize: 8 << 20, maxFrameSize: 16_384 } })
  grpc.on('session', session => session.setLocalWindowSize(64 << 20))
  grpc.on('stream', stream => {
    stream.on('data', () => {})
    stream.on('end', () => {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc' },
        { waitForTrailers: true },
      )
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(Buffer.alloc(5))
    })
  })
  const http = createServer((request, response) => {
    request.on('data', () => {})
    request.on('end', () => response.writeHead(200).end())
  })
  grpc.listen(0, '127.0.0.1', () => {
    http.listen(0, '127.0.0.1', () => {
      process.send!([grpc, http].map(server => (server.address() as AddressInfo).port))
    })
  })
}

async function main(): Promise<void> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ['sink'])
  const [grpc, http] = await new Promise<number[]>(resolve =>
    child.once('message', message => resolve(message as number[])),
  )
  const bytes = corpusRequest('traces', { items: SPANS })
  const index = indexRequest('traces', bytes) as RequestIndex
  const batch = { min_size: 8192 }
  const otlp = { tls: { insecure: true }, endpoint: `127.0.0.1:${grpc}` }
  const web = { endpoint: `http://127.0.0.1:${http}` }
  const ways: [string, number, Component & Consumer, tenants?: number][] = [
    ['sending alone', 20_000, withoutNetwork({})],
    ['sending alone, batches of 8192', 20_000, withoutNetwork({ sending_queue: { batch } })],
    ['sending alone, 1,000 tenants', 20_000, withoutNetwork({}), TENANTS],
    ['sending alone, 4 endpoints', 20_000, withoutNetwork({ endpoints: FOUR })],
    ['sending alone, 4 endpoints, all on', 20_000, withoutNetwork(ALL_ON)],
    ['sending alone, 4 endpoints, by trace', 2000, withoutNetwork(BY_TRACE)],
    ['otlp_grpc plain', 2000, create(grpcFactory, { ...otlp, compression: 'none' })],
    [
      'otlp_grpc plain, as one of endpoints',
      2000,
      create(grpcFactory, { tls: otlp.tls, endpoints: [otlp.endpoint], compression: 'none' }),
    ],
    [
      'otlp_grpc plain, batches of 8192',
      3200,
      create(grpcFactory, { ...otlp, compression: 'none', sending_queue: { batch } }),
    ],
    ['otlp_grpc gzip', 300, create(grpcFactory, otlp)],
    [
      'otlp_grpc gzip, batches of 8192',
      320,
      create(grpcFactory, { ...otlp, sending_queue: { batch } }),
    ],
    ['otlp_http plain', 2000, create(httpFactory, { ...web, compression: 'none' })],
    [
      'otlp_http plain, batches of 8192',
      3200,
      create(httpFactory, { ...web, compression: 'none', sending_queue: { batch } }),
    ],
    ['otlp_http gzip', 300, create(httpFactory, web)],
  ]
  console.log(`${SPANS} spans of ${Math.round(bytes.length / SPANS)} B in a batch`)
  console.log(`${''.padEnd(40)}us/batch  ns/span`)
  for (const [title, batches, exporter, tenants = 1] of ways) {
    await exporter.start(fakeHost())
    const names = Array.from({ length: tenants }, (_, i) => (i === 0 ? DEFAULT_TENANT : `t${i}`))
    await measure(exporter, tenants, bytes, index, names)
    const active = names.slice(0, ACTIVE_TENANTS)
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < ROUNDS; round++) {
      best = Math.min(best, await measure(exporter, batches, bytes, index, active))
    }
    await exporter.stop(AbortSignal.timeout(1000))
    const perSpan = ((best / SPANS) * 1000).toFixed(1)
    console.log(`${title.padEnd(40)}${best.toFixed(1).padStart(8)}${perSpan.padStart(9)}`)
  }
  child.kill()
}

async function measure(
  exporter: Consumer,
  batches: number,
  bytes: Uint8Array,
  index: RequestIndex,
  tenants: readonly string[],
): Promise<number> {
  let open = 0
  let wake: (() => void) | null = null
  const onFree = (): void => {
    open--
    wake?.()
    wake = null
  }
  const start = process.cpuUsage()
  for (let i = 0; i < batches; i++) {
    while (open >= WINDOW) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
    open++
    const payload = new Payload(bytes, { onFree })
    const part = { payload, index, selection: null, edits: null, items: SPANS }
    const outcome = exporter.consume(
      new Batch('traces', tenants[i % tenants.length], NO_CONTEXT, [part]),
    )
    if (outcome instanceof Promise || outcome.kind !== 'accepted') throw new Error('not taken')
  }
  while (open > 0) {
    await new Promise<void>(resolve => {
      wake = resolve
    })
  }
  const { user, system } = process.cpuUsage(start)
  return (user + system) / batches
}

function contextOf<C>(config: C) {
  const services = { ...fakeServices(), clock: SYSTEM_CLOCK }
  return { ...services, id: 'bench', config, signals: ['traces'] as const }
}

function create(factory: Factory<'exporter'>, value: object): Component & Consumer {
  return factory.create(contextOf(factory.config.schema.parse(value)), undefined)
}

function withoutNetwork(value: object): Component & Consumer {
  const schema = section({ ...endpointsFields(grpcEndpoint()), ...sendingFields() })
  const config = schema.parse(value)
  const context = contextOf(config)
  const sender = createSender(context, {
    kind: 'grpc',
    endpoint: 'sink:1',
    tls: undefined,
    create: () => ({
      start: async () => {},
      send: () => Promise.resolve({ kind: 'sent' } as const),
      stop: async () => {},
    }),
  })
  return createSendingExporter(context, config, sender)
}
