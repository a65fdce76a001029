/** Sends encoded batches to Kafka as records, and reads what the brokers' answers mean for the data. */
import { type Batch, DEFAULT_TENANT } from '../../core/batch.ts'
import type { Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Signal } from '../../core/signal.ts'
import type {
  KafkaFailure,
  KafkaHeader,
  KafkaProducer,
  OutgoingRecord,
} from '../../net/kafka/client.ts'
import {
  type KafkaConnection,
  loadKafkaDriver,
  openKafkaConnection,
} from '../../net/kafka/connect.ts'
import { createPartitioner, type PartitionerName } from '../../net/kafka/partitioners.ts'
import { BATCH_HEADER_BYTES, recordBytes } from '../../net/kafka/record-batch.ts'
import { type EncodingWriter, writerOf } from '../../translate/encoding/writers.ts'
import type { Abort } from '../../util/abort.ts'
import type { EncodedBatch, Progress, Sender, SendResult } from '../sending/sender.ts'
import { isTopicName, type KafkaConfig, signalConfig } from './config.ts'
import { Delivery, type Message } from './delivery.ts'
import { countBatches } from './metrics.ts'
import { Plan } from './plan.ts'

/** Where the time of an attempt has no end. */
const REQUEST_TIMEOUT_MS = 30_000
/** Lengths in front of a large value take so much more than in front of an empty one. */
const LENGTH_BYTES = 8
/** Answers of "too large" teach no limit below this, and of the refused size so much. */
const LEAST_LEARNED_BYTES = 65_536
const LEARNED_SHARE = 0.75

interface Lane {
  readonly plan: Plan
  readonly writer: EncodingWriter
}

export class KafkaSender implements Sender {
  readonly #context: CreateContext<KafkaConfig>
  readonly #lanes = new Map<Signal, Lane>()
  readonly #headers: readonly KafkaHeader[]
  /** Batches that are on their way, or of which a part has been taken and the rest is to come. */
  readonly #open = new WeakMap<Batch, Delivery>()
  /** Most bytes of a batch that the brokers take, as far as is known. */
  #maxBytes: number
  #connection: KafkaConnection | null = null
  #producer: KafkaProducer | null = null

  readonly #loadDriver: typeof loadKafkaDriver

  /** Another `loadDriver` is for tests. */
  constructor(context: CreateContext<KafkaConfig>, loadDriver = loadKafkaDriver) {
    const { config, signals } = context
    this.#loadDriver = loadDriver
    this.#context = context
    this.#maxBytes = config.producer.max_message_bytes
    for (const signal of signals) {
      const writer = writerOf(signalConfig(config, signal).encoding, signal)
      if (writer !== null) this.#lanes.set(signal, { plan: new Plan(signal, config), writer })
    }
    this.#headers = Object.entries(config.record_headers).map(([key, value]) => ({
      key,
      value: Buffer.from(value.reveal()),
    }))
  }

  async start(host: Host): Promise<void> {
    const { config, meter, id } = this.#context
    const { producer, record_partitioner: partitioner } = config
    const connection = await openKafkaConnection(config, this.#context, host, {
      requestTimeoutMs: config.timeout || REQUEST_TIMEOUT_MS,
      allowAutoTopicCreation: producer.allow_auto_topic_creation,
    })
    this.#connection = connection
    const driver = await this.#loadDriver(config.driver)
    this.#producer = driver.producer({
      ...connection.options,
      acks: producer.required_acks,
      idempotent: producer.idempotent ?? producer.required_acks === -1,
      compression: producer.compression,
      compressionLevel: producer.compression_params?.level ?? 0,
      maxBatchBytes: producer.max_message_bytes,
      maxRequestBytes: producer.max_broker_write_bytes,
      maxBatchRecords: producer.flush_max_messages,
      lingerMs: producer.linger,
      partitioner: createPartitioner(partitionerName(partitioner)),
      onBatch: countBatches(meter, id),
    })
    await this.#producer.start()
  }

  async send(encoded: EncodedBatch, abort: Abort): Promise<SendResult> {
    const { batch } = encoded
    const lane = this.#lanes.get(encoded.signal)
    const producer = this.#producer
    if (lane === undefined || producer === null) {
      const message = `no encoding is configured for ${encoded.signal}`
      return { kind: 'drop', reason: 'unimplemented', message }
    }
    const headers = this.#headersOf(batch)
    const known = this.#open.get(batch)
    const delivery = known ?? this.#begin(lane, batch, headers)
    this.#open.set(batch, delivery)
    const whole = known === undefined && delivery.isWhole(batch.parts) ? messageOf(encoded) : null
    const failure = await this.#deliver(delivery, whole, headers, producer, abort)
    if (failure !== null) {
      if (failure.code === '') batch.taint()
      return { kind: 'retry', afterMs: failure.afterMs, message: failure.message }
    }
    const result = resultOf(delivery, encoded.items)
    // Else it stays: this answer may come after the time-out, and then the batch is handed in once more.
    if (result.kind === 'drop') this.#open.delete(batch)
    return result
  }

  progress(batch: Batch): Progress | null {
    return this.#open.get(batch)?.progress ?? null
  }

  async stop(): Promise<void> {
    await this.#producer?.stop()
    this.#connection?.close()
  }

  #begin({ plan, writer }: Lane, batch: Batch, headers: readonly KafkaHeader[]): Delivery {
    const limit = (key: Uint8Array | null): number => {
      const empty = { topic: '', key, value: [], valueBytes: 0, headers }
      return this.#maxBytes - BATCH_HEADER_BYTES - recordBytes(empty, 0) - LENGTH_BYTES
    }
    const delivery = new Delivery({ writer, limit })
    for (const unit of plan.units(batch)) {
      if (isTopicName(unit.topic)) delivery.add(unit)
      else delivery.refuse(unit, 'bad_topic', `${JSON.stringify(unit.topic)} is no topic`)
    }
    return delivery
  }

  /** Until everything has ended, or what is left has to wait: then the reason. */
  async #deliver(
    delivery: Delivery,
    whole: ReturnType<typeof messageOf> | null,
    headers: readonly KafkaHeader[],
    producer: KafkaProducer,
    abort: Abort,
  ): Promise<KafkaFailure | null> {
    for (let known = whole; !delivery.isDone; known = null) {
      const messages = delivery.messages(known)
      if (messages.length === 0) continue
      const records = messages.map(message => recordOf(message, headers))
      const results = await producer.send(records, abort, late =>
        delivery.end(messages[late], null),
      )
      let wait: KafkaFailure | null = null
      let isCut = false
      for (const [i, failure] of results.entries()) {
        if (failure === null) delivery.end(messages[i], null)
        else if (failure.kind === 'retry') wait = heavier(wait, failure)
        else if (failure.reason === 'too_large')
          isCut = this.#tooLarge(delivery, messages[i], failure) || isCut
        else delivery.end(messages[i], failure)
      }
      if (wait !== null && (!isCut || abort.aborted)) return wait
    }
    return null
  }

  /** The broker takes less than the configuration says: this and what comes later is cut smaller. */
  #tooLarge(delivery: Delivery, message: Message, failure: KafkaFailure): boolean {
    if (!delivery.halve(message)) {
      delivery.end(message, { ...failure, reason: 'item_too_large' })
      return false
    }
    const learned = Math.floor(message.encoded.byteLength * LEARNED_SHARE)
    if (learned >= LEAST_LEARNED_BYTES && learned < this.#maxBytes) {
      this.#maxBytes = learned
      const { id, log } = this.#context
      log.info('destination_limit_learned', { exporter: id, maxBytes: learned })
    }
    return true
  }

  #headersOf({ tenant, context }: Batch): readonly KafkaHeader[] {
    const { include_metadata_keys: keys, tenant_header: name } = this.#context.config
    const hasTenant = name !== '' && tenant !== DEFAULT_TENANT
    if (!hasTenant && (keys.length === 0 || context.metadata.size === 0)) return this.#headers
    const headers = [...this.#headers]
    for (const key of keys) {
      for (const value of context.metadata.get(key.toLowerCase()) ?? []) {
        headers.push({ key, value: Buffer.from(value) })
      }
    }
    if (hasTenant) headers.push({ key: name, value: Buffer.from(tenant) })
    return headers
  }
}

/** One that leaves bytes in somebody's hands counts more. */
function heavier(known: KafkaFailure | null, failure: KafkaFailure): KafkaFailure {
  return known === null || (known.code !== '' && failure.code === '') ? failure : known
}

function partitionerName(config: KafkaConfig['record_partitioner']): PartitionerName {
  if (config.round_robin !== undefined) return 'round_robin'
  if (config.least_backup !== undefined) return 'least_backup'
  return config.sticky_key?.hasher ?? 'sarama_compat'
}

function messageOf({ chunks, byteLength, items }: EncodedBatch) {
  return { key: null, chunks, byteLength, items }
}

function recordOf(
  { topic, key, encoded }: Message,
  headers: readonly KafkaHeader[],
): OutgoingRecord {
  return { topic, key, value: encoded.chunks, valueBytes: encoded.byteLength, headers }
}

/** Nothing waits any more. */
function resultOf({ refusals }: Delivery, items: number): SendResult {
  const { first } = refusals
  if (first === undefined) return { kind: 'sent' }
  const { reason, message } = first
  if (refusals.items >= items) return { kind: 'drop', reason, message }
  return { kind: 'sent', rejected: refusals.items, message, refused: refusals.list }
}
