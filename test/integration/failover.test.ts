/** A backend that dies under load and comes back: the second takes over, the first gets its traffic again, nothing is missing. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { sleep, startLoad, startSink } from '../faults/kit.ts'
import { FATE, type NumberedLoad } from '../harness/numbered-load.ts'
import type { NumberedSink } from '../harness/numbered-sink.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { ProofCollector } from './proof-kit.ts'

const STREAM = 9
const LOAD = { stream: STREAM, spans: 50, inFlight: 4, rate: 5000 }
const SETTLE_MS = 30_000
const PHASE_MS = 2000
const ROUNDS = 2

test('traffic goes from a dead backend to the second and back without loss', async t => {
  const [first, second] = await Promise.all([startSink(t), startSink(t)])
  const [port] = await freePorts(1)
  const millrace = await ProofCollector.start(t, {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    connectors: {
      failover: {
        priority_levels: [['traces/first'], ['traces/second']],
        retry_interval: '1s',
      },
    },
    exporters: {
      'otlp_grpc/first': backendOf(first),
      'otlp_grpc/second': backendOf(second),
    },
    pipelines: {
      traces: { receivers: ['otlp'], exporters: ['failover'] },
      'traces/first': { receivers: ['failover'], exporters: ['otlp_grpc/first'] },
      'traces/second': { receivers: ['failover'], exporters: ['otlp_grpc/second'] },
    },
  })

  const load = startLoad(t, { port, ...LOAD })
  for (let round = 0; round < ROUNDS; round++) {
    await gets(first, 'the first backend')
    await first.die()
    await gets(second, 'the second backend')
    await sleep(PHASE_MS)
    await first.revive()
    await gets(first, 'the first backend, which is back')
    const settled = second.distinct(STREAM)
    await sleep(PHASE_MS)
    assert.equal(second.distinct(STREAM), settled, 'the second gets nothing while the first lives')
  }
  await load.stop()
  const left = (): number => missingAtBoth(load, first, second)
  await eventually(() => left() === 0, SETTLE_MS, 'all accepted spans are at one of both').catch(
    error => assert.fail(`${(error as Error).message}; ${left()} are missing`),
  )

  t.diagnostic(JSON.stringify(load.counts))
  assert.ok(load.counts.accepted > 0)
  assert.equal(await millrace.stopExact(), 0)
})

/** Without a queue, so that the connector is told how it went. */
function backendOf(sink: NumberedSink): object {
  return {
    endpoint: `127.0.0.1:${sink.port}`,
    tls: { insecure: true },
    compression: 'none',
    sending_queue: { enabled: false },
    retry_on_failure: { enabled: false },
  }
}

function gets(sink: NumberedSink, who: string): Promise<void> {
  const before = sink.distinct(STREAM)
  return eventually(() => sink.distinct(STREAM) > before, SETTLE_MS, `${who} gets something`)
}

function missingAtBoth(load: NumberedLoad, ...sinks: readonly NumberedSink[]): number {
  const fates = load.fates.values(STREAM)
  const books = sinks.map(sink => sink.arrived.values(STREAM))
  let count = 0
  for (let n = 0; n < fates.length; n++) {
    if (fates[n] === FATE.accepted && books.every(book => (book[n] ?? 0) === 0)) count++
  }
  return count
}
