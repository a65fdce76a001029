/** What the producer asks of a connection to a cluster: who leads what, and to hand sealed batches to a broker. */
import type { KafkaFailure } from './client.ts'

export interface TopicLayout {
  /** Node that leads each partition; -1 while there is none. */
  readonly leaders: Int32Array
}

/** One batch on its way: its bytes in order, header included. */
export interface SealedBatch {
  readonly topic: string
  readonly partition: number
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
}

export interface ProduceAnswer {
  /** Kafka's error code; 0 = taken. */
  readonly code: number
  /** The broker's own words, or empty. */
  readonly said: string
  /** Places of records that are themselves at fault; the others of the batch were left out because of them. */
  readonly badRecords: readonly number[]
}

export interface ProducerIdentity {
  readonly id: bigint
  readonly epoch: number
}

export interface Wire {
  start(): Promise<void>
  /** From memory where it is known. */
  topic(name: string): TopicLayout | Promise<TopicLayout | KafkaFailure>
  /** What is known of the topic is wrong: the next `topic` asks the cluster. */
  forget(topic: string): void
  /** One request; answers in the order of the batches. A failure means that it is not known whether they were taken. */
  produce(
    node: number,
    batches: readonly SealedBatch[],
    acks: number,
  ): Promise<readonly ProduceAnswer[] | KafkaFailure>
  identity(): Promise<ProducerIdentity | KafkaFailure>
  stop(): Promise<void>
}

export function isFailure(x: object): x is KafkaFailure {
  return 'kind' in x && 'reason' in x
}
