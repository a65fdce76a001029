/**
 * The write-ahead queues of one folder: one log for each exporter, signal and tenant, with common quotas. The extension
 * that is configured stands in front of it.
 */
import { join } from 'node:path'
import type { TenantId } from '../../core/batch.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { Meter } from '../../core/meter.ts'
import type { Signal } from '../../core/signal.ts'
import type { DeadLetters, StoredQueues } from '../../core/storage.ts'
import type { Tenancy } from '../../core/tenancy.ts'
import { MillraceError } from '../../errors.ts'
import { DiskBudget } from './disk-budget.ts'
import {
  type FsyncPolicy,
  messageOf,
  type OverflowPolicy,
  type WalEnvironment,
} from './environment.ts'
import type { WalFs } from './fs.ts'
import { STATE_FILE } from './layout.ts'
import { WalMetrics } from './metrics.ts'
import { OpenFiles } from './open-files.ts'
import { WalQueues } from './queues.ts'
import { RecoveryTally } from './recovery.ts'
import { RunState } from './run-state.ts'
import { SyncGate } from './sync-gate.ts'

/** Files of idle queues are given back, and what could not be removed is tried again. */
const TIDY_MS = 5000
/** At most so often all queues are asked to give back files because the limit is reached. */
const RECLAIM_MS = 1000
/** Who opens queues that another is still closing waits so long: a disk may be slow, or gone. */
const CLOSING_MS = 10_000

export interface WalOptions {
  /** Of the extension, for metrics. */
  readonly id: string
  /** Absolute; there already. */
  readonly directory: string
  readonly folderMode: number
  readonly fsync: FsyncPolicy
  readonly fsyncIntervalMs: number
  /** Of all files; 0 = no limit. */
  readonly maxBytes: number
  /** Of a tenant's entries; 0 = no limit. */
  readonly maxBytesPerTenant: number
  readonly minFreeBytes: number
  readonly segmentBytes: number
  readonly overflow: OverflowPolicy
}

export interface WalServices {
  readonly fs: WalFs
  readonly clock: Clock
  readonly log: Logger
  readonly meter: Meter
  readonly tenancy: Tenancy
  /** Where entries go that may be what ends the process; without it nothing is done about such. */
  readonly letters?: DeadLetters
  /** The disk fails now, or (null) works again. */
  health(problem: string | null): void
  /** The last open queues were closed. */
  unused?(): void
}

/** What was found when the queues of an exporter and signal were opened. */
export interface RecoveryReport {
  /** With entries. */
  readonly tenants: number
  readonly segments: number
  readonly entries: number
  readonly items: number
  /** Of live entries. */
  readonly bytes: number
  /** Where bytes are not those that were written. */
  readonly damagedPlaces: number
  /** Not acknowledged and gone by damage, as far as the headers around them tell. */
  readonly lostEntries: number
  /** Writes that the end of the process cut off; nobody was told that they were stored. */
  readonly tornTails: number
  /** Entries that were being sent at several ends of the process; dead letters now. */
  readonly suspects: number
  /** Files without a byte of an entry: removed. */
  readonly emptyFiles: number
  /** Files that cannot be read as segments: left in place or renamed to `*.damaged`. */
  readonly setAside: readonly string[]
  readonly durationMs: number
}

export class WalStorage {
  #options: WalOptions
  readonly #services: WalServices
  readonly #env: WalEnvironment
  readonly #metrics: WalMetrics
  readonly #state: RunState | null
  /** By `exporter signal`; null while it is being recovered. */
  readonly #open = new Map<string, WalQueues | null>()
  readonly #reports = new Map<string, RecoveryReport>()
  #timers: Timer[] = []
  #syncTimer: Timer | null = null
  #isSyncing = false
  #reclaimedMs = Number.NEGATIVE_INFINITY
  #problem: string | null = null

  constructor(options: WalOptions, services: WalServices) {
    const { fs, clock, log, meter, tenancy } = services
    const { directory } = options
    this.#options = options
    this.#services = services
    this.#metrics = new WalMetrics(meter, options.id)
    this.#state =
      services.letters === undefined
        ? null
        : new RunState(fs, join(directory, STATE_FILE), clock, log)
    const budget = new DiskBudget(
      () => this.#options,
      tenancy,
      clock,
      () => fs.freeBytes(directory),
    )
    this.#env = {
      fs,
      clock,
      log,
      budget,
      files: new OpenFiles(fs),
      gate: new SyncGate(fs),
      metrics: this.#metrics,
      options: () => this.#options,
      root: directory,
      isCareful: () => this.#state?.isCareful === true,
      maxTrials: () => this.#state?.maxTrials ?? Number.POSITIVE_INFINITY,
      letters: services.letters ?? null,
      health: problem => this.#health(problem),
      reclaim: () => this.#reclaim(),
    }
  }

  /** By `exporter signal`. */
  get reports(): ReadonlyMap<string, RecoveryReport> {
    return this.#reports
  }

  get fileBytes(): number {
    return this.#env.budget.fileBytes
  }

  usedBy(tenant: TenantId): number {
    return this.#env.budget.usedBy(tenant)
  }

  /** An exception that nobody caught is about to end the process. */
  noteFault(): void {
    this.#state?.noteFault()
  }

  get hasOpenQueues(): boolean {
    return this.#open.size > 0
  }

  async start(): Promise<void> {
    const { clock } = this.#services
    const { budget } = this.#env
    await budget.refreshFree()
    await this.#state?.begin()
    this.#metrics.watch({
      fileBytes: () => budget.fileBytes,
      liveBytes: () => budget.liveBytes,
      quotaBytes: () => this.#options.maxBytes,
    })
    this.#timers.push(clock.every(TIDY_MS, () => void this.#tidy()))
    this.#setSyncTimer()
  }

  /** Other limits and policies from now on, for the same folder. */
  configure(options: WalOptions): void {
    this.#options = options
    this.#setSyncTimer()
  }

  /** Rejects while the queues of this exporter and signal are open already; those that are being closed are waited for. */
  async open(exporter: string, signal: Signal): Promise<StoredQueues> {
    const key = `${exporter} ${signal}`
    const closing = this.#open.get(key)?.closing ?? null
    if (closing !== null) await this.#atMost(CLOSING_MS, closing)
    if (this.#open.has(key)) {
      throw new MillraceError('MILLRACE_STORAGE_LOCKED', `The queues of ${key} are open already.`)
    }
    this.#open.set(key, null)
    try {
      const queues = await this.#recover(exporter, signal, () => this.#closed(key))
      this.#open.set(key, queues)
      return queues
    } catch (failure) {
      this.#closed(key)
      throw failure instanceof MillraceError
        ? failure
        : new MillraceError('MILLRACE_STORAGE_FOLDER', messageOf(failure), { cause: failure })
    }
  }

  async #recover(exporter: string, signal: Signal, closed: () => void): Promise<WalQueues> {
    const { clock, log } = this.#services
    const started = clock.monotonic()
    const queues = new WalQueues(this.#env, exporter, signal, closed)
    const tally = new RecoveryTally()
    await queues.recover(tally)
    const report: RecoveryReport = {
      ...tally,
      durationMs: Math.round(clock.monotonic() - started),
    }
    this.#reports.set(`${exporter} ${signal}`, report)
    this.#metrics.recovered.value += tally.entries
    if (tally.segments > 0 || tally.setAside.length > 0 || tally.emptyFiles > 0) {
      log.info('stored_queues_recovered', { exporter, signal, ...report })
    }
    return queues
  }

  /** Closes what is still open. */
  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) timer.cancel()
    this.#syncTimer?.cancel()
    for (const queues of this.#running()) await queues.close()
    await this.#env.files.closeAll()
    await this.#state?.end()
    this.#metrics.close()
  }

  #atMost(ms: number, work: Promise<void>): Promise<void> {
    return new Promise(resolve => {
      const timer = this.#services.clock.after(ms, resolve)
      void work.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  #running(): WalQueues[] {
    return [...this.#open.values()].filter(queues => queues !== null)
  }

  #closed(key: string): void {
    this.#open.delete(key)
    if (this.#open.size === 0) this.#services.unused?.()
  }

  #setSyncTimer(): void {
    const { fsync, fsyncIntervalMs } = this.#options
    this.#syncTimer?.cancel()
    this.#syncTimer =
      fsync === 'interval'
        ? this.#services.clock.every(fsyncIntervalMs, () => void this.#sync())
        : null
  }

  #health(problem: string | null): void {
    if (problem === this.#problem) return
    this.#problem = problem
    this.#services.health(problem)
  }

  async #sync(): Promise<void> {
    if (this.#isSyncing) return
    this.#isSyncing = true
    for (const queues of this.#running()) await queues.sync()
    this.#isSyncing = false
  }

  async #tidy(): Promise<void> {
    for (const queues of this.#running()) await queues.tidy()
    this.#env.files.closeStale()
  }

  #reclaim(): void {
    const now = this.#services.clock.monotonic()
    if (now - this.#reclaimedMs < RECLAIM_MS) return
    this.#reclaimedMs = now
    for (const queues of this.#running()) void queues.giveBack()
  }
}
