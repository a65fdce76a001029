/** `filter` against the Go collector's: the same items, events and metrics stay. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Signal } from '../../src/core/signal.ts'
import { askGo, askOurs, type ComponentCase } from './component-kit.ts'
import { LOGS, METRICS, TRACES } from './telemetry.ts'

const TRACE_SECTIONS: readonly object[] = [
  {},
  { trace_conditions: ['span.name == "healthz"'] },
  { trace_conditions: ['resource.attributes["service.name"] == "shop"', 'span.kind == 2'] },
  { trace_conditions: ['IsMatch(span.name, "^GET") and span.attributes["cached"] == true'] },
  { trace_conditions: ['spanevent.name == "retry"', 'scope.name == "db"'] },
  {
    trace_conditions: ['IsRootSpan() and span.kind != 0', 'span.status.code == STATUS_CODE_ERROR'],
  },
  { trace_conditions: ['span.attributes["http.status_code"] >= 400'] },
  { trace_conditions: ['span.end_time - span.start_time > Duration("1s")'] },
  { trace_conditions: ['span.attributes["nested"]["deep"]["n"] > 7'] },
  { trace_conditions: ['Int(span.attributes["tags"]) > 1', 'span.name == "SELECT 1"'] },
  { trace_conditions: [{ context: 'span', conditions: ['name == "GET /"', 'kind == 1'] }] },
  {
    trace_conditions: [
      { conditions: ['resource.attributes["zone"] == 2'], error_mode: 'silent' },
      { conditions: ['span.attributes["duration"] > 2', 'spanevent.attributes["attempt"] == 0'] },
    ],
  },
  { traces: { span: ['attributes["http.method"] == "GET"'], spanevent: ['name == "retry"'] } },
  { traces: { resource: ['attributes["zone"] != nil'] } },
  { spans: { include: { match_type: 'strict', services: ['shop', '<nil-service-name>'] } } },
  {
    spans: {
      include: { match_type: 'regexp', span_names: ['^(GET|POST)'], libraries: [{ name: 'ht+p' }] },
      exclude: {
        match_type: 'strict',
        attributes: [{ key: 'http.status_code', value: 200 }, { key: 'cached' }],
      },
    },
  },
  {
    spans: {
      exclude: {
        match_type: 'regexp',
        span_kinds: ['SERVER$'],
        resources: [{ key: 'host.name', value: '\\d' }],
        attributes: [{ key: 'http.status_code', value: '^[24]' }],
      },
    },
  },
  { spans: { exclude: { match_type: 'strict', libraries: [{ name: 'http', version: '1.2' }] } } },
]

const METRIC_SECTIONS: readonly object[] = [
  { metric_conditions: ['metric.name == "load"'] },
  { metric_conditions: ['metric.type == METRIC_DATA_TYPE_SUM and metric.is_monotonic == true'] },
  { metric_conditions: ['metric.type == METRIC_DATA_TYPE_SUM', 'datapoint.value_double > 3.0'] },
  { metric_conditions: ['datapoint.attributes["route"] == "/r1"'] },
  { metric_conditions: ['datapoint.count > 5', 'datapoint.attributes["host"] == "h1"'] },
  { metric_conditions: ['HasAttrKeyOnDatapoint("route") and metric.unit == "By"'] },
  { metric_conditions: [{ context: 'metric', conditions: ['HasAttrOnDatapoint("host", "h0")'] }] },
  { metrics: { metric: ['HasAttrOnDatapoint("route", "/r2")'] } },
  { metrics: { metric: ['name == "rpc"'], datapoint: ['metric.name == "requests"'] } },
  { metrics: { datapoint: ['attributes["code"] == 201'] } },
  {
    metrics: {
      include: {
        match_type: 'regexp',
        metric_names: ['^re', 'lat'],
        resource_attributes: [{ key: 'service.name', value: 's.op' }],
      },
      exclude: { match_type: 'strict', metric_names: ['latency'] },
    },
  },
  {
    metrics: {
      exclude: { match_type: 'strict', resource_attributes: [{ key: 'zone', value: 1 }] },
    },
  },
]

const LOG_SECTIONS: readonly object[] = [
  { log_conditions: ['log.severity_number < SEVERITY_NUMBER_WARN'] },
  { log_conditions: ['log.body == "line 0"', 'IsMap(log.body)'] },
  {
    log_conditions: [
      'log.body["code"] == 5',
      'log.trace_id == TraceID(0x00000000000000000000000000000000)',
    ],
  },
  { log_conditions: ['resource.schema_url != ""', 'scope.version == "1.2"'] },
  { logs: { log_record: ['attributes["size"] > 1000', 'IsMatch(body, "1$")'] } },
  { logs: { include: { match_type: 'strict', severity_texts: ['INFO', 'WARN'] } } },
  { logs: { include: { severity_number: { min: 'warn', match_undefined: true } } } },
  { logs: { exclude: { match_type: 'regexp', bodies: ['code', '^line 1'] } } },
  {
    logs: {
      include: {
        match_type: 'regexp',
        record_attributes: [{ key: 'user', value: '^u1' }],
        resource_attributes: [{ key: 'service.name' }],
      },
    },
  },
]

for (const [signal, sections, request] of [
  ['traces', TRACE_SECTIONS, TRACES],
  ['metrics', METRIC_SECTIONS, METRICS],
  ['logs', LOG_SECTIONS, LOGS],
] as const) {
  test(`drops the ${signal} that the Go collector drops`, async () => {
    const cases = sections.map(section => filter(signal, section, request))
    const expected = await askGo(cases)
    for (const [i, each] of cases.entries()) {
      assert.deepEqual(await askOurs(each), expected[i], each.name)
    }
  })
}

function filter(signal: Signal, section: object, request: object): ComponentCase {
  return { name: JSON.stringify(section), type: 'filter', section, signal, requests: [request] }
}
