/** The enums of contexts, by symbol. */
import { ENUMS } from '../../otlp/schema.ts'

type Symbols = ReadonlyMap<string, bigint>

function symbols(...names: readonly string[]): [string, bigint][] {
  return names.flatMap(name =>
    Object.entries(ENUMS[name]).map(
      ([symbol, value]) => [symbol, BigInt(value)] as [string, bigint],
    ),
  )
}

export const NO_ENUMS: Symbols = new Map()

export const SPAN_ENUMS: Symbols = new Map(symbols('SpanKind', 'StatusCode'))

export const LOG_ENUMS: Symbols = new Map(symbols('SeverityNumber'))

/** In the order of `metric.type`. */
const DATA_TYPES = ['NONE', 'GAUGE', 'SUM', 'HISTOGRAM', 'EXPONENTIAL_HISTOGRAM', 'SUMMARY']

export const METRIC_ENUMS: Symbols = new Map([
  ...symbols('AggregationTemporality'),
  ...DATA_TYPES.map((name, i) => [`METRIC_DATA_TYPE_${name}`, BigInt(i)] as [string, bigint]),
])

export const POINT_ENUMS: Symbols = new Map([
  ...METRIC_ENUMS,
  ['FLAG_NONE', 0n],
  ['FLAG_NO_RECORDED_VALUE', 1n],
])
