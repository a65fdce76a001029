/** Telling counts step by step: what is counted between the steps is neither lost nor told twice. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeSection } from '../../../src/config/judge.ts'
import { Aggregator } from '../../../src/connectors/spanmetrics/aggregator.ts'
import type { SpanmetricsConfig } from '../../../src/connectors/spanmetrics/config.ts'
import { factory } from '../../../src/connectors/spanmetrics/factory.ts'
import { Flusher } from '../../../src/connectors/spanmetrics/flush.ts'
import { Plan } from '../../../src/connectors/spanmetrics/plan.ts'
import { NO_CONTEXT } from '../../../src/core/batch.ts'
import { encodeJson } from '../../../src/otlp/json/encode.ts'
import { fakeServices } from '../../../src/testing/fakes.ts'
import { jsonBatch } from '../json-batch.ts'
import { type Point, pointsOf, request, type SpanFacts, span } from '../spans.ts'

const DELTA = { aggregation_temporality: 'AGGREGATION_TEMPORALITY_DELTA' }
const CALLS = 'traces.span.metrics.calls'
const DURATION = 'traces.span.metrics.duration'
/** More than one request holds, so that a flush takes several steps. */
const MANY: readonly SpanFacts[] = Array.from({ length: 3000 }, (_, i) => ({ name: `n${i}` }))

function make(section: object) {
  const { config, faults } = judgeSection(factory.config, section)
  assert.deepEqual(faults, [])
  const settings = config as SpanmetricsConfig
  const plan = new Plan(settings)
  const { memory } = fakeServices()
  const aggregator = new Aggregator(plan, memory)
  const flusher = new Flusher(plan, settings)
  let nowMs = 0
  const add = (facts: readonly SpanFacts[]): void => {
    const { parts } = jsonBatch('traces', request(facts.map(span)), NO_CONTEXT, () => {})
    for (const part of parts) aggregator.add(part, nowMs)
  }
  /** One flush at `ms`; `between` is called at its first pause. */
  const flush = (
    ms: number,
    between: () => void = () => {},
    take: (bytes: Uint8Array) => boolean = () => true,
  ): Point[] => {
    nowMs = ms
    const requests: Uint8Array[] = []
    let isFirst = true
    for (const _ of flusher.flush(aggregator.groups, ms, bytes => {
      const isTaken = take(bytes)
      if (isTaken) requests.push(bytes.slice())
      return isTaken
    })) {
      if (isFirst) between()
      isFirst = false
    }
    return pointsOf(
      requests.map(each => JSON.parse(Buffer.from(encodeJson('metrics', each)).toString())),
    )
  }
  return { add, flush, memory, aggregator }
}

function total(points: readonly Point[], metric: string): number {
  const own = points.filter(each => each.metric === metric)
  return own.reduce((sum, { point }) => sum + Number(point.asInt ?? point.count), 0)
}

for (const metric of [CALLS, DURATION]) {
  test(`tells in the next delta what comes of ${metric} while this one is told`, () => {
    const { add, flush, memory, aggregator } = make(DELTA)
    add(MANY)

    const first = flush(1000, () => add([{ name: 'n0' }, { name: 'n2999' }, { name: 'new' }]))
    const second = flush(2000)
    const third = flush(3000)

    assert.equal(total([...first, ...second, ...third], metric), MANY.length + 3)
    assert.equal(third.length, 0, 'what nothing came of is forgotten')
    aggregator.groups.clear()
    assert.equal(memory.reservedBytes, 0)
  })
}

test('begins the durations of a delta where the last ones ended, as it does the calls', () => {
  const { add, flush } = make({ ...DELTA, metric_timestamp_cache_size: 10_000 })
  const starts = (points: readonly Point[], metric: string): string[] => {
    const own = points.filter(each => each.metric === metric)
    return [...new Set(own.map(({ point }) => point.startTimeUnixNano))]
  }
  add(MANY)
  flush(1000)
  add(MANY)

  const points = flush(2000)

  assert.deepEqual(starts(points, CALLS), ['1000000000'])
  assert.deepEqual(starts(points, DURATION), ['1000000000'])
})

test('begins anew after a flush that failed in the middle', () => {
  const { add, flush } = make({ ...DELTA })
  add(MANY)
  let requests = 0
  assert.throws(() =>
    flush(1000, undefined, () => {
      if (requests++ === 1) throw new Error('no luck')
      return true
    }),
  )

  const points = flush(2000)

  assert.equal(total(points, DURATION), MANY.length)
  assert.equal(new Set(points.map(({ resource }) => resource)).size, 1)
})
