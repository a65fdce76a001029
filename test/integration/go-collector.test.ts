/** The Go collector as a neighbour on both sides: it sends to us and it receives from us, every item accounted for. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Client, credentials } from '@grpc/grpc-js'
import { GRPC_EXPORT_PATH, SIGNALS, type Signal } from '../../src/core/signal.ts'
import { startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, startMillrace, startProcess } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { goCollector } from './peers.ts'

for (const protocol of ['grpc', 'http'] as const) {
  test(`carries all signals through Go collector, Millrace and Go collector over ${protocol}`, async t => {
    const binary = goCollector()
    const backend = await startBackend()
    t.after(() => backend.close())
    const [entry, middle, exit] = await freePorts(3)
    const last = await startProcess(
      binary,
      [
        '--config',
        `yaml:${hop(protocol, exit, protocol === 'grpc' ? backend.grpcPort : backend.httpPort)}`,
      ],
      exit,
    )
    t.after(() => last.stop())
    const millrace = await startMillrace(hop(protocol, middle, exit), middle)
    t.after(() => millrace.stop())
    const first = await startProcess(
      binary,
      ['--config', `yaml:${hop(protocol, entry, middle, 'grpc')}`],
      entry,
    )
    t.after(() => first.stop())

    const sent = await sendSamples(entry)

    for (const signal of SIGNALS) {
      await eventually(
        () => backend.items(signal) >= sent[signal],
        15_000,
        `${signal} at the backend`,
      )
      assert.equal(backend.items(signal), sent[signal])
    }
    assert.equal(await millrace.stop(), 0, millrace.output())
    assert.match(millrace.output(), /"balanced":true/)
    assert.doesNotMatch(millrace.output(), /"balanced":false/)
  })
}

/** A collector that takes OTLP on one port and gives it, gzip-compressed, to the next. Both products read the same text. */
function hop(
  protocol: 'grpc' | 'http',
  listen: number,
  next: number,
  receive: 'grpc' | 'http' = protocol,
): string {
  const exporter = protocol === 'grpc' ? 'otlp_grpc' : 'otlp_http'
  const endpoint = protocol === 'grpc' ? `127.0.0.1:${next}` : `http://127.0.0.1:${next}`
  const pipeline = { receivers: ['otlp'], processors: ['batch'], exporters: [exporter] }
  return JSON.stringify({
    receivers: { otlp: { protocols: { [receive]: { endpoint: `127.0.0.1:${listen}` } } } },
    processors: { batch: { timeout: '100ms' } },
    exporters: { [exporter]: { endpoint, tls: { insecure: true }, compression: 'gzip' } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: Object.fromEntries(SIGNALS.map(signal => [signal, pipeline])),
    },
  })
}

const REQUESTS = 20

async function sendSamples(port: number): Promise<Record<Signal, number>> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  const sent = { traces: 0, metrics: 0, logs: 0 }
  for (const signal of SIGNALS) {
    for (let i = 0; i < REQUESTS; i++) {
      const { bytes, items } = sampleRequest(signal, i)
      await new Promise<void>((resolve, reject) =>
        client.makeUnaryRequest(
          GRPC_EXPORT_PATH[signal],
          (b: Buffer) => b,
          (b: Buffer) => b,
          Buffer.from(bytes),
          error => (error ? reject(error) : resolve()),
        ),
      )
      sent[signal] += items
    }
  }
  client.close()
  return sent
}
