/**
 * Metrics of the receiver: upstream's names for what is read and how far behind it is, ours for records that were not
 * taken. Topics are names that brokers give, so the number of partitions with series of their own is bounded.
 */
import type { Counter, Histogram, Meter, MetricSpec } from '../../core/meter.ts'
import { ITEM_NOUN, SIGNALS, type Signal } from '../../core/signal.ts'
import type { TopicPartition } from '../../net/kafka/client.ts'

const PARTITION_LABELS = ['receiver', 'topic', 'partition']

const RECORDS: MetricSpec = {
  name: 'otelcol_kafka_receiver_records',
  type: 'counter',
  help: 'Records that were received.',
  labels: PARTITION_LABELS,
}

const BYTES: MetricSpec = {
  name: 'otelcol_kafka_receiver_bytes_uncompressed',
  type: 'counter',
  help: 'Bytes of received records, keys and headers included, as they are after decompression.',
  labels: PARTITION_LABELS,
}

export const CURRENT_OFFSET: MetricSpec = {
  name: 'otelcol_kafka_receiver_current_offset',
  type: 'gauge',
  help: 'Offset of the last record that was done, in partitions that are assigned here.',
  labels: PARTITION_LABELS,
}

export const OFFSET_LAG: MetricSpec = {
  name: 'otelcol_kafka_receiver_offset_lag',
  type: 'gauge',
  help: 'Records of a partition that are still to do, as known from the last fetch.',
  labels: PARTITION_LABELS,
}

const STARTED: MetricSpec = {
  name: 'otelcol_kafka_receiver_partition_start',
  type: 'counter',
  help: 'Partitions that were assigned to this member.',
  labels: ['receiver'],
}

const CLOSED: MetricSpec = {
  name: 'otelcol_kafka_receiver_partition_close',
  type: 'counter',
  help: 'Partitions that this member gave up or lost.',
  labels: ['receiver'],
}

const DELAY: MetricSpec = {
  name: 'otelcol_kafka_receiver_records_delay',
  type: 'histogram',
  help: 'Seconds from the producing of the oldest record of a batch to its receiving; where it is enabled.',
  labels: ['receiver', 'topic'],
  buckets: [
    ...[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 25, 50, 75],
    ...[100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000],
  ],
}

const UNMARSHAL_FAILED = Object.fromEntries(
  SIGNALS.map(signal => [signal, unmarshalFailed(signal)]),
) as Record<Signal, MetricSpec>

function unmarshalFailed(signal: Signal): MetricSpec {
  const noun = ITEM_NOUN[signal]
  return {
    name: `otelcol_kafka_receiver_unmarshal_failed_${noun}`,
    type: 'counter',
    help: `Records that could not be read as ${noun.replace('_', ' ')}.`,
    labels: PARTITION_LABELS,
  }
}

const DROPPED: MetricSpec = {
  name: 'millrace_kafka_receiver_dropped_records',
  type: 'counter',
  help: 'Records that were left out for good, by reason; with dead_letters they are kept there.',
  labels: ['receiver', 'signal', 'reason'],
}

export const PAUSED: MetricSpec = {
  name: 'millrace_kafka_receiver_paused_partitions',
  type: 'gauge',
  help: 'Assigned partitions that rest because the pipeline or the memory has no room, or that stand still.',
  labels: ['receiver', 'signal'],
}

const COMMIT_FAILURES: MetricSpec = {
  name: 'millrace_kafka_receiver_commit_failures',
  type: 'counter',
  help: 'Commits of offsets that failed; they are repeated.',
  labels: ['receiver'],
}

const HEADERS_LEFT: MetricSpec = {
  name: 'millrace_kafka_receiver_headers_left_out',
  type: 'counter',
  help: 'Records whose headers were larger than max_header_bytes and not handed on.',
  labels: ['receiver'],
}

const BROKEN_FETCHES: MetricSpec = {
  name: 'millrace_kafka_receiver_broken_fetches',
  type: 'counter',
  help: 'Fetches of which nothing was taken because the log of the partition contradicts itself.',
  labels: PARTITION_LABELS,
}

export const METRICS: readonly MetricSpec[] = [
  ...[RECORDS, BYTES, CURRENT_OFFSET, OFFSET_LAG, STARTED, CLOSED, DELAY],
  ...Object.values(UNMARSHAL_FAILED),
  ...[DROPPED, PAUSED, BROKEN_FETCHES, COMMIT_FAILURES, HEADERS_LEFT],
]

/** Partitions that get series of their own; the others share one. */
const MAX_PARTITIONS = 5000
const OTHERS: TopicPartition = { topic: '(others)', partition: -1 }

export interface PartitionCounters {
  readonly records: Counter
  readonly bytes: Counter
  readonly unreadable: Counter
  readonly brokenFetches: Counter
  readonly delay: Histogram | null
  /** Of the series. */
  readonly labels: Readonly<Record<string, string>>
}

/** Counters that all signals of a receiver have in common. */
export class KafkaCounters {
  readonly started: Counter
  readonly closed: Counter
  readonly commitFailures: Counter
  readonly headersLeft: Counter
  readonly #meter: Meter
  readonly #receiver: string
  readonly #measuresDelay: boolean
  readonly #partitions = new Map<string, PartitionCounters>()

  constructor(meter: Meter, receiver: string, measuresDelay: boolean) {
    this.#meter = meter
    this.#receiver = receiver
    this.#measuresDelay = measuresDelay
    this.started = meter.counter(STARTED, { receiver })
    this.closed = meter.counter(CLOSED, { receiver })
    this.commitFailures = meter.counter(COMMIT_FAILURES, { receiver })
    this.headersLeft = meter.counter(HEADERS_LEFT, { receiver })
  }

  /** The same for the same partition, also when it comes back after a rebalance. */
  of(place: TopicPartition, signal: Signal): PartitionCounters {
    const key = `${signal}/${place.partition}/${place.topic}`
    const known = this.#partitions.get(key)
    if (known !== undefined) return known
    const { topic, partition } = this.#partitions.size < MAX_PARTITIONS ? place : OTHERS
    const labels = { receiver: this.#receiver, topic, partition: String(partition) }
    const counters = {
      records: this.#meter.counter(RECORDS, labels),
      bytes: this.#meter.counter(BYTES, labels),
      unreadable: this.#meter.counter(UNMARSHAL_FAILED[signal], labels),
      brokenFetches: this.#meter.counter(BROKEN_FETCHES, labels),
      delay: this.#measuresDelay
        ? this.#meter.histogram(DELAY, { receiver: this.#receiver, topic })
        : null,
      labels,
    }
    if (topic === place.topic) this.#partitions.set(key, counters)
    return counters
  }

  dropped(signal: Signal, reason: string): Counter {
    return this.#meter.counter(DROPPED, { receiver: this.#receiver, signal, reason })
  }
}
