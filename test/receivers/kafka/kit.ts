/** A receiver of Kafka without Kafka: the client is driven by hand, by what a broker would send. */
import type { Component, Host } from '../../../src/core/component.ts'
import type { Signal } from '../../../src/core/signal.ts'
import type { DeadLetters, NewLetter } from '../../../src/core/storage.ts'
import type { Tenancy } from '../../../src/core/tenancy.ts'
import type {
  FetchedHeader,
  FetchedRecord,
  KafkaConsumer,
  KafkaConsumerEvents,
  KafkaConsumerOptions,
  KafkaFailure,
  Position,
  TopicPartition,
} from '../../../src/net/kafka/client.ts'
import { config, type KafkaReceiverConfig } from '../../../src/receivers/kafka/config.ts'
import { KafkaReceiver } from '../../../src/receivers/kafka/receiver.ts'
import { makeRequest } from '../../../src/testing/builders.ts'
import {
  CollectingConsumer,
  type FakeServices,
  fakeHost,
  fakeServices,
} from '../../../src/testing/fakes.ts'

export class FakeClient implements KafkaConsumer {
  readonly options: KafkaConsumerOptions
  events!: KafkaConsumerEvents
  readonly commits: Position[] = []
  readonly paused = new Set<string>()
  /** What the next commits answer. */
  failure: KafkaFailure | null = null
  /** Of the next commits: nothing but this happens. */
  whenAsked: (() => Promise<KafkaFailure | null>) | null = null
  asked = 0
  isStopped = false

  constructor(options: KafkaConsumerOptions) {
    this.options = options
  }

  async start(events: KafkaConsumerEvents): Promise<void> {
    this.events = events
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.paused.add(`${topic}/${partition}`)
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.paused.delete(`${topic}/${partition}`)
  }

  async commit(positions: readonly Position[]): Promise<KafkaFailure | null> {
    this.asked++
    if (this.whenAsked !== null) return this.whenAsked()
    if (this.failure === null) this.commits.push(...positions)
    return this.failure
  }

  async stop(): Promise<void> {
    this.isStopped = true
  }
}

export const HOME: TopicPartition = { topic: 'otlp_spans', partition: 0 }

export interface KitOptions {
  readonly config?: Record<string, unknown>
  readonly signals?: readonly Signal[]
  readonly tenancy?: Tenancy
}

export class Kit {
  readonly services: FakeServices
  readonly next = new CollectingConsumer()
  readonly clients = new Map<string, FakeClient>()
  readonly letters: NewLetter[] = []
  readonly statuses: string[] = []
  readonly receiver: KafkaReceiver
  readonly #host: Host

  constructor({ config: given = {}, signals = ['traces'], tenancy }: KitOptions = {}) {
    this.services = { ...fakeServices(), ...(tenancy !== undefined && { tenancy }) }
    const put = async (letter: NewLetter): Promise<boolean> => {
      this.letters.push({ ...letter, chunks: letter.chunks.map(chunk => chunk.slice()) })
      return true
    }
    const storage = { queueStorage: { letters: { put } as DeadLetters } } as unknown as Component
    this.#host = {
      ...fakeHost(new Map([['file_storage', storage]])),
      reportStatus: (_id, status, detail = '') => void this.statuses.push(`${status} ${detail}`),
    }
    const parsed = config.schema.parse(given) as KafkaReceiverConfig
    const context = { ...this.services, id: 'kafka', config: parsed, signals }
    this.receiver = new KafkaReceiver(context, this.next, async () => ({
      producer: () => {
        throw new Error('a receiver sends nothing')
      },
      consumer: options => {
        const client = new FakeClient(options)
        this.clients.set(options.topics[0], client)
        return client
      },
    }))
  }

  async start(partitions: readonly TopicPartition[] = [HOME]): Promise<FakeClient> {
    await this.receiver.start(this.#host)
    const [client] = this.clients.values()
    client.events.assigned(partitions)
    return client
  }

  total(name: string): number {
    return this.services.meter.total(name)
  }
}

/** A record of so many spans. */
export function spans(
  offset: number,
  items = 2,
  headers: Record<string, string> = {},
): FetchedRecord {
  return record(offset, makeRequest('traces', items), headers)
}

export function record(
  offset: number,
  value: Uint8Array | null,
  headers: Record<string, string> = {},
): FetchedRecord {
  const list: FetchedHeader[] = Object.entries(headers).map(([key, text]) => ({
    key,
    value: Buffer.from(text),
  }))
  return { offset, timestampMs: 1_700_000_000_000, key: null, value, headers: list }
}

/** What a broker sends of a partition. */
export function batch(records: readonly FetchedRecord[], place = HOME, highWatermark = 100) {
  return { ...place, records, highWatermark }
}
