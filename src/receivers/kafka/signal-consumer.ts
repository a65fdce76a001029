/**
 * One signal's member of the consumer group: gives each assigned partition a flow, commits what the flows have done, and
 * tells how far behind they are.
 */
import type { Clock, Timer } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { Meter } from '../../core/meter.ts'
import type { Signal } from '../../core/signal.ts'
import { ERRORS } from '../../errors.ts'
import type {
  DamagedBatch,
  FetchedBatch,
  KafkaConsumer,
  KafkaConsumerEvents,
  KafkaFailure,
  Position,
  TopicPartition,
} from '../../net/kafka/client.ts'
import { whenAborted } from '../../util/abort.ts'
import { Backoff, type BackoffOptions } from '../../util/backoff.ts'
import { CURRENT_OFFSET, type KafkaCounters, OFFSET_LAG, PAUSED } from './metrics.ts'
import type { Outcasts } from './outcasts.ts'
import { PartitionFlow } from './partition-flow.ts'
import { RecordContext } from './record-context.ts'
import type { RecordIntake } from './record-intake.ts'

export interface SignalConsumerOptions {
  readonly receiver: string
  readonly signal: Signal
  readonly consumer: KafkaConsumer
  readonly intake: RecordIntake
  readonly outcasts: Outcasts
  readonly counters: KafkaCounters
  readonly meter: Meter
  readonly clock: Clock
  readonly log: Logger
  readonly maxInFlight: number
  readonly backoff: BackoffOptions
  readonly giveUpAfterMs: number
  readonly holdsRefused: boolean
  /** 0: after each fetch. */
  readonly commitIntervalMs: number
  /** How it stands, for the health page; null is well. */
  readonly onState: (problem: string | null) => void
}

interface Held {
  readonly flow: PartitionFlow
  readonly stopShowing: () => void
}

/** For records on their way when a partition is taken away, or at the stop; neither the group nor the rest waits much longer. */
const LANDING_MS = 5000
/** After the deadline of a stop, to commit and to leave the group: others get the partitions at once then. */
const GRACE_MS = 300

export class SignalConsumer implements KafkaConsumerEvents {
  readonly #options: SignalConsumerOptions
  readonly #held = new Map<string, Held>()
  #timer: Timer | null = null
  #committing: Promise<void> = Promise.resolve()
  /** That have begun and not ended. */
  #commits = 0
  #stopShowing: () => void = () => {}
  /** By the client last, so that what goes on is told once. */
  #said = ''
  /** Of a partition that stands still, or of the client; empty is well. */
  #stuck = ''

  constructor(options: SignalConsumerOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const { consumer, meter, receiver, signal, clock, commitIntervalMs } = this.#options
    this.#stopShowing = meter.observe(PAUSED, { receiver, signal }, () => this.#paused)
    if (commitIntervalMs > 0) {
      this.#timer = clock.every(commitIntervalMs, () => {
        if (this.#commits === 0) void this.#commit()
      })
    }
    await consumer.start(this)
  }

  /** Takes no more records; those on their way end until the deadline, and what was done is committed. */
  async stop(deadline: AbortSignal): Promise<void> {
    this.#timer?.cancel()
    this.#timer = null
    const over = whenAborted(deadline)
    await Promise.race([this.#land([...this.#held.keys()]), over])
    for (const { flow } of this.#held.values()) flow.abandon()
    const { clock, consumer } = this.#options
    const grace = over.then(() => new Promise<void>(resolve => clock.after(GRACE_MS, resolve)))
    await Promise.race([this.#commit(), grace])
    // Left in any case: a member that goes on keeps its partitions from others.
    await Promise.race([consumer.stop(), grace])
    this.#forget([...this.#held.keys()])
    this.#stopShowing()
  }

  assigned(partitions: readonly TopicPartition[]): void {
    const { counters, log, signal, consumer } = this.#options
    for (const place of partitions) {
      const key = keyOf(place)
      if (this.#held.has(key)) continue
      counters.started.value++
      this.#held.set(key, this.#hold(place))
    }
    // What was paused under another member's or an earlier hold is not paused any more.
    if (partitions.length > 0) consumer.resume(partitions)
    log.info('partitions_assigned', { signal, partitions: partitions.map(keyOf).join(' ') })
  }

  async revoked(partitions: readonly TopicPartition[], isLost: boolean): Promise<void> {
    const { log, signal } = this.#options
    const keys = partitions.map(keyOf).filter(key => this.#held.has(key))
    log.info('partitions_revoked', { signal, partitions: keys.join(' '), isLost })
    await this.#land(keys)
    if (!isLost) await this.#within(LANDING_MS, this.#commit())
    this.#forget(keys)
    if (this.#held.size === 0) this.#stuck = ''
  }

  records(batch: FetchedBatch): number | Promise<number> {
    const held = this.#held.get(keyOf(batch))
    const { records } = batch
    if (held === undefined) return records[0].offset
    this.#count(batch, held.flow)
    const next = held.flow.records(batch)
    if (this.#options.commitIntervalMs > 0) return next
    return Promise.resolve(next).then(async offset => {
      await this.#commit()
      return offset
    })
  }

  async damaged(batch: DamagedBatch): Promise<number> {
    const { offset, nextOffset, highWatermark, failure, bytes } = batch
    const { outcasts, counters, signal, holdsRefused } = this.#options
    const held = this.#held.get(keyOf(batch))
    if (held === undefined) return offset
    counters.of(batch, signal).unreadable.value++
    if (holdsRefused) {
      held.flow.halt(failure.message)
      return offset
    }
    const record = { offset, timestampMs: 0, key: null, value: null, headers: [] }
    await outcasts.put({
      tenant: 'default',
      reason: 'damaged',
      message: `records ${offset} to ${nextOffset - 1}: ${failure.message}`,
      items: 0,
      bytes: bytes ?? new Uint8Array(0),
      context: new RecordContext(batch, record, false),
    })
    held.flow.skip(offset, nextOffset, highWatermark)
    return nextOffset
  }

  state(failure: KafkaFailure | null): void {
    const { log, signal } = this.#options
    const said = failure?.message ?? ''
    if (said !== '' && said !== this.#said)
      log.warn('consumer_group_fails', { signal, message: said })
    this.#said = said
    this.#options.onState(failure?.message ?? (this.#stuck || null))
  }

  /** Records on their way end; what lands too late is done all the same, but whoever reads there next takes it again. */
  async #land(keys: readonly string[]): Promise<void> {
    const flows = keys.map(key => this.#held.get(key)!.flow)
    await this.#within(LANDING_MS, Promise.all(flows.map(flow => flow.end())))
    for (const flow of flows) flow.abandon()
  }

  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    const timeout = new Promise<void>(resolve => {
      const timer = this.#options.clock.after(ms, resolve)
      void work.then(() => timer.cancel())
    })
    await Promise.race([work, timeout])
  }

  get #paused(): number {
    let count = 0
    for (const { flow } of this.#held.values()) if (flow.isPaused) count++
    return count
  }

  #hold(place: TopicPartition): Held {
    const { intake, consumer, clock, maxInFlight, giveUpAfterMs } = this.#options
    const { counters, signal, meter, log, onState } = this.#options
    const partition = counters.of(place, signal)
    const own = [{ topic: place.topic, partition: place.partition }]
    const flow = new PartitionFlow(own[0], {
      ...{ clock, maxInFlight, giveUpAfterMs },
      backoff: new Backoff(this.#options.backoff),
      take: record => intake.take(record, own[0], partition),
      giveUp: (record, reason) => intake.giveUp(record, own[0], reason),
      pause: () => consumer.pause(own),
      resume: () => consumer.resume(own),
      rewound: offset => log.warn('partition_begins_anew', { partition: keyOf(place), offset }),
      stuck: message => {
        this.#stuck = `${keyOf(place)} stands still: ${message}`
        log.error('partition_stands_still', { partition: keyOf(place), message })
        onState(this.#stuck)
      },
      broken: offset => this.#tellBroken(keyOf(place), offset),
      refetched: () => partition.brokenFetches.value++,
    })
    const ends = [
      meter.observe(OFFSET_LAG, partition.labels, () => flow.lag),
      meter.observe(CURRENT_OFFSET, partition.labels, () => Math.max(0, flow.progress.next - 1)),
    ]
    const stopShowing = (): void => {
      for (const end of ends) end()
    }
    return { flow, stopShowing }
  }

  #tellBroken(partition: string, offset: number | null): void {
    const { log, onState } = this.#options
    const code = 'MILLRACE_KAFKA_LOG_BROKEN'
    const stuck = `${partition} rests: ${ERRORS[code].message} (${code})`
    const isSaid = this.#stuck === stuck
    if (isSaid === (offset !== null)) return
    if (offset !== null) {
      log.error('partition_log_is_broken', { partition, offset, code, ...ERRORS[code] })
    }
    this.#stuck = isSaid ? '' : stuck
    onState(this.#stuck || null)
  }

  #count(batch: FetchedBatch, flow: PartitionFlow): void {
    const { counters, signal, clock } = this.#options
    const partition = counters.of(batch, signal)
    const { records } = batch
    // Those that come again after a rest are not counted twice.
    const fresh = records.filter(({ offset }) => offset > flow.seenTo)
    if (fresh.length === 0) return
    flow.seenTo = records[records.length - 1].offset
    partition.records.value += fresh.length
    let bytes = 0
    for (const { key, value } of fresh) bytes += (key?.length ?? 0) + (value?.length ?? 0)
    partition.bytes.value += bytes
    if (partition.delay === null) return
    partition.delay.observe(Math.max(0, clock.now() - fresh[0].timestampMs) / 1000)
  }

  /** One at a time; what is done during one is in the next. */
  #commit(): Promise<void> {
    this.#commits++
    this.#committing = this.#committing.then(() => this.#commitNow()).finally(() => this.#commits--)
    return this.#committing
  }

  async #commitNow(): Promise<void> {
    const { consumer, counters, log, signal } = this.#options
    const positions: Position[] = []
    for (const { flow } of this.#held.values()) {
      const { next } = flow.progress
      if (flow.committed >= 0 && next > flow.committed) {
        positions.push({ ...flow.place, offset: next })
      }
    }
    if (positions.length === 0) return
    let message: string
    try {
      const failure = await consumer.commit(positions)
      if (failure === null) {
        this.#noteCommitted(positions)
        return
      }
      message = failure.message
    } catch (error) {
      // Every later commit waits for this one, and would never be made.
      message = String(error)
    }
    counters.commitFailures.value++
    log.warn('offsets_not_committed', { signal, message })
  }

  #noteCommitted(positions: readonly Position[]): void {
    for (const { topic, partition, offset } of positions) {
      const held = this.#held.get(keyOf({ topic, partition }))
      if (held !== undefined && held.flow.committed < offset) held.flow.committed = offset
    }
  }

  #forget(keys: readonly string[]): void {
    for (const key of keys) {
      this.#held.get(key)?.stopShowing()
      if (this.#held.delete(key)) this.#options.counters.closed.value++
    }
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
