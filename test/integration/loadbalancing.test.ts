/**
 * Gateways behind `loadbalancing`: all spans of a trace end at one of them, whichever front they came through, the Go collector's among
 * them, and also while a third gateway joins. Where members change, `groupbytrace` before it holds the spans of a trace together.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { sleep } from '../faults/kit.ts'
import { type Backend, itemsOf, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { encode } from '../otlp/oracle.ts'
import { lacking } from './peer-cache.ts'
import { type Scope, temporaryFolder } from './peer-process.ts'
import { GO_LOADBALANCING, goCollector } from './peers.ts'
import { otlpHttpIn, PATIENT, ProofCollector, post, type Sections, startGo } from './proof-kit.ts'

/** Each request has one span of each of so many traces; a trace has its spans in so many requests. */
const TRACES_AT_ONCE = 40
const SPANS = 6
const GROUPS = 25
const PAUSE_MS = 40
const ARRIVES_MS = 60_000

interface Gateway {
  readonly port: number
  readonly backend: Backend
  readonly collector: ProofCollector
}

test('two fronts, one of them the Go collector, send each trace to one of two gateways', {
  skip: lacking(() => goCollector(GO_LOADBALANCING)),
}, async t => {
  const gateways = await startGateways(t, 2)
  const [ours, gos] = await freePorts(2)
  const front = await ProofCollector.start(t, frontOf(ours, gateways))
  await startGo(t, GO_LOADBALANCING, frontOf(gos, gateways), gos)

  const sent = await sendTraces([ours, gos])
  const found = await untilAllArrived(gateways, sent)

  assertWhole(found)
  assertSpread(found, 2)
  assert.equal(await front.stopExact(), 0)
  for (const { collector } of gateways) assert.equal(await collector.stopExact(), 0)
})

test('each trace stays whole while a third gateway joins', async t => {
  const gateways = await startGateways(t, 3)
  const [port] = await freePorts(1)
  const file = join(temporaryFolder(t), 'members.yaml')
  const join3 = (members: readonly Gateway[]): void => {
    const exporters = { loadbalancing: { resolver: { static: { hostnames: hostsOf(members) } } } }
    writeFileSync(file, JSON.stringify({ exporters }))
  }
  join3(gateways.slice(0, 2))
  const grouped = {
    ...frontOf(port, []),
    processors: { groupbytrace: { wait_duration: '2s' } },
    pipelines: {
      traces: { receivers: ['otlp'], processors: ['groupbytrace'], exporters: ['loadbalancing'] },
    },
  }
  const front = await ProofCollector.start(t, grouped, ['--config', file, '--no-watch'])

  const sending = sendTraces([port])
  await sleep((GROUPS * SPANS * PAUSE_MS) / 2)
  assert.equal(gateways[2].backend.items('traces'), 0)
  join3(gateways)
  front.running.child.kill('SIGHUP')
  await front.hasLogged('config_reloaded')
  const found = await untilAllArrived(gateways, await sending)

  assertWhole(found)
  assertSpread(found, 3)
  assert.equal(await front.stopExact(), 0)
  for (const { collector } of gateways) assert.equal(await collector.stopExact(), 0)
})

async function startGateways(t: Scope, count: number): Promise<Gateway[]> {
  const ports = await freePorts(count)
  return Promise.all(
    ports.map(async port => {
      const backend = await startBackend()
      t.after(() => backend.close())
      const collector = await ProofCollector.start(t, {
        receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
        exporters: { otlp_http: { endpoint: `http://127.0.0.1:${backend.httpPort}`, ...PATIENT } },
        pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } },
      })
      return { port, backend, collector }
    }),
  )
}

function hostsOf(gateways: readonly Gateway[]): string[] {
  return gateways.map(({ port }) => `127.0.0.1:${port}`)
}

function frontOf(port: number, gateways: readonly Gateway[]): Sections {
  return {
    receivers: { otlp: otlpHttpIn(port) },
    exporters: {
      loadbalancing: {
        protocol: { otlp: { tls: { insecure: true }, ...PATIENT } },
        resolver: { static: { hostnames: hostsOf(gateways) } },
      },
    },
    pipelines: { traces: { receivers: ['otlp'], exporters: ['loadbalancing'] } },
  }
}

/** Spans of a trace one behind the other, each through the next front; answers how many spans. */
async function sendTraces(fronts: readonly number[]): Promise<number> {
  let sent = 0
  for (let group = 0; group < GROUPS; group++) {
    for (let i = 0; i < SPANS; i++) {
      const front = fronts[(group + i) % fronts.length]
      await post(`http://127.0.0.1:${front}/v1/traces`, requestOf(group, i))
      sent += TRACES_AT_ONCE
      await sleep(PAUSE_MS)
    }
  }
  return sent
}

function requestOf(group: number, i: number): Uint8Array {
  const spans = Array.from({ length: TRACES_AT_ONCE }, (_, n) => {
    const spanId = Buffer.alloc(8, i + 1)
    return { traceId: traceIdOf(group * TRACES_AT_ONCE + n), spanId, name: `span ${i}` }
  })
  return encode('TracesRequest', { resourceSpans: [{ scopeSpans: [{ spans }] }] })
}

/** Spread by a multiplication, so that ids differ in all their bytes. */
function traceIdOf(n: number): Buffer {
  const id = Buffer.alloc(16)
  for (let at = 0; at < 16; at += 4) id.writeUInt32BE(Math.imul(n + 1, 0x9e3779b1 + at) >>> 0, at)
  return id
}

/** For each trace: how many of its spans each gateway has. */
type Found = ReadonlyMap<string, readonly number[]>

async function untilAllArrived(gateways: readonly Gateway[], sent: number): Promise<Found> {
  const items = (): number =>
    gateways.reduce((sum, { backend }) => sum + backend.items('traces'), 0)
  await eventually(() => items() >= sent, ARRIVES_MS, `${sent} spans arrive`).catch(error =>
    assert.fail(`${(error as Error).message}; ${items()} have`),
  )
  assert.equal(items(), sent)
  const found = new Map<string, number[]>()
  for (const [g, { backend }] of gateways.entries()) {
    for (const { message } of backend.requests) {
      for (const span of itemsOf('traces', message)) {
        const id = Buffer.from(span.traceId as Uint8Array).toString('hex')
        const counts = found.get(id) ?? gateways.map(() => 0)
        counts[g]++
        found.set(id, counts)
      }
    }
  }
  return found
}

function assertWhole(found: Found): void {
  assert.equal(found.size, GROUPS * TRACES_AT_ONCE)
  const torn = [...found].filter(([, counts]) => Math.max(...counts) !== SPANS)
  assert.deepEqual(torn, [])
}

/** Every gateway has work; the ring gives each about its share. */
function assertSpread(found: Found, gateways: number): void {
  for (let g = 0; g < gateways; g++) {
    const own = [...found.values()].filter(counts => counts[g] > 0).length
    assert.ok(own > 0, `gateway ${g} got nothing`)
  }
}
