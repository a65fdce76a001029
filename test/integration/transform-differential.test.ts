/** `transform` against the Go collector's: the same telemetry afterwards. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Signal } from '../../src/core/signal.ts'
import { askGo, askOurs, type ComponentCase } from './component-kit.ts'
import { LOGS, METRICS, TRACES } from './telemetry.ts'

const TRACE_SECTIONS: readonly object[] = [
  { trace_statements: [] },
  {
    trace_statements: [
      'set(span.attributes["kind"], span.kind.string)',
      'replace_pattern(span.attributes["url.path"], "/(\\\\d)", "/n$1")',
      'delete_key(span.attributes, "cached") where span.attributes["duration"] > 1',
    ],
  },
  {
    trace_statements: [
      {
        context: 'span',
        statements: ['set(name, Concat([name, attributes["http.method"]], "-"))'],
      },
      { context: 'resource', statements: ['set(attributes["name"], "bear")'] },
      { context: 'span', statements: ['keep_keys(attributes, ["http.method", "tags"])'] },
      { context: 'scope', statements: ['set(version, "9") where name == "db"'] },
    ],
  },
  {
    trace_statements: [
      {
        conditions: ['span.kind == 2', 'span.status.code == 2'],
        statements: [
          'set(span.status.message, "seen")',
          'set(resource.attributes["touched"], true)',
          'limit(span.attributes, 2, ["tags"])',
        ],
      },
      { statements: ['set(span.attributes["r"], resource.attributes["touched"])'] },
    ],
  },
  {
    trace_statements: [
      {
        context: 'spanevent',
        statements: [
          'set(attributes["span"], span.name)',
          'set(span.attributes["last"], name)',
          'truncate_all(attributes, 3)',
        ],
      },
      { context: 'span', statements: ['set(attributes["events"], Len(events))'] },
    ],
  },
  {
    trace_statements: [
      {
        statements: [
          'set(span.cache["x"], span.attributes["duration"] * 2.0)',
          'set(span.attributes["x"], span.cache["x"])',
          'set(span.trace_state["b"], "7") where span.trace_state["b"] != nil',
          'merge_maps(span.attributes, span.attributes["nested"], "upsert")',
          'flatten(span.attributes)',
          'set(span.status.code, STATUS_CODE_OK) where IsRootSpan()',
          'set(span.attributes["bad"], Int(span.attributes["tags"]))',
          'set(span.end_time_unix_nano, span.start_time_unix_nano)',
        ],
      },
    ],
  },
]

const METRIC_SECTIONS: readonly object[] = [
  {
    metric_statements: [
      'set(datapoint.attributes["m"], metric.name)',
      'set(metric.description, "x") where metric.type == METRIC_DATA_TYPE_SUM',
    ],
  },
  {
    metric_statements: [
      { context: 'metric', statements: ['set(unit, "s") where name == "latency"'] },
      { context: 'datapoint', statements: ['set(value_double, value_double * 2.0)'] },
      { context: 'exemplar', statements: ['set(filtered_attributes["q"], "1")'] },
    ],
  },
]

const LOG_SECTIONS: readonly object[] = [
  {
    log_statements: [
      'set(log.body, Concat(["[", log.severity_text, "]"], ""))',
      'replace_all_patterns(log.attributes, "value", "\\\\d{12}(\\\\d{4})", "****$1")',
      'set(log.severity_number, SEVERITY_NUMBER_FATAL) where log.severity_number > 17',
    ],
  },
  {
    error_mode: 'silent',
    log_statements: [
      {
        conditions: ['IsMap(log.body)'],
        statements: [
          'set(log.attributes["code"], log.body["code"])',
          'delete_key(log.body, "text")',
          'set(log.attributes["sum"], SHA256(log.attributes["user"]))',
        ],
      },
    ],
  },
]

for (const [signal, sections, request] of [
  ['traces', TRACE_SECTIONS, TRACES],
  ['metrics', METRIC_SECTIONS, METRICS],
  ['logs', LOG_SECTIONS, LOGS],
] as const) {
  test(`makes of ${signal} what the Go collector makes of them`, async () => {
    const cases = sections.map(section => transform(signal, section, request))
    const expected = await askGo(cases)
    for (const [i, each] of cases.entries()) {
      assert.deepEqual(askOurs(each), expected[i], each.name)
    }
  })
}

function transform(signal: Signal, section: object, request: object): ComponentCase {
  return { name: JSON.stringify(section), type: 'transform', section, signal, requests: [request] }
}
