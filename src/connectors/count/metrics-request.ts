/** Writes a tally as an OTLP metrics request: delta sums, by resource, under the scope name that upstream uses. */
import { Writer } from '../../otlp/wire-writer.ts'
import type { CountedMetric } from './sections.ts'
import type { SectionCounts, Series, Tally } from './tally.ts'

const SCOPE_NAME =
  'github.com/open-telemetry/opentelemetry-collector-contrib/connector/countconnector'

/** Field numbers by message. */
const REQUEST = { resourceMetrics: 1 }
const RESOURCE_METRICS = { resource: 1, scopeMetrics: 2 }
const SCOPE_METRICS = { scope: 1, metrics: 2 }
const SCOPE = { name: 1 }
const METRIC = { name: 1, description: 2, sum: 7 }
const SUM = { dataPoints: 1, aggregationTemporality: 2, isMonotonic: 3 }
const POINT = { startTime: 2, time: 3, asInt: 6 }
const DELTA = 1

/** `now` in nanoseconds stands in where nothing that was counted has a time. */
export function writeRequest({ groups }: Tally, now: bigint): Uint8Array {
  const writer = new Writer(4096)
  for (const { resource, sections } of groups) {
    writer.begin(REQUEST.resourceMetrics)
    writer.begin(RESOURCE_METRICS.resource).raw(resource).end()
    writer.begin(RESOURCE_METRICS.scopeMetrics)
    writer.begin(SCOPE_METRICS.scope).string(SCOPE.name, SCOPE_NAME).end()
    for (const counts of sections.values()) writeSection(writer, counts, now)
    writer.end().end()
  }
  return writer.finish()
}

function writeSection(writer: Writer, counts: SectionCounts, now: bigint): void {
  const start = counts.start === 0n ? now : counts.start
  const end = counts.start === 0n ? now : counts.end
  for (const [number, series] of counts.series.entries()) {
    if (series.size > 0) {
      writeMetric(writer, counts.section.metrics[number], series.values(), start, end)
    }
  }
}

function writeMetric(
  writer: Writer,
  { name, description }: CountedMetric,
  series: Iterable<Series>,
  start: bigint,
  end: bigint,
): void {
  writer.begin(SCOPE_METRICS.metrics).string(METRIC.name, name)
  if (description !== '') writer.string(METRIC.description, description)
  writer.begin(METRIC.sum)
  for (const { attributes, count } of series) {
    writer.begin(SUM.dataPoints).raw(attributes)
    writer.fixed64(POINT.startTime, start).fixed64(POINT.time, end)
    writer.fixed64(POINT.asInt, BigInt(count)).end()
  }
  writer.varint(SUM.aggregationTemporality, DELTA).bool(SUM.isMonotonic, true)
  writer.end().end()
}
