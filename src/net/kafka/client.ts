/**
 * What the Kafka exporter and the Kafka receiver ask of a client library, and nothing that only one library has. The
 * drivers stand beside it; `connect.ts` chooses one.
 */
import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { Abort } from '../../util/abort.ts'
import type { Secret } from '../../util/secret.ts'

/** How to reach a cluster; the same for producers and consumers. Durations are in milliseconds. */
export interface KafkaClusterOptions {
  /** `host:port` of brokers to begin with. */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** Empty: none. */
  readonly rackId: string
  /** Asked for every new connection, since certificates change; null: no TLS. */
  readonly tls: (() => ConnectionOptions) | null
  readonly sasl: KafkaSasl | null
  readonly connectTimeoutMs: number
  /** Longest wait for the answer to one request. */
  readonly requestTimeoutMs: number
  /** Age at which the list of brokers and leaders is read again. */
  readonly metadataMaxAgeMs: number
  /** Attempts to read it when no leader is known, and the pause between them. */
  readonly metadataRetries: number
  readonly metadataBackoffMs: number
  /** Closes connections that were not used for so long; 0 never. */
  readonly idleTimeoutMs: number
  readonly allowAutoTopicCreation: boolean
  readonly clock: Clock
  readonly log: Logger
}

export type KafkaSasl =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: string
      readonly password: Secret
    }
  /** Asked before a session's first request and again before it expires. Rejects when there is no token now. */
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: () => Promise<string> }

/**
 * Why something did not work. `retry`: the same may work later. `drop`: this record will never be taken. `reason` is a
 * short word for counters (`too_large`, `permission_denied`, `unimplemented`, `bad_data`, `rejected`).
 */
export interface KafkaFailure {
  readonly kind: 'retry' | 'drop'
  readonly reason: string
  /** For people. */
  readonly message: string
  /** Kafka's name of the error (`NOT_LEADER_OR_FOLLOWER`), or empty when it is not the broker who said no. */
  readonly code: string
  /** The broker asked to wait. */
  readonly afterMs?: number
}

export type KafkaCompression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

// --- producing ---

export interface KafkaHeader {
  readonly key: string
  readonly value: Uint8Array
}

export interface OutgoingRecord {
  readonly topic: string
  /** Null: any partition will do. */
  readonly key: Uint8Array | null
  /** The value's bytes in order; neither copied before they are needed nor written to. */
  readonly value: readonly Uint8Array[]
  readonly valueBytes: number
  readonly headers: readonly KafkaHeader[]
}

export interface KafkaProducerOptions extends KafkaClusterOptions {
  readonly acks: -1 | 0 | 1
  /** The broker takes each record once although the driver sends it again after a lost answer; demands `acks` -1. */
  readonly idempotent: boolean
  readonly compression: KafkaCompression
  /** 0: the codec's default. */
  readonly compressionLevel: number
  /** Most bytes of one record batch as it is before compression, overhead included. */
  readonly maxBatchBytes: number
  /** Most bytes of one request. */
  readonly maxRequestBytes: number
  /** Most records of one batch. */
  readonly maxBatchRecords: number
  /** A batch waits so long for more records of its partition. */
  readonly lingerMs: number
  readonly partitioner: Partitioner
  /** Told of each batch that has reached its end. */
  readonly onBatch?: (sent: SentBatch) => void
}

export interface SentBatch {
  readonly records: number
  /** As it was sent, and before compression. */
  readonly bytes: number
  readonly plainBytes: number
  /** From the request to its answer. */
  readonly elapsedMs: number
  readonly failure: KafkaFailure | null
}

/** Chooses among the partitions of a topic. One for each producer; keeps what it needs to know by topic. */
export interface Partitioner {
  /** Index into 0..partitions-1. `load` tells how many bytes wait for a partition. */
  choose(record: OutgoingRecord, partitions: number, load: (partition: number) => number): number
  /** The batch of keyless records of this topic has been closed: the next one may go elsewhere. */
  onNewBatch(topic: string): void
}

export interface KafkaProducer {
  /** Loads the library and codecs; connects in the background. Rejects with a MillraceError when something is missing here. */
  start(): Promise<void>
  /**
   * Sends records and resolves when the end of each is known, in the order given: null = the brokers took it as far as
   * `acks` asks. Never rejects. After `abort` what is open ends as `retry`; a record that is taken after all is told to
   * `late` with its index. The bytes of a record that ended as `retry` with an empty `code` may still be read.
   */
  send(
    records: readonly OutgoingRecord[],
    abort: Abort,
    late?: (index: number) => void,
  ): Promise<readonly (KafkaFailure | null)[]>
  /** Closes the connections; what is open ends as `retry`. Safe twice. */
  stop(): Promise<void>
}

// --- consuming ---

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** `offset` is the one to be read next: the last that is done, plus one. */
export interface Position extends TopicPartition {
  readonly offset: number
}

export interface FetchedRecord {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Uint8Array | null
  /** Null: a tombstone. */
  readonly value: Uint8Array | null
  readonly headers: readonly FetchedHeader[]
}

export interface FetchedHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

/** Records of one partition, in order and at least one. The bytes are the receiver's to keep. */
export interface FetchedBatch extends TopicPartition {
  readonly records: readonly FetchedRecord[]
  /** Offset that the partition's next new record will get: lag = highWatermark - position. */
  readonly highWatermark: number
}

/** Records `offset` to `nextOffset` - 1 of one partition, which cannot be read: damaged, of an unknown codec, too large. */
export interface DamagedBatch extends Position {
  readonly nextOffset: number
  readonly highWatermark: number
  readonly failure: KafkaFailure
  /** The record batch as the broker has it, where it is at hand. */
  readonly bytes: Uint8Array | null
}

/** What happens to a consumer. Calls for one partition never overlap; those for different partitions may. */
export interface KafkaConsumerEvents {
  /** These partitions are read from now on, besides those that were assigned before and not revoked. */
  assigned(partitions: readonly TopicPartition[]): void
  /**
   * These partitions go to another member once this has resolved; until then `commit` still counts for them. No batch of
   * them is handed over afterwards. `isLost`: they are gone already (session expired), a commit would be refused.
   */
  revoked(partitions: readonly TopicPartition[], isLost: boolean): Promise<void>
  /**
   * Takes records and says with which offset to go on: the last one's plus one when all are taken, that of the first one
   * not taken otherwise (it is fetched again). The partition rests until this has resolved, while the member stays alive
   * in its group. Must not reject.
   */
  records(batch: FetchedBatch): Promise<number> | number
  /** Comes in the place of `records`; answers `nextOffset` to leave the batch out, `offset` to have it again. */
  damaged(batch: DamagedBatch): Promise<number> | number
  /** How it stands: null = well; otherwise what is wrong, while the driver tries again by itself. */
  state(failure: KafkaFailure | null): void
}

export type RebalanceStrategy = 'range' | 'roundrobin' | 'sticky' | 'cooperative-sticky'

export interface KafkaConsumerOptions extends KafkaClusterOptions {
  /** Names, or regular expressions that begin with `^`. */
  readonly topics: readonly string[]
  /** Regular expressions of topics that the ones above must not match. */
  readonly excludeTopics: readonly string[]
  readonly groupId: string
  /** Empty: a dynamic member. */
  readonly groupInstanceId: string
  /** Where to begin without a committed offset. */
  readonly initialOffset: 'latest' | 'earliest'
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  /** Preferred first. A driver that lacks one takes the next, and `range` at last. */
  readonly rebalanceStrategies: readonly RebalanceStrategy[]
  readonly minFetchBytes: number
  readonly maxFetchBytes: number
  readonly maxFetchWaitMs: number
  readonly maxPartitionFetchBytes: number
  /** Partitions whose batches may be with the receiver at the same time. */
  readonly concurrency: number
}

export interface KafkaConsumer {
  /**
   * Loads the library and codecs, then joins the group in the background; an unreachable cluster is told through `state`
   * and tried again for ever. Rejects with a MillraceError when something is missing here.
   */
  start(events: KafkaConsumerEvents): Promise<void>
  /** Nothing more is fetched of these until `resume`; what is with the receiver goes on. */
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  /** Null = committed. Never rejects. A `drop` means: this member does not own them any more. */
  commit(positions: readonly Position[]): Promise<KafkaFailure | null>
  /** Waits for batches that are with the receiver, leaves the group, closes the connections. Safe twice. */
  stop(): Promise<void>
}

/** One client library. */
export interface KafkaDriver {
  producer(options: KafkaProducerOptions): KafkaProducer
  consumer(options: KafkaConsumerOptions): KafkaConsumer
}
