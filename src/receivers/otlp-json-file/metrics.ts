/** Metrics of the receiver besides those of items: what was read, what was left out and why, and how far it is behind. */
import type { Counter, Meter, MetricSpec } from '../../core/meter.ts'

/** Why a record went no further. */
export type LeftOut =
  | 'malformed' // not JSON, not a request, or not what the compression says
  | 'too_large' // over max_log_size
  | 'unknown' // a line that names no signal
  | 'no_pipeline' // of a signal that no pipeline with this receiver has
  | 'refused' // the pipeline will never take it

const REASONS: readonly LeftOut[] = ['malformed', 'too_large', 'unknown', 'no_pipeline', 'refused']

const RECORDS: MetricSpec = {
  name: 'millrace_file_receiver_records',
  type: 'counter',
  help: 'Requests that were read from files and taken into the pipeline.',
  labels: ['receiver'],
}

const LEFT_OUT: MetricSpec = {
  name: 'millrace_file_receiver_left_out_records',
  type: 'counter',
  help: 'Requests in files that were passed over, by reason; with a storage they are kept as dead letters.',
  labels: ['receiver', 'reason'],
}

const BYTES: MetricSpec = {
  name: 'millrace_file_receiver_bytes',
  type: 'counter',
  help: 'Bytes of requests that were read from files.',
  labels: ['receiver'],
}

export const UNREAD: MetricSpec = {
  name: 'millrace_file_receiver_unread_bytes',
  type: 'gauge',
  help: 'Bytes of followed files behind the place where reading stands.',
  labels: ['receiver'],
}

export const FILES: MetricSpec = {
  name: 'millrace_file_receiver_files',
  type: 'gauge',
  help: 'Files that are followed.',
  labels: ['receiver'],
}

export const METRICS: readonly MetricSpec[] = [RECORDS, LEFT_OUT, BYTES, UNREAD, FILES]

export interface FileCounters {
  readonly records: Counter
  readonly bytes: Counter
  readonly leftOut: Readonly<Record<LeftOut, Counter>>
}

export function countFiles(meter: Meter, receiver: string): FileCounters {
  const count = (reason: LeftOut) => [reason, meter.counter(LEFT_OUT, { receiver, reason })]
  return {
    records: meter.counter(RECORDS, { receiver }),
    bytes: meter.counter(BYTES, { receiver }),
    leftOut: Object.fromEntries(REASONS.map(count)) as Record<LeftOut, Counter>,
  }
}
