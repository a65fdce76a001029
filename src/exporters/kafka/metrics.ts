/** The self-metrics of the Kafka exporter beside those of every sending exporter; names are upstream's where it has them. */
import type { Counter, Histogram, Meter, MetricSpec } from '../../core/meter.ts'
import type { SentBatch } from '../../net/kafka/client.ts'

const LABELS = ['exporter', 'outcome']

const RECORDS: MetricSpec = {
  name: 'otelcol_kafka_exporter_records',
  type: 'counter',
  help: 'Records sent to brokers, by what became of them.',
  labels: LABELS,
}
const BYTES: MetricSpec = {
  name: 'otelcol_kafka_exporter_bytes',
  type: 'counter',
  help: 'Bytes of record batches as they were sent.',
  labels: LABELS,
}
const PLAIN_BYTES: MetricSpec = {
  name: 'otelcol_kafka_exporter_bytes_uncompressed',
  type: 'counter',
  help: 'Bytes of record batches before compression.',
  labels: LABELS,
}
const LATENCY: MetricSpec = {
  name: 'otelcol_kafka_exporter_write_latency',
  type: 'histogram',
  help: 'Seconds from a request to a broker to its answer.',
  labels: LABELS,
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
}

export const KAFKA_METRICS: readonly MetricSpec[] = [RECORDS, BYTES, PLAIN_BYTES, LATENCY]

interface Counts {
  readonly records: Counter
  readonly bytes: Counter
  readonly plainBytes: Counter
  readonly latency: Histogram
}

/** For `KafkaProducerOptions.onBatch`. */
export function countBatches(meter: Meter, exporter: string): (sent: SentBatch) => void {
  const countsOf = (outcome: string): Counts => {
    const labels = { exporter, outcome }
    return {
      records: meter.counter(RECORDS, labels),
      bytes: meter.counter(BYTES, labels),
      plainBytes: meter.counter(PLAIN_BYTES, labels),
      latency: meter.histogram(LATENCY, labels),
    }
  }
  const success = countsOf('success')
  const failure = countsOf('failure')
  return sent => {
    const counts = sent.failure === null ? success : failure
    counts.records.value += sent.records
    counts.bytes.value += sent.bytes
    counts.plainBytes.value += sent.plainBytes
    counts.latency.observe(sent.elapsedMs / 1000)
  }
}
