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
  ...[
    'convert_sum_to_gauge()',
    'convert_gauge_to_sum("delta", true) where metric.unit == "By"',
    'extract_count_metric(true)',
    'extract_count_metric(false, ".n") where metric.type == METRIC_DATA_TYPE_HISTOGRAM',
    'extract_sum_metric(true) where metric.name == "latency" or metric.name == "rpc"',
    'convert_summary_quantile_val_to_gauge("q", "_q")',
    'convert_summary_quantile_val_to_gauge()',
    'copy_metric(name="c", unit=Concat([metric.unit, "x"], "")) where metric.name == "requests"',
    'scale_metric(2.5, "ms")',
    'scale_metric(0.3) where metric.type != METRIC_DATA_TYPE_EXPONENTIAL_HISTOGRAM',
    ...['sum', 'mean', 'min', 'max', 'median', 'count'].map(
      name => `aggregate_on_attributes("${name}", ["host"]) where metric.name != "rpc"`,
    ),
    'aggregate_on_attributes("sum", []) where metric.name == "requests"',
    'aggregate_on_attributes("max") where metric.name == "load"',
    'aggregate_on_attribute_value("sum", "route", ["/r0", "/r1"], "any")',
    ...['upper', 'midpoint', 'uniform'].map(
      name => `convert_exponential_histogram_to_histogram("${name}", [0.0, 1.5, 2.0, 3.0, 9.0])`,
    ),
  ].map(statement => ({
    metric_statements: [
      { context: 'datapoint', statements: ['set(time_unix_nano, 7)'] },
      { context: 'metric', statements: [statement] },
    ],
  })),
  {
    metric_statements: [
      {
        context: 'metric',
        conditions: ['name == "requests"', 'name == "load"', 'IsMatch(name, "^copy")'],
        statements: [
          'set(description, Concat([name, "!"], ""))',
          'copy_metric(name="copy") where name == "requests"',
          'set(name, "renamed") where name == "requests"',
          'convert_sum_to_gauge() where name == "copy"',
          'set(unit, "u") where type == METRIC_DATA_TYPE_GAUGE',
          'set(resource.attributes["x"], name)',
        ],
      },
      { context: 'datapoint', statements: ['set(attributes["of"], metric.name)'] },
    ],
  },
  {
    metric_statements: [
      {
        context: 'datapoint',
        statements: [
          'convert_summary_count_val_to_sum("delta", true) where attributes["host"] == "h0"',
          'convert_summary_sum_val_to_sum("cumulative", false, "_total") where count > 1',
        ],
      },
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
      assert.deepEqual(inOrder(await askOurs(each)), inOrder(expected[i]), each.name)
    }
  })
}

function transform(signal: Signal, section: object, request: object): ComponentCase {
  return { name: JSON.stringify(section), type: 'transform', section, signal, requests: [request] }
}

/** Points that were joined come in any order there; new metrics by metric or by statement. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]) => {
    const ordered = inOrder(inner)
    const isSet = Array.isArray(ordered) && (key === 'dataPoints' || key === 'metrics')
    return [key, isSet ? [...ordered].sort(byText) : ordered] as const
  })
  return Object.fromEntries(entries.sort(byText))
}

function byText(a: unknown, b: unknown): number {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)]
  return left < right ? -1 : Number(left > right)
}
