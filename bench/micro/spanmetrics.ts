/**
 * Answers: what does counting a span cost? Nanoseconds per span of 437 bytes and 10 attributes at 2,000 series, through the
 * connector as a pipeline calls it, for each kind of histogram; and what a flush of these series costs.
 *
 *   node --import tsx bench/micro/spanmetrics.ts
 */
import { judgeSection } from '../../src/config/judge.ts'
import { factory } from '../../src/connectors/spanmetrics/factory.ts'
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../src/core/batch.ts'
import type { Component, Consumer } from '../../src/core/component.ts'
import { ACCEPTED } from '../../src/core/outcome.ts'
import { Payload } from '../../src/core/payload.ts'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'
import { fakeServices } from '../../src/testing/fakes.ts'
import { tracesRequest } from '../corpus/traces.ts'

const SPANS = 512
/** Few enough that spans are in the cache, as they are right after they were validated. */
const BATCHES = 16
const ROUNDS = 100
/** Digits that tell routes apart stand in a span's name, and are overwritten. */
const ROUTES = 185

const NAMES = ['GET /cart', 'POST /checkout', 'SELECT orders', 'redis GET']

const nothing = {}
const dims = {
  dimensions: [{ name: 'http.request.method' }, { name: 'http.response.status_code' }],
}
const exponential = { ...dims, histogram: { exponential: { max_size: 160 } } }
const apart = { ...dims, calls_dimensions: [{ name: 'url.scheme' }] }

const requests = Array.from({ length: BATCHES }, (_, i) => makeRequest(i))

for (const [title, section] of Object.entries({ nothing, dims, exponential, apart })) {
  await measure(title, section)
}

/** Spans whose names, kinds and states make some 2,000 series. */
function makeRequest(seed: number): Batch {
  const bytes = Buffer.from(tracesRequest({ seed: seed + 1, items: SPANS }))
  let n = seed * SPANS
  for (const name of NAMES) {
    for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + 1)) {
      bytes.write(String(n++ % ROUTES).padStart(3, '0'), at + name.length - 3)
    }
  }
  const index = indexRequest('traces', bytes)
  if (isWireFault(index)) throw new Error(index.fault)
  const payload = new Payload(bytes)
  const part = { payload, index, selection: null, edits: null, items: index.items }
  return new Batch('traces', DEFAULT_TENANT, NO_CONTEXT, [part])
}

async function measure(title: string, section: object): Promise<void> {
  const services = fakeServices()
  const { config, faults } = judgeSection(factory.config, section)
  if (faults.length > 0) throw new Error(JSON.stringify(faults))
  let points = 0
  let size = 0
  const next: Consumer = {
    consume(batch) {
      points += batch.items
      size += batch.bytes
      batch.release()
      return ACCEPTED
    },
  }
  const outlets = { pipelines: new Map([['metrics', 'metrics' as const]]), to: () => next }
  const context = { ...services, id: 'it', config, signals: ['metrics' as const] }
  const connector = factory.create(context, outlets) as Component & Consumer
  await connector.start(undefined as never)
  const run = (): void => {
    for (const batch of requests) void connector.consume(batch.share())
  }
  for (let i = 0; i < 10; i++) run()
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < ROUNDS; i++) best = Math.min(best, time(run))
  const series = services.meter.total('millrace_spanmetrics_series')
  let flush = Number.POSITIVE_INFINITY
  for (let i = 0; i < 10; i++) {
    points = size = 0
    const before = process.hrtime.bigint()
    await services.clock.advance(60_000)
    flush = Math.min(flush, Number(process.hrtime.bigint() - before))
  }
  const perSpan = best / (SPANS * BATCHES)
  console.log(
    `${title.padEnd(12)}${perSpan.toFixed(0).padStart(5)} ns/span at ${series} series; flush ` +
      `${(flush / 1e6).toFixed(1)} ms, ${points} points, ${(size / 1024).toFixed(0)} KiB`,
  )
}

/** Nanoseconds of CPU: others that run meanwhile do not count. */
function time(way: () => void): number {
  const start = process.cpuUsage()
  way()
  const { user, system } = process.cpuUsage(start)
  return (user + system) * 1000
}
