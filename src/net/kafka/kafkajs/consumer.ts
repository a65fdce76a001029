/**
 * A consumer group by kafkajs. What it lacks is added around it: it begins anew after any failure, waits for topics that
 * do not exist yet, keeps its place in the group while a batch takes long, and lets whoever works on partitions finish
 * before they go to another member.
 */
import type * as Kafkajs from 'kafkajs'
import type { Timer } from '../../../core/clock.ts'
import { Backoff } from '../../../util/backoff.ts'
import { loadCodec } from '../../compression.ts'
import type {
  KafkaConsumer,
  KafkaConsumerEvents,
  KafkaConsumerOptions,
  KafkaFailure,
  Position,
  TopicPartition,
} from '../client.ts'
import { retryLater } from '../errors.ts'
import { createAssigners } from './assigners.ts'
import { createClient, createConsumer, findTopics } from './client.ts'
import { DamageAhead, type Portion } from './damage-ahead.ts'
import { type ConsumerGroup, loadKafkajs } from './internals.ts'
import { failureOf } from './link.ts'
import { advance, byTopic, keyOf, readRecord } from './messages.ts'
import type { FetchedPart } from './misplaced.ts'

/** A batch that takes longer is waited for beside kafkajs, which would hold up all partitions of the broker. */
const PATIENCE_MS = 20
/** How often topics that are not there yet, or that a pattern may match, are looked for. */
const TOPICS_INTERVAL_MS = 30_000
const MISSING_INTERVAL_MS = 2_000
const BEGIN_AGAIN = { initialMs: 500, multiplier: 2, randomization: 0.3, maxMs: 15_000 }

/** A batch that is with the receiver. */
interface HeldBatch extends TopicPartition {
  readonly generation: number
  /** kafkajs does not wait for it any more, and rests the partition instead. */
  isDetached: boolean
}

interface Session {
  readonly consumer: Kafkajs.Consumer
  /** Settles when it has crashed or is to begin anew. */
  readonly ended: Promise<KafkaFailure | null>
  readonly end: (failure: KafkaFailure | null) => void
  readonly topics: readonly string[]
  group: ConsumerGroup | null
}

export class KafkajsConsumer implements KafkaConsumer {
  readonly #options: KafkaConsumerOptions
  readonly #backoff = new Backoff(BEGIN_AGAIN)
  #events: KafkaConsumerEvents | null = null
  #session: Session | null = null
  /** By `topic/partition`. */
  #assigned = new Map<string, TopicPartition>()
  /** Counts assignments: what belongs to an earlier one is of no account. */
  #generation = 0
  readonly #paused = new Set<string>()
  readonly #ahead = new DamageAhead()
  /** Batches that are with the receiver. */
  readonly #pending = new Map<string, Promise<unknown>>()
  #running: Promise<void> | null = null
  #wake: (() => void) | null = null
  #isStopped = false

  constructor(options: KafkaConsumerOptions) {
    this.#options = options
  }

  async start(events: KafkaConsumerEvents): Promise<void> {
    this.#events = events
    loadKafkajs()
    for (const encoding of ['gzip', 'snappy', 'lz4', 'zstd'] as const) await loadCodec(encoding)
    if (this.#options.groupInstanceId !== '') {
      this.#options.log.warn('kafka_static_membership_is_not_supported', { driver: 'kafkajs' })
    }
    this.#running = this.#run()
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#paused.add(keyOf(partition))
    this.#hold(partitions)
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#paused.delete(keyOf(partition))
    this.#letGo(partitions)
  }

  async commit(positions: readonly Position[]): Promise<KafkaFailure | null> {
    if (positions.length === 0) return null
    const manager = this.#session?.group?.offsetManager
    if (manager === null || manager === undefined) return NOT_OWNER
    if (positions.some(position => !this.#assigned.has(keyOf(position)))) return NOT_OWNER
    const topics = new Map<string, { partition: number; offset: string }[]>()
    for (const { topic, partition, offset } of positions) {
      const list = topics.get(topic) ?? []
      list.push({ partition, offset: String(offset) })
      topics.set(topic, list)
    }
    const list = [...topics].map(([topic, partitions]) => ({ topic, partitions }))
    try {
      await manager.commitOffsets({ topics: list })
      return null
    } catch (error) {
      return failureOf(error, 'commit')
    }
  }

  async stop(): Promise<void> {
    if (!this.#isStopped) {
      this.#isStopped = true
      this.#wake?.()
      this.#session?.end(null)
    }
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const failure = await this.#live()
      if (this.#isStopped) break
      if (failure !== null) this.#events!.state(failure)
      await this.#sleep(failure === null ? 0 : this.#backoff.nextMs())
    }
  }

  /** One life of a client, from connecting to its end. */
  async #live(): Promise<KafkaFailure | null> {
    const kafka = createClient(this.#options)
    let topics: readonly string[]
    try {
      topics = await findTopics(kafka, this.#options)
    } catch (error) {
      return failureOf(error, 'brokers')
    }
    if (topics.length === 0) {
      this.#events!.state(retryLater(`no topic matches ${this.#options.topics.join(', ')}`))
      await this.#sleep(MISSING_INTERVAL_MS)
      return null
    }
    const session = this.#createSession(kafka, topics)
    this.#session = session
    const watch = this.#watchTopics(kafka, session)
    try {
      await this.#begin(session)
      return await session.ended
    } catch (error) {
      return failureOf(error, 'group')
    } finally {
      watch.cancel()
      await this.#end(session)
    }
  }

  async #begin({ consumer, topics, end }: Session): Promise<void> {
    const fromBeginning = this.#options.initialOffset === 'earliest'
    consumer.on(consumer.events.CRASH, ({ payload }) => end(failureOf(payload.error, 'group')))
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => this.#joined(payload.memberAssignment))
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.#options.concurrency,
      eachBatch: payload => this.#take(payload),
    })
  }

  async #end(session: Session): Promise<void> {
    if (this.#isStopped) await Promise.allSettled(this.#pending.values())
    await this.#giveBack(!this.#isStopped)
    try {
      await session.consumer.disconnect()
    } catch (error) {
      this.#options.log.debug('kafkajs', { message: (error as Error).message })
    }
    this.#session = null
  }

  async #giveBack(isLost: boolean): Promise<void> {
    const partitions = [...this.#assigned.values()]
    if (partitions.length === 0) return
    this.#generation++
    await this.#events!.revoked(partitions, isLost)
    this.#assigned = new Map()
  }

  /** Called before the first batch of the new generation. */
  #joined(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.#generation++
    this.#ahead.clear()
    this.#backoff.reset()
    const partitions: TopicPartition[] = []
    for (const [topic, numbers] of Object.entries(assignment)) {
      for (const partition of numbers) partitions.push({ topic, partition })
    }
    this.#assigned = new Map(partitions.map(partition => [keyOf(partition), partition]))
    const isHeld = (partition: TopicPartition): boolean => this.#isHeld(keyOf(partition))
    this.#hold(partitions.filter(isHeld))
    this.#letGo(partitions.filter(partition => !isHeld(partition)))
    this.#events!.state(null)
    this.#events!.assigned(partitions)
  }

  #isHeld(key: string): boolean {
    return this.#paused.has(key) || this.#pending.has(key)
  }

  /** Without a committed offset a member begins at the end; the next one would skip what came in between. */
  async #afterJoin(group: ConsumerGroup): Promise<void> {
    const { offsetManager } = group
    if (this.#options.initialOffset !== 'latest' || offsetManager === null) return
    try {
      await offsetManager.resolveOffsets()
      const known = offsetManager.committedOffsets()
      const topics = group.assigned().map(({ topic, partitions }) => ({
        topic,
        partitions: partitions
          .map(partition => ({ partition, offset: known[topic]?.[partition] ?? '-1' }))
          .filter(({ offset }) => Number(offset) >= 0),
      }))
      const found = topics.filter(({ partitions }) => partitions.length > 0)
      if (found.length > 0) await offsetManager.commitOffsets({ topics: found })
    } catch (error) {
      this.#options.log.debug('kafkajs', { message: (error as Error).message })
    }
  }

  async #take({ batch, resolveOffset, heartbeat }: Kafkajs.EachBatchPayload): Promise<void> {
    const { topic, partition } = batch
    const key = keyOf(batch)
    if (this.#pending.has(key) || !this.#assigned.has(key)) return
    const portion = this.#ahead.portion(batch)
    const { messages } = portion
    const answer = this.#handOver(batch, portion)
    if (typeof answer === 'number') {
      advance(answer, messages, resolveOffset)
      await heartbeat()
      return
    }
    const held: HeldBatch = { topic, partition, generation: this.#generation, isDetached: false }
    const done = this.#watch(key, answer, held)
    let next = await Promise.race([done, this.#patience()])
    if (next === TOO_LONG && this.#pending.has(key)) {
      held.isDetached = true
      this.#hold([held])
    } else {
      if (next === TOO_LONG) next = await done
      if (next !== null) advance(next, messages, resolveOffset)
    }
    await heartbeat()
  }

  #handOver(batch: FetchedPart, { messages, damage }: Portion): number | Promise<number> {
    const { topic, partition } = batch
    const highWatermark = Number(batch.highWatermark)
    if (damage === null) {
      const records = messages.map(readRecord)
      return this.#events!.records({ topic, partition, records, highWatermark })
    }
    const { message, ...extent } = damage
    const failure: KafkaFailure = { kind: 'drop', reason: 'bad_data', message, code: '' }
    return this.#events!.damaged({ topic, partition, highWatermark, failure, ...extent })
  }

  /** Resolves with the offset to go on with; null when the partition has been somebody else's meanwhile. */
  #watch(key: string, answer: Promise<number>, held: HeldBatch): Promise<number | null> {
    const ended = (next: number | null): number | null => {
      this.#pending.delete(key)
      const valid = held.generation === this.#generation ? next : null
      if (held.isDetached) this.#goOn(key, held, valid)
      return valid
    }
    const done = answer.then(ended, error => {
      this.#options.log.error('kafka_receiver_failed', { message: String(error) })
      return ended(null)
    })
    this.#pending.set(key, done)
    return done
  }

  #patience(): Promise<typeof TOO_LONG> {
    return new Promise(resolve => this.#options.clock.after(PATIENCE_MS, () => resolve(TOO_LONG)))
  }

  #goOn(key: string, { topic, partition }: TopicPartition, next: number | null): void {
    const consumer = this.#session?.consumer
    if (consumer === undefined || !this.#assigned.has(key)) return
    if (next !== null) consumer.seek({ topic, partition, offset: String(next) })
    if (!this.#paused.has(key)) this.#letGo([{ topic, partition }])
  }

  #hold(partitions: readonly TopicPartition[]): void {
    this.#session?.consumer.pause(byTopic(partitions))
  }

  #letGo(partitions: readonly TopicPartition[]): void {
    const free = partitions.filter(partition => !this.#isHeld(keyOf(partition)))
    this.#session?.consumer.resume(byTopic(free))
  }

  #createSession(kafka: Kafkajs.Kafka, topics: readonly string[]): Session {
    const options = this.#options
    const assigners = createAssigners(loadKafkajs().kafkajs, options.rebalanceStrategies, {
      beforeJoin: group => {
        if (this.#session !== null) this.#session.group = group
        return this.#giveBack(group.memberId === null)
      },
      afterJoin: group => this.#afterJoin(group),
    })
    const consumer = createConsumer(kafka, options, assigners)
    let end!: Session['end']
    const ended = new Promise<KafkaFailure | null>(resolve => (end = resolve))
    return { consumer, ended, end, topics, group: null }
  }

  /** A topic that has come or gone makes a new life. */
  #watchTopics(kafka: Kafkajs.Kafka, session: Session): Timer {
    const { clock, metadataMaxAgeMs, topics } = this.#options
    const hasAll = topics.every(topic => session.topics.includes(topic))
    if (hasAll) return { cancel() {} }
    const everyMs = Math.min(TOPICS_INTERVAL_MS, metadataMaxAgeMs)
    return clock.every(everyMs, () => {
      findTopics(kafka, this.#options).then(
        found => {
          const isSame =
            found.length === session.topics.length &&
            found.every(topic => session.topics.includes(topic))
          if (!isSame) session.end(null)
        },
        () => {},
      )
    })
  }

  #sleep(ms: number): Promise<void> {
    if (ms === 0 || this.#isStopped) return Promise.resolve()
    return new Promise(resolve => {
      const timer = this.#options.clock.after(ms, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }
}

const TOO_LONG = Symbol('a batch takes long')

const NOT_OWNER: KafkaFailure = {
  kind: 'drop',
  reason: 'not_owner',
  message: 'this member does not own the partition any more',
  code: '',
}
