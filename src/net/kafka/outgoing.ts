/** The states of what a producer holds: one `send` with its records, and the batches that gather them by partition. */
import type { Timer } from '../../core/clock.ts'
import type { KafkaFailure, OutgoingRecord } from './client.ts'
import { BATCH_HEADER_BYTES, type BatchBody, type BatchIdentity } from './record-batch.ts'

/** One call of `send`. */
export class Dispatch {
  readonly #results: (KafkaFailure | null)[]
  readonly #ended: boolean[]
  #open: number
  readonly #resolve: (results: readonly (KafkaFailure | null)[]) => void
  readonly #late: ((index: number) => void) | undefined

  constructor(
    records: number,
    resolve: (results: readonly (KafkaFailure | null)[]) => void,
    late: ((index: number) => void) | undefined,
  ) {
    this.#results = new Array(records).fill(null)
    this.#ended = new Array(records).fill(false)
    this.#open = records
    this.#resolve = resolve
    this.#late = late
  }

  isOpen(index: number): boolean {
    return !this.#ended[index]
  }

  /** The first end counts; a later success of what had ended otherwise is told. */
  end(index: number, failure: KafkaFailure | null): void {
    if (this.#ended[index]) {
      if (failure === null && this.#results[index] !== null) this.#late?.(index)
      return
    }
    this.#ended[index] = true
    this.#results[index] = failure
    if (--this.#open === 0) this.#resolve(this.#results.slice())
  }

  endAll(failure: KafkaFailure): void {
    for (let i = 0; i < this.#ended.length; i++) if (!this.#ended[i]) this.end(i, failure)
  }
}

/** One record in a batch. */
export interface Outgoing {
  readonly record: OutgoingRecord
  readonly dispatch: Dispatch
  readonly index: number
}

/** Records of one partition that travel together. */
export class OutgoingBatch {
  readonly topic: string
  readonly partition: number
  entries: Outgoing[]
  /** Of the batch before compression, its header included. */
  bytes: number
  timer: Timer | null = null
  /** Made when the batch is closed. */
  body: BatchBody | null = null
  /** Given at the first attempt and kept for all. */
  identity: BatchIdentity | null = null
  attempts = 0

  constructor(topic: string, partition: number, entries: Outgoing[], bytes: number) {
    this.topic = topic
    this.partition = partition
    this.entries = entries
    this.bytes = bytes
  }

  /** Somebody still waits for one of its records. */
  get isWanted(): boolean {
    return this.entries.some(({ dispatch, index }) => dispatch.isOpen(index))
  }

  end(failure: KafkaFailure | null): void {
    for (const { dispatch, index } of this.entries) dispatch.end(index, failure)
  }
}

/** What waits for one partition. */
export class PartitionLane {
  open: OutgoingBatch | null = null
  /** Bytes of batches that have not ended. */
  bytes = 0
  /** Batches in requests. */
  inFlight = 0
  nextSequence = 0
  /** Of the identity that `nextSequence` counts for. */
  producerId = -1n
}

/** Lanes that count are kept, as the brokers know how far they have come; with more than this they are not. */
const MAX_LANES = 10_000

/** The lanes in use, by topic and partition. */
export class Lanes {
  readonly #lanes = new Map<string, PartitionLane>()

  of(topic: string, partition: number): PartitionLane {
    const key = laneKey(topic, partition)
    let lane = this.#lanes.get(key)
    if (lane === undefined) this.#lanes.set(key, (lane = new PartitionLane()))
    return lane
  }

  /** Bytes that wait for a partition. */
  bytes(topic: string, partition: number): number {
    return this.#lanes.get(laneKey(topic, partition))?.bytes ?? 0
  }

  /** The batch has ended. False when a lane was given up that counts: the count has to begin anew. */
  leave({ topic, partition, bytes }: OutgoingBatch): boolean {
    const key = laneKey(topic, partition)
    const lane = this.#lanes.get(key)
    if (lane === undefined) return true
    lane.bytes -= bytes - BATCH_HEADER_BYTES
    if (lane.bytes > 0 || lane.open !== null || lane.inFlight > 0) return true
    const counts = lane.producerId >= 0n
    if (counts && this.#lanes.size <= MAX_LANES) return true
    this.#lanes.delete(key)
    return !counts
  }

  clear(): void {
    for (const { open } of this.#lanes.values()) open?.timer?.cancel()
    this.#lanes.clear()
  }
}

function laneKey(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
