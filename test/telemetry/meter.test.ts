/** Self-metrics: what a scrape shows of plain numbers, asked gauges and histograms. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { MetricSpec } from '../../src/core/meter.ts'
import { PromMeter } from '../../src/telemetry/meter.ts'

const COUNTER: MetricSpec = { name: 'a_things', type: 'counter', help: 'Things.', labels: ['kind'] }
const GAUGE: MetricSpec = { name: 'a_size', type: 'gauge', help: 'Size.', labels: ['kind'] }
const HISTOGRAM: MetricSpec = {
  ...{ name: 'a_spread', type: 'histogram', help: 'Spread.', labels: [] },
  buckets: [1, 10],
}

test('shows counters with _total and the constant labels', async () => {
  const meter = new PromMeter({ service_instance_id: 'i' })
  meter.counter(COUNTER, { kind: 'x' }).value += 3
  meter.counter(COUNTER, { kind: 'x' }).value += 2

  const text = await meter.exposition()

  assert.match(text, /^a_things_total\{kind="x",service_instance_id="i"\} 5$/m)
  assert.equal(await meter.exposition(), text)
})

test('asks gauges at the scrape and forgets those that were taken away', async () => {
  const meter = new PromMeter()
  let size = 1
  const forget = meter.observe(GAUGE, { kind: 'x' }, () => size)
  size = 7

  assert.match(await meter.exposition(), /^a_size\{kind="x"\} 7$/m)
  forget()
  assert.doesNotMatch(await meter.exposition(), /^a_size\{/m)
})

test('adds up what several observers of one series say', async () => {
  const meter = new PromMeter()
  const forget = meter.observe(GAUGE, { kind: 'x' }, () => 2)
  meter.observe(GAUGE, { kind: 'x' }, () => 3)

  assert.match(await meter.exposition(), /^a_size\{kind="x"\} 5$/m)
  forget()
  assert.match(await meter.exposition(), /^a_size\{kind="x"\} 3$/m)
})

test('puts observations into buckets', async () => {
  const meter = new PromMeter()
  const histogram = meter.histogram(HISTOGRAM, {})
  for (const value of [0.5, 5, 50]) histogram.observe(value)

  const text = await meter.exposition()

  assert.match(text, /^a_spread_bucket\{le="10"\} 2$/m)
  assert.match(text, /^a_spread_count 3$/m)
})

test('bounds the series of a metric', async () => {
  const meter = new PromMeter()
  for (let i = 0; i < 10_010; i++) meter.counter(COUNTER, { kind: String(i) }).value++

  const text = await meter.exposition()

  assert.match(text, /^a_things_total\{kind="overflow"\} 10$/m)
})
