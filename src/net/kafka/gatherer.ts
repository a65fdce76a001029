/** Puts records together by partition: a batch is closed when it is full or has waited long enough for more. */
import type { KafkaFailure, KafkaProducerOptions, OutgoingRecord } from './client.ts'
import { type Lanes, type Outgoing, OutgoingBatch, type PartitionLane } from './outgoing.ts'
import { BATCH_HEADER_BYTES, recordBytes } from './record-batch.ts'
import type { TopicLayout } from './wire.ts'

export class Gatherer {
  readonly #options: KafkaProducerOptions
  readonly #lanes: Lanes
  readonly #closed: (batch: OutgoingBatch) => void

  /** `closed` takes a batch that gets no more records. */
  constructor(options: KafkaProducerOptions, lanes: Lanes, closed: (batch: OutgoingBatch) => void) {
    this.#options = options
    this.#lanes = lanes
    this.#closed = closed
  }

  /** Records of one topic. */
  place(topic: string, { leaders }: TopicLayout, entries: readonly Outgoing[]): void {
    const { lingerMs, maxBatchBytes } = this.#options
    const touched = new Set<PartitionLane>()
    const choose = this.#chooser(topic, leaders)
    for (const entry of entries) {
      if (!entry.dispatch.isOpen(entry.index)) continue
      if (recordBytes(entry.record, 0) + BATCH_HEADER_BYTES > maxBatchBytes) {
        entry.dispatch.end(entry.index, tooLarge(entry.record, maxBatchBytes))
        continue
      }
      touched.add(this.#add(topic, choose(entry.record), entry))
    }
    if (lingerMs > 0) return
    for (const { open } of touched) if (open !== null) this.#close(open)
  }

  /** A key has its partition, led or not; others go where somebody leads. */
  #chooser(topic: string, leaders: Int32Array): (record: OutgoingRecord) => number {
    const { partitioner } = this.#options
    const load = (partition: number): number => this.#lanes.bytes(topic, partition)
    const led: number[] = []
    for (let i = 0; i < leaders.length; i++) if (leaders[i] >= 0) led.push(i)
    if (led.length === leaders.length || led.length === 0) {
      return record => partitioner.choose(record, leaders.length, load)
    }
    return record =>
      record.key === null
        ? led[partitioner.choose(record, led.length, i => load(led[i]))]
        : partitioner.choose(record, leaders.length, load)
  }

  #add(topic: string, partition: number, entry: Outgoing): PartitionLane {
    const { maxBatchBytes, maxBatchRecords, lingerMs, clock } = this.#options
    const lane = this.#lanes.of(topic, partition)
    let size = recordBytes(entry.record, lane.open?.entries.length ?? 0)
    if (lane.open !== null && lane.open.bytes + size > maxBatchBytes) this.#close(lane.open)
    if (lane.open === null) {
      size = recordBytes(entry.record, 0)
      const batch = new OutgoingBatch(topic, partition, [], BATCH_HEADER_BYTES)
      lane.open = batch
      if (lingerMs > 0) batch.timer = clock.after(lingerMs, () => this.#close(batch))
    }
    const { open } = lane
    open.entries.push(entry)
    open.bytes += size
    lane.bytes += size
    if (open.entries.length >= maxBatchRecords) this.#close(open)
    return lane
  }

  #close(batch: OutgoingBatch): void {
    batch.timer?.cancel()
    const lane = this.#lanes.of(batch.topic, batch.partition)
    if (lane.open === batch) lane.open = null
    this.#options.partitioner.onNewBatch(batch.topic)
    this.#closed(batch)
  }
}

function tooLarge({ topic, valueBytes }: OutgoingRecord, limit: number): KafkaFailure {
  const message = `${topic}: a record of ${valueBytes} bytes does not fit into max_message_bytes ${limit}`
  return { kind: 'drop', reason: 'too_large', message, code: '' }
}
