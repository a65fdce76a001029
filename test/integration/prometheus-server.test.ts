/** What a real Prometheus has stored of spans that were sent: counts, quantiles of native histograms, the target. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request } from 'undici'
import { span, request as traces } from '../connectors/spans.ts'
import { freePorts } from '../harness/ports.ts'
import { startMillrace } from '../harness/process.ts'
import { startPrometheus } from './prometheus-peer.ts'

test('a Prometheus server stores what spans were, native histograms too', {
  timeout: 120_000,
}, async t => {
  const [http, page] = await freePorts(2)
  const connector = {
    metrics_flush_interval: '200ms',
    histogram: { exponential: {} },
    exclude_dimensions: ['collector.instance.id'],
  }
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${http}` } } } },
    connectors: { spanmetrics: connector },
    exporters: { prometheus: { endpoint: `127.0.0.1:${page}` } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        traces: { receivers: ['otlp'], exporters: ['spanmetrics'] },
        metrics: { receivers: ['spanmetrics'], exporters: ['prometheus'] },
      },
    },
  }
  const millrace = await startMillrace(JSON.stringify(config), http)
  t.after(() => millrace.stop())
  const spans = Array.from({ length: 100 }, (_, i) =>
    span({ id: i + 1, ms: i + 1, status: i % 10 === 0 ? 2 : 0 }),
  )
  const answer = await request(`http://127.0.0.1:${http}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(
      traces(spans, { 'service.name': 'shop', 'service.instance.id': 'i-1', zone: 'a' }),
    ),
  })
  assert.equal(answer.statusCode, 200)
  await answer.body.dump()

  const server = await startPrometheus(t, page)

  const calls = await server.query(
    'sum by (job, status_code) (traces_span_metrics_calls_total) > 0',
  )
  assert.deepEqual(
    calls.map(({ metric, value }) => `${metric.job} ${metric.status_code} ${value[1]}`).sort(),
    ['shop STATUS_CODE_ERROR 10', 'shop STATUS_CODE_UNSET 90'],
  )
  const histogram = 'sum(traces_span_metrics_duration_milliseconds)'
  const [count] = await server.query(`histogram_count(${histogram})`)
  assert.equal(count.value[1], '100')
  const [sum] = await server.query(`histogram_sum(${histogram})`)
  assert.equal(sum.value[1], '5050')
  const [median] = await server.query(`histogram_quantile(0.5, ${histogram})`)
  assert.ok(Math.abs(Number(median.value[1]) - 50) < 3, median.value[1])
  const [target] = await server.query('target_info')
  assert.deepEqual([target.metric.instance, target.metric.zone], ['i-1', 'a'])
})
