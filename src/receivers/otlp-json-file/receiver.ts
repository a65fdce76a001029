/** The `otlp_json_file` receiver: follows files and sends what stands in them, no faster than the pipeline takes it. */
import { unlink } from 'node:fs/promises'
import type { Timer } from '../../core/clock.ts'
import type { Component, Consumer, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Signal } from '../../core/signal.ts'
import type {
  Checkpoints,
  DeadLetters,
  HasCheckpoints,
  HasQueueStorage,
} from '../../core/storage.ts'
import { MillraceError } from '../../errors.ts'
import { loadCodec } from '../../net/compression.ts'
import { Intake } from '../intake/intake.ts'
import { countTransport } from '../intake/metrics.ts'
import { PatientConsumer } from '../intake/patient-consumer.ts'
import { ReservedRoom } from '../intake/room.ts'
import type { OtlpJsonFileConfig } from './config.ts'
import { FileReader } from './file-reader.ts'
import type { FileMemory } from './followed-file.ts'
import { Follower } from './follower.ts'
import { FileFinder } from './glob.ts'
import { decodeMemories, encodeMemories } from './memory-codec.ts'
import { countFiles, FILES, type FileCounters, UNREAD } from './metrics.ts'
import { Outcasts } from './outcasts.ts'
import { RecordIntake } from './record-intake.ts'

/** Between two notes of how far files were read: after a crash so much is sent again. */
const CHECKPOINT_MS = 1000

type Storage = Component & Partial<HasCheckpoints & HasQueueStorage>

export class OtlpJsonFileReceiver implements Component {
  readonly #context: CreateContext<OtlpJsonFileConfig>
  readonly #patient: PatientConsumer
  readonly #intake: Intake
  #signals: readonly Signal[]
  #host: Host | null = null
  #follower: Follower | null = null
  #running: Promise<void> | null = null
  #isStopping = false
  /** Ends a wait. */
  #wake: () => void = () => {}
  #hasMoved = false
  #savedMs = 0
  #forget: (() => void)[] = []

  constructor(context: CreateContext<OtlpJsonFileConfig>, next: Consumer) {
    const { memory, ledger, tenancy, clock, signals } = context
    this.#context = context
    this.#signals = signals
    this.#patient = new PatientConsumer(next, clock, ledger)
    this.#intake = new Intake(new ReservedRoom(memory), ledger, tenancy.usage, this.#patient)
  }

  /** Two of them cannot note in one place how far they are. */
  get isAlone(): boolean {
    return this.#context.config.storage !== undefined
  }

  serve(signals: readonly Signal[]): void {
    this.#signals = signals
  }

  async start(host: Host): Promise<void> {
    const { config, meter, id } = this.#context
    this.#host = host
    if (config.compression === 'zstd' && (await loadCodec('zstd')) === undefined) {
      throw new MillraceError('MILLRACE_START_FAILED', 'compression zstd is not available here.')
    }
    if (config.storage !== undefined) this.#requireStorage(config.storage, host)
    const follower = this.#createFollower(await this.#readMemories())
    this.#follower = follower
    const labels = { receiver: id }
    this.#forget = [
      meter.observe(FILES, labels, () => follower.count),
      meter.observe(UNREAD, labels, () => follower.unreadBytes),
    ]
    this.#running = this.#run(follower)
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#isStopping = true
    this.#patient.giveUp()
    this.#wake()
    const running = this.#running
    this.#running = null
    if (running === null) return
    let isOver = false
    const closing = running.then(() => {
      isOver = true
      return this.#follower?.close()
    })
    await Promise.race([closing, aborted(deadline)])
    if (this.#hasMoved) await this.#save()
    for (const forget of this.#forget) forget()
    if (!isOver) this.#context.log.warn('files_left_open', { receiver: this.#context.id })
  }

  async #run(follower: Follower): Promise<void> {
    const { poll_interval } = this.#context.config
    while (!this.#isStopping) {
      const hasMore = await follower.poll()
      if (this.#hasMoved && this.#context.clock.monotonic() - this.#savedMs >= CHECKPOINT_MS) {
        await this.#save()
      }
      if (!hasMore && !this.#isStopping) await this.#wait(poll_interval)
    }
  }

  /** False when the receiver stops. */
  #wait(ms: number): Promise<boolean> {
    if (this.#isStopping) return Promise.resolve(false)
    return new Promise(resolve => {
      let timer: Timer | null = null
      const end = (): void => {
        timer?.cancel()
        resolve(!this.#isStopping)
      }
      this.#wake = end
      timer = this.#context.clock.after(ms, end)
    })
  }

  #createFollower(memories: readonly FileMemory[]): Follower {
    const { config, clock, log, meter, id } = this.#context
    const { format, compression } = config
    const layout = format === 'json' && compression !== 'zstd' ? 'lines' : 'lengths'
    const isStopping = (): boolean => this.#isStopping
    const counters = countFiles(meter, id)
    const outcasts = this.#createOutcasts(counters)
    const intake = this.#createIntake(outcasts, counters)
    const reader = new FileReader({
      layout,
      maxBytes: config.max_log_size,
      intake,
      outcasts,
      gzip: compression === 'gzip' ? 'always' : compression === 'auto' ? 'auto' : 'never',
      isStopping,
    })
    const options = {
      finder: new FileFinder(config.include, config.exclude),
      reader,
      startsAtEnd: config.start_at === 'end' && !config.replay_file,
      headBytes: config.fingerprint_size,
      maxOpen: config.max_concurrent_files,
      olderMs: config.exclude_older_than,
      flushMs: config.force_flush_period,
      replays: config.replay_file,
      deletes: config.delete_after_read ? unlink : null,
      moved: () => {
        this.#hasMoved = true
      },
    }
    return new Follower({ ...options, layout, clock, log, isStopping }, memories)
  }

  #createOutcasts(counters: FileCounters): Outcasts {
    const { id: receiver, log, clock } = this.#context
    const letters = (): DeadLetters | null => this.#storage()?.queueStorage?.letters ?? null
    return new Outcasts({ receiver, counters, log, clock, letters })
  }

  #createIntake(outcasts: Outcasts, counters: FileCounters): RecordIntake {
    const { config, id, meter } = this.#context
    return new RecordIntake({
      intake: this.#intake,
      items: countTransport(meter, id, 'file'),
      counters,
      outcasts,
      format: config.format,
      isZstd: config.compression === 'zstd',
      maxBytes: config.max_log_size,
      signal: config.signal,
      signals: () => this.#signals,
      wait: ms => this.#wait(ms),
    })
  }

  /** Looked for each time: a reload may have replaced it. */
  #storage(): Storage | undefined {
    const { storage } = this.#context.config
    return storage === undefined ? undefined : this.#host?.extension<Storage>(storage)
  }

  #requireStorage(id: string, host: Host): void {
    const storage = host.extension<Storage>(id)
    if (storage?.checkpoints !== undefined) return
    const what =
      storage === undefined ? 'is not running' : 'cannot remember how far files were read'
    throw new MillraceError('MILLRACE_START_FAILED', `The storage ${id} ${what}.`)
  }

  get #checkpoints(): Checkpoints | undefined {
    return this.#storage()?.checkpoints
  }

  get #checkpointName(): string {
    return `receiver/${this.#context.id}`
  }

  async #readMemories(): Promise<FileMemory[]> {
    const state = (await this.#checkpoints?.read(this.#checkpointName)) ?? null
    if (state === null) return []
    try {
      return decodeMemories(state)
    } catch (error) {
      const message = `What ${this.#context.id} has noted about files cannot be read: ${(error as Error).message}. Remove it from the storage's folder checkpoints to begin anew.`
      throw new MillraceError('MILLRACE_START_FAILED', message, { cause: error })
    }
  }

  async #save(): Promise<void> {
    const { clock, log, id } = this.#context
    this.#savedMs = clock.monotonic()
    this.#hasMoved = false
    try {
      const memories = encodeMemories(this.#follower!.memories)
      await this.#checkpoints?.write(this.#checkpointName, memories)
      this.#host?.reportStatus(id, 'ok')
    } catch (error) {
      this.#hasMoved = true
      log.warn('checkpoint_not_written', { receiver: id, error: (error as Error).message })
      this.#host?.reportStatus(id, 'recoverable_error', (error as Error).message)
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
