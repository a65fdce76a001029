/** The `kafka` receiver: one member of the consumer group for each signal, as upstream has it. */
import type { Component, Consumer, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import type { KafkaDriver } from '../../net/kafka/client.ts'
import {
  type KafkaConnection,
  loadKafkaDriver,
  openKafkaConnection,
} from '../../net/kafka/connect.ts'
import { readerOf } from '../../translate/encoding/readers.ts'
import type { BackoffOptions } from '../../util/backoff.ts'
import { countTransport, type TransportCounters } from '../intake/metrics.ts'
import { ReservedRoom } from '../intake/room.ts'
import { type KafkaReceiverConfig, strategiesOf } from './config.ts'
import { HeaderAttributes } from './header-attributes.ts'
import { KafkaCounters } from './metrics.ts'
import { lettersOf, Outcasts } from './outcasts.ts'
import { RecordIntake } from './record-intake.ts'
import { SignalConsumer } from './signal-consumer.ts'

/** Waits without `error_backoff`: what the pipeline asks for, within these. */
const USUAL_BACKOFF: BackoffOptions = {
  initialMs: 250,
  multiplier: 1.5,
  randomization: 0.2,
  maxMs: 5000,
}
/** On top of the longest wait of a fetch. */
const REQUEST_TIMEOUT_MS = 30_000
/** Partitions whose records may be in hand at a time. */
const MAX_PARTITIONS_IN_HAND = 16

export class KafkaReceiver implements Component {
  readonly #context: CreateContext<KafkaReceiverConfig>
  readonly #next: Consumer
  readonly #room: ReservedRoom
  readonly #items: TransportCounters
  readonly #counters: KafkaCounters
  readonly #loadDriver: typeof loadKafkaDriver
  #host: Host | null = null
  #driver: KafkaDriver | null = null
  #connection: KafkaConnection | null = null
  #signals: readonly Signal[]
  readonly #consumers = new Map<Signal, SignalConsumer>()
  /** By signal; a signal that is well is not in it. */
  readonly #problems = new Map<Signal, string>()
  /** Reloads follow each other. */
  #changing: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(
    context: CreateContext<KafkaReceiverConfig>,
    next: Consumer,
    loadDriver: typeof loadKafkaDriver = loadKafkaDriver,
  ) {
    const { id, config, memory, meter, signals } = context
    const { kafka_receiver_records_delay: delay } = config.telemetry.metrics
    this.#context = context
    this.#next = next
    this.#room = new ReservedRoom(memory)
    this.#items = countTransport(meter, id, 'kafka')
    this.#counters = new KafkaCounters(meter, id, delay.enabled)
    this.#loadDriver = loadDriver
    this.#signals = signals
  }

  /** A signal that comes or goes does not disturb the others. */
  serve(signals: readonly Signal[]): void {
    this.#signals = signals
    if (this.#driver === null) return
    this.#changing = this.#changing.then(() => this.#change()).catch(error => this.#say(error))
  }

  async start(host: Host): Promise<void> {
    const { config, clock, log } = this.#context
    this.#host = host
    this.#checkLetters(host)
    const driver = await this.#loadDriver(config.driver)
    this.#connection = await openKafkaConnection(config, { clock, log }, host, {
      requestTimeoutMs: REQUEST_TIMEOUT_MS + config.max_fetch_wait,
      allowAutoTopicCreation: false,
    })
    this.#driver = driver
    try {
      await this.#change()
    } catch (error) {
      await this.stop(AbortSignal.abort())
      throw error
    }
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#isStopped = true
    await this.#changing
    const consumers = [...this.#consumers.values()]
    this.#consumers.clear()
    await Promise.all(consumers.map(consumer => consumer.stop(deadline)))
    this.#connection?.close()
    this.#connection = null
  }

  /** Starts and stops members until they are those that are wanted. */
  async #change(): Promise<void> {
    for (const signal of SIGNALS) {
      const consumer = this.#consumers.get(signal)
      const isWanted = this.#signals.includes(signal) && !this.#isStopped
      if (isWanted && consumer === undefined) {
        const fresh = this.#consumerOf(signal)
        this.#consumers.set(signal, fresh)
        await fresh.start()
      } else if (!isWanted && consumer !== undefined) {
        this.#consumers.delete(signal)
        this.#tell(signal, null)
        await consumer.stop(AbortSignal.timeout(REQUEST_TIMEOUT_MS))
      }
    }
  }

  #consumerOf(signal: Signal): SignalConsumer {
    const { id, config, meter, clock, log } = this.#context
    const { dead_letters: letters, message_marking: marking, autocommit } = config
    const outcasts = new Outcasts({
      receiver: id,
      ...{ signal, log },
      counters: this.#counters,
      letters: letters === undefined ? null : () => lettersOf(letters, this.#host!),
    })
    return new SignalConsumer({
      receiver: id,
      ...{ signal, outcasts, meter, clock, log },
      consumer: this.#driver!.consumer(this.#consumerOptions(signal)),
      intake: this.#intakeOf(signal, outcasts),
      counters: this.#counters,
      maxInFlight: config.max_in_flight,
      backoff: backoffOf(config),
      giveUpAfterMs: giveUpAfterMs(config),
      holdsRefused: !marking.on_permanent_error,
      commitIntervalMs: autocommit.enable ? autocommit.interval : 0,
      onState: problem => this.#tell(signal, problem),
    })
  }

  #intakeOf(signal: Signal, outcasts: Outcasts): RecordIntake {
    const { id, config, ledger, tenancy, clock } = this.#context
    const { extract_headers: extracts, headers } = config.header_extraction
    return new RecordIntake({
      receiver: id,
      ...{ signal, ledger, tenancy, clock, outcasts },
      read: readerOf(config[signal].encoding, signal)!,
      room: this.#room,
      next: this.#next,
      items: this.#items,
      counters: this.#counters,
      headerAttributes: extracts && headers.length > 0 ? new HeaderAttributes(headers) : null,
      includeMetadata: config.include_metadata,
      maxHeaderBytes: config.max_header_bytes,
      tenantHeader: config.tenant_header,
      holdsRefused: !config.message_marking.on_permanent_error,
    })
  }

  #consumerOptions(signal: Signal) {
    const { config } = this.#context
    return {
      ...this.#connection!.options,
      topics: config[signal].topics,
      excludeTopics: config[signal].exclude_topics,
      groupId: config.group_id,
      groupInstanceId:
        config.group_instance_id === '' ? '' : `${config.group_instance_id}-${signal}`,
      initialOffset: config.initial_offset,
      sessionTimeoutMs: config.session_timeout,
      heartbeatIntervalMs: config.heartbeat_interval,
      rebalanceStrategies: strategiesOf(config),
      minFetchBytes: config.min_fetch_size,
      maxFetchBytes: config.max_fetch_size,
      maxFetchWaitMs: config.max_fetch_wait,
      maxPartitionFetchBytes: config.max_partition_fetch_size,
      concurrency: MAX_PARTITIONS_IN_HAND,
    }
  }

  #checkLetters(host: Host): void {
    const { dead_letters: id } = this.#context.config
    if (id === undefined || lettersOf(id, host) !== null) return
    const what = host.extension(id) === undefined ? 'is not running' : 'keeps no letters'
    throw new MillraceError('MILLRACE_START_FAILED', `The extension ${id} ${what}.`)
  }

  #tell(signal: Signal, problem: string | null): void {
    if (problem === null) this.#problems.delete(signal)
    else this.#problems.set(signal, `${signal}: ${problem}`)
    const all = [...this.#problems.values()].join('; ')
    const { id } = this.#context
    if (all === '') this.#host?.reportStatus(id, 'ok')
    else this.#host?.reportStatus(id, 'recoverable_error', all)
  }

  #say(error: unknown): void {
    this.#context.log.error('signals_not_changed', { message: String(error) })
  }
}

function backoffOf({ error_backoff: given }: KafkaReceiverConfig): BackoffOptions {
  if (!given.enabled) return USUAL_BACKOFF
  return {
    initialMs: given.initial_interval,
    multiplier: given.multiplier,
    randomization: given.randomization_factor,
    maxMs: given.max_interval,
  }
}

/** Without `on_error` nothing is ever given up that may still be taken. */
function giveUpAfterMs({ message_marking, error_backoff }: KafkaReceiverConfig): number {
  if (!message_marking.on_error) return Number.POSITIVE_INFINITY
  if (!error_backoff.enabled) return 0
  return error_backoff.max_elapsed_time || Number.POSITIVE_INFINITY
}
