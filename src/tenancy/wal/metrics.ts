/** What a storage counts about itself. Tenants are counted by those who queue. */
import type { Counter, Histogram, Meter, MetricSpec } from '../../core/meter.ts'

const LABELS = ['storage']

const FILE_BYTES: MetricSpec = {
  name: 'millrace_storage_bytes',
  type: 'gauge',
  help: 'Bytes of all files of the queues, entries that have ended and still share a file with others included.',
  labels: LABELS,
}
const LIVE_BYTES: MetricSpec = {
  name: 'millrace_storage_live_bytes',
  type: 'gauge',
  help: 'Bytes of entries on disk that have not ended.',
  labels: LABELS,
}
const QUOTA_BYTES: MetricSpec = {
  name: 'millrace_storage_quota_bytes',
  type: 'gauge',
  help: 'What all files may take; 0 without a limit.',
  labels: LABELS,
}
const SYNC_SECONDS: MetricSpec = {
  name: 'millrace_storage_fsync_seconds',
  type: 'histogram',
  help: 'How long it took until the disk had what was written.',
  labels: LABELS,
  buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
}
const GROUPS: MetricSpec = {
  name: 'millrace_storage_groups',
  type: 'counter',
  help: 'Writes to disk, each with all entries that waited.',
  labels: LABELS,
}
const APPENDED: MetricSpec = {
  name: 'millrace_storage_appended_entries',
  type: 'counter',
  help: 'Entries that are stored.',
  labels: LABELS,
}
const APPENDED_BYTES: MetricSpec = {
  name: 'millrace_storage_appended_bytes',
  type: 'counter',
  help: 'Bytes of entries that are stored, with what stands around them.',
  labels: LABELS,
}
const REFUSED: MetricSpec = {
  name: 'millrace_storage_refused_entries',
  type: 'counter',
  help: 'Entries that were not taken: the limit of all, of the tenant or of the disk is reached, or the disk failed.',
  labels: [...LABELS, 'reason'],
}
const EVICTED: MetricSpec = {
  name: 'millrace_storage_evicted_items',
  type: 'counter',
  help: 'Items of old entries that made room for new ones (overflow: drop_oldest).',
  labels: LABELS,
}
const RECOVERED: MetricSpec = {
  name: 'millrace_storage_recovered_entries',
  type: 'counter',
  help: 'Entries that were found on disk at a start.',
  labels: LABELS,
}
const DAMAGED: MetricSpec = {
  name: 'millrace_storage_damaged_entries',
  type: 'counter',
  help: 'Entries that were lost because their bytes on disk are not those that were written.',
  labels: LABELS,
}
const EMPTY: MetricSpec = {
  name: 'millrace_storage_empty_files',
  type: 'counter',
  help: 'Files of queues without a byte of an entry that were found, and removed, at a start.',
  labels: LABELS,
}
const ERRORS: MetricSpec = {
  name: 'millrace_storage_errors',
  type: 'counter',
  help: 'Operations on files that failed.',
  labels: [...LABELS, 'operation'],
}

export const WAL_METRICS: readonly MetricSpec[] = [
  FILE_BYTES,
  LIVE_BYTES,
  QUOTA_BYTES,
  SYNC_SECONDS,
  GROUPS,
  APPENDED,
  APPENDED_BYTES,
  REFUSED,
  EVICTED,
  RECOVERED,
  DAMAGED,
  EMPTY,
  ERRORS,
]

export type RefusedReason = 'total' | 'tenant' | 'disk' | 'busy' | 'error'
export type FileOperation =
  | 'write'
  | 'sync'
  | 'read'
  | 'create'
  | 'remove'
  | 'acknowledge'
  | 'truncate'

/** What is asked at each scrape. */
export interface Gauges {
  fileBytes(): number
  liveBytes(): number
  quotaBytes(): number
}

export class WalMetrics {
  readonly syncSeconds: Histogram
  readonly groups: Counter
  readonly appended: Counter
  readonly appendedBytes: Counter
  readonly evicted: Counter
  readonly recovered: Counter
  readonly damaged: Counter
  readonly emptyFiles: Counter
  readonly #meter: Meter
  readonly #storage: string
  #forget: (() => void)[] = []

  constructor(meter: Meter, storage: string) {
    const labels = { storage }
    this.#meter = meter
    this.#storage = storage
    this.syncSeconds = meter.histogram(SYNC_SECONDS, labels)
    this.groups = meter.counter(GROUPS, labels)
    this.appended = meter.counter(APPENDED, labels)
    this.appendedBytes = meter.counter(APPENDED_BYTES, labels)
    this.evicted = meter.counter(EVICTED, labels)
    this.recovered = meter.counter(RECOVERED, labels)
    this.damaged = meter.counter(DAMAGED, labels)
    this.emptyFiles = meter.counter(EMPTY, labels)
  }

  refused(reason: RefusedReason): Counter {
    return this.#meter.counter(REFUSED, { storage: this.#storage, reason })
  }

  failed(operation: FileOperation): void {
    this.#meter.counter(ERRORS, { storage: this.#storage, operation }).value++
  }

  watch(gauges: Gauges): void {
    const labels = { storage: this.#storage }
    this.#forget = [
      this.#meter.observe(FILE_BYTES, labels, () => gauges.fileBytes()),
      this.#meter.observe(LIVE_BYTES, labels, () => gauges.liveBytes()),
      this.#meter.observe(QUOTA_BYTES, labels, () => gauges.quotaBytes()),
    ]
  }

  close(): void {
    for (const forget of this.#forget.splice(0)) forget()
  }
}
