/** Spans in, a page of metrics out: Prometheus' own tool finds nothing wrong with it, in either text format. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request } from 'undici'
import { span, request as traces } from '../connectors/spans.ts'
import { freePorts } from '../harness/ports.ts'
import { startMillrace } from '../harness/process.ts'
import { lacking } from './peer-cache.ts'
import { checkMetrics, promtool } from './promtool-peer.ts'

const PATIENCE_MS = 20_000

test('shows RED metrics and a service graph that promtool has nothing against', {
  skip: lacking(promtool),
}, async t => {
  const [http, page] = await freePorts(2)
  const millrace = await startMillrace(configuration(http, page), http)
  t.after(() => millrace.stop())
  const spans = [
    span({ trace: 1, id: 1, kind: 3, ms: 12, attributes: { 'http.request.method': 'GET' } }),
    span({ trace: 1, id: 2, parent: 1, ms: 8, status: 2, name: 'größe "x" \\' }),
  ]
  await post(http, traces([spans[0]], { 'service.name': 'web', 'service.instance.id': 'w-1' }))
  await post(http, traces([spans[1]], { 'service.name': 'shop', 'service.instance.id': 's-1' }))

  const wanted = ['traces_span_metrics_calls_total', 'traces_service_graph_request_total']
  const text = await scrape(page, 'text/plain', wanted)
  const open = await scrape(page, 'application/openmetrics-text;version=1.0.0', wanted)

  assert.equal(checkMetrics(text), '')
  assert.match(
    text,
    /^traces_span_metrics_duration_seconds_count\{.*span_name="größe \\"x\\" \\\\".*\} 1$/m,
  )
  assert.match(text, /^traces_service_graph_request_total\{client="web",.*server="shop"\} 1$/m)
  assert.match(text, /^target_info\{instance="w-1",job="web"\} 1$/m)
  assert.match(open, /le="0.05"\} 1 # \{span_id="0{15}1",trace_id="0{31}1"\} 0.012 /)
  assert.ok(open.endsWith('# EOF\n'))
})

function configuration(http: number, page: number): string {
  return JSON.stringify({
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${http}` } } } },
    connectors: {
      spanmetrics: {
        metrics_flush_interval: '200ms',
        histogram: { unit: 's' },
        dimensions: [{ name: 'http.request.method' }],
        exemplars: { enabled: true, max_per_data_point: 1 },
        // Examples are told once; the page keeps those of the last flush.
        aggregation_temporality: 'AGGREGATION_TEMPORALITY_DELTA',
      },
      servicegraph: { metrics_flush_interval: '200ms' },
    },
    exporters: { prometheus: { endpoint: `127.0.0.1:${page}`, enable_open_metrics: true } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        traces: { receivers: ['otlp'], exporters: ['spanmetrics', 'servicegraph'] },
        metrics: { receivers: ['spanmetrics', 'servicegraph'], exporters: ['prometheus'] },
      },
    },
  })
}

async function post(port: number, body: object): Promise<void> {
  const answer = await request(`http://127.0.0.1:${port}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  assert.equal(answer.statusCode, 200, await answer.body.text())
}

/** Asks until everything wanted is there. */
async function scrape(port: number, accept: string, wanted: readonly string[]): Promise<string> {
  const until = Date.now() + PATIENCE_MS
  for (;;) {
    const answer = await request(`http://127.0.0.1:${port}/metrics`, { headers: { accept } })
    const text = await answer.body.text()
    if (wanted.every(name => text.includes(name))) return text
    assert.ok(Date.now() < until, text)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}
