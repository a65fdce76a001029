/**
 * Keeps the network learning beside running work: gathers rows, trains each minute in a thread of its own, takes new weights
 * only if they judge held-out rows no worse, watches them while they are new and brings the old ones back on a breach.
 */
import type { Clock, Timer } from '../../core/clock.ts'
import type { LiveNetwork, NetworkVersion } from './live-network.ts'
import { decodeWeights, encodeWeights, type NetworkWeights } from './network-weights.ts'
import { ReplayBuffer, type RowSource } from './replay-buffer.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot-blocks.ts'
import { FINE_TUNING } from './training.ts'
import {
  type Judgement,
  type RunTraining,
  runTrainingApart,
  type TrainingResult,
} from './training-job.ts'

export interface TunerOptions {
  readonly network: LiveNetwork
  /** Pulled towards; the shipped weights. The live ones of the start if left out. */
  readonly anchor?: NetworkWeights
  readonly clock: Clock
  readonly intervalMs?: number
  readonly seed?: number
  readonly run?: RunTraining
  /** Told of each swap, refusal and rollback, in words. */
  readonly tell?: (event: string) => void
}

/** What the caller knows about how the live weights do. */
export interface GuardReadings {
  /** Distance of what is kept from what may be, as a share of the budget. */
  readonly budgetError: number
  /** Share of traces flagged as anomalous among those through keys that are not in shift. */
  readonly flagged: number
  readonly decisionP99Ms: number
}

export interface TunerView {
  readonly version: string
  readonly kept: readonly string[]
  readonly rows: Readonly<Record<RowSource, number>>
  readonly trainings: number
  /** Trainings whose weights judged worse than the live ones. */
  readonly refused: number
  readonly failed: number
  readonly rollbacks: number
  readonly last: { readonly before: Judgement; readonly after: Judgement } | null
}

export const TUNING_INTERVAL_MS = 60_000
/** Fewer rows say nothing. */
const LEAST_CLEAN = 200
const LEAST_SYMPTOMATIC = 50
const HELD_OUT = 0.2
/** New weights may judge held-out rows this much worse, and no more: the rows are few and the figures noisy. */
const AUC_SLACK = 0.005
const COVERAGE_SLACK = 0.02
/** New weights are watched for this long. */
const WATCH_MS = 600_000
/** After a rollback nothing is trained for this long. */
const PAUSE_MS = 3_600_000
export const GUARDRAILS: GuardReadings = { budgetError: 0.05, flagged: 0.1, decisionP99Ms: 5 }
const SNAPSHOT_KIND = 'tuner/1'

export class Tuner {
  readonly #network: LiveNetwork
  readonly #anchor: NetworkWeights
  readonly #clock: Clock
  readonly #run: RunTraining
  readonly #tell: (event: string) => void
  readonly #intervalMs: number
  readonly #buffer: ReplayBuffer
  #seed: number
  #timer: Timer | null = null
  #training: Promise<void> | null = null
  /** Aborted by `stop`. */
  #running = new AbortController()
  #fresh = 0
  #pausedUntil = 0
  #watchedUntil = 0
  #before: GuardReadings | null = null
  #readings: GuardReadings | null = null
  /** Versions made so far; a number is not used again after a rollback. */
  #tuned = 0
  #trainings = 0
  #refused = 0
  #failed = 0
  #rollbacks = 0
  #last: TunerView['last'] = null

  constructor(options: TunerOptions) {
    this.#network = options.network
    this.#anchor = options.anchor ?? options.network.live.weights
    this.#clock = options.clock
    this.#run = options.run ?? runTrainingApart
    this.#tell = options.tell ?? (() => {})
    this.#intervalMs = options.intervalMs ?? TUNING_INTERVAL_MS
    this.#seed = options.seed ?? 1
    this.#buffer = new ReplayBuffer(options.network.layout, this.#seed)
  }

  /** A trace through quiet keys; a sample of these is enough. */
  addClean(vectors: Float32Array, at: number): void {
    this.#add('clean', vectors, at)
  }

  /** The vector of a clean trace with a made-up fault in it. */
  addSymptomatic(vectors: Float32Array, at: number): void {
    this.#add('made_up', vectors, at)
  }

  /** With a trace id it takes the place of the opposite about the same trace. */
  addFeedback(vectors: Float32Array, at: number, useful: boolean, traceId = ''): void {
    if (traceId !== '') this.#buffer.withdraw(useful ? 'noise' : 'useful', traceId)
    this.#add(useful ? 'useful' : 'noise', vectors, at, traceId)
  }

  #add(source: RowSource, vectors: Float32Array, at: number, traceId = ''): void {
    this.#buffer.add(source, vectors, at, traceId)
    this.#fresh++
  }

  start(): void {
    if (this.#running.signal.aborted) this.#running = new AbortController()
    this.#timer ??= this.#clock.every(this.#intervalMs, () => {
      void this.tuneNow()
    })
  }

  /** Resolves when no training runs any more; one that does is ended. */
  async stop(): Promise<void> {
    this.#running.abort()
    this.#timer?.cancel()
    this.#timer = null
    await this.#training
  }

  /** Trains once if there is something to learn from; true if new weights are live then. */
  async tuneNow(): Promise<boolean> {
    if (this.#training !== null || !this.#mayTrain()) return false
    const version = this.#network.version
    this.#training = this.#train()
    await this.#training
    return this.#network.version !== version
  }

  #mayTrain(): boolean {
    const rows = this.#buffer
    return (
      this.#fresh > 0 &&
      this.#clock.now() >= this.#pausedUntil &&
      rows.count('clean') + rows.count('noise') >= LEAST_CLEAN &&
      rows.count('made_up') + rows.count('useful') >= LEAST_SYMPTOMATIC
    )
  }

  async #train(): Promise<void> {
    const start = this.#network.live
    const { signal } = this.#running
    this.#fresh = 0
    try {
      const job = {
        ...{ start: start.weights, anchor: this.#anchor, set: this.#buffer.toSet() },
        ...{ plan: { ...FINE_TUNING, seed: ++this.#seed }, heldOut: HELD_OUT },
      }
      const result = await this.#run(job, signal)
      this.#trainings++
      if (!signal.aborted && this.#network.live === start) this.#take(result)
    } catch (error) {
      if (signal.aborted) return
      this.#failed++
      this.#tell(`fine-tuning failed: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      this.#training = null
    }
  }

  #take(result: TrainingResult): void {
    const { before, after, home } = result
    this.#last = { before, after }
    // Held against the shipped weights too, or many small steps down would each be small enough.
    const worse = isWorse(after, before) || isWorse(after, home)
    const nowMs = this.#clock.now()
    const version = `${releaseOf(this.#network.version)}+${this.#tuned + 1}`
    if (worse || !this.#network.swap({ version, weights: result.weights, sinceMs: nowMs })) {
      this.#refused++
      return
    }
    this.#tuned++
    this.#watchedUntil = nowMs + WATCH_MS
    this.#before = this.#readings
    this.#tell(
      `network ${version} is live: AUC ${before.auc.toFixed(4)} -> ${after.auc.toFixed(4)}`,
    )
  }

  /** Called with each reading. Why the weights before were brought back, or null if nothing was done. */
  guard(readings: GuardReadings): string | null {
    this.#readings = readings
    const nowMs = this.#clock.now()
    if (nowMs >= this.#watchedUntil) return null
    const breach = findBreach(readings, this.#before)
    if (breach === null) return null
    return this.#back(breach, nowMs)
  }

  /** Asked for by an operator: the version that is live then, or null if there is none to go back to. */
  rollback(): string | null {
    return this.#back('asked for', this.#clock.now()) === null ? null : this.#network.version
  }

  #back(reason: string, nowMs: number): string | null {
    const bad = this.#network.version
    const version = this.#network.rollback(nowMs)
    this.#watchedUntil = 0
    if (version === null) return null
    this.#rollbacks++
    this.#pausedUntil = nowMs + PAUSE_MS
    this.#tell(`network ${bad} was taken back for ${version}: ${reason}`)
    return reason
  }

  view(): TunerView {
    const rows = this.#buffer
    return {
      version: this.#network.version,
      kept: this.#network.kept.map(kept => kept.version),
      rows: {
        clean: rows.count('clean'),
        made_up: rows.count('made_up'),
        useful: rows.count('useful'),
        noise: rows.count('noise'),
      },
      trainings: this.#trainings,
      refused: this.#refused,
      failed: this.#failed,
      rollbacks: this.#rollbacks,
      last: this.#last,
    }
  }

  /** Live and kept weights and the rows learned from. */
  snapshot(): Uint8Array {
    const versions = [this.#network.live, ...this.#network.kept]
    const head = {
      kind: SNAPSHOT_KIND,
      layout: this.#buffer.layout,
      tuned: this.#tuned,
      versions: versions.map(({ version, sinceMs, weights }) => ({
        ...{ version, sinceMs, inputs: weights.inputs, hidden: weights.hidden },
      })),
    }
    const blocks = versions.map(({ weights }) => encodeWeights(weights))
    return encodeSnapshot(head, [...blocks, this.#buffer.snapshot()])
  }

  /** False, and nothing changed, if the bytes are not a snapshot over this layout. */
  restore(bytes: Uint8Array): boolean {
    const snapshot = decodeSnapshot(bytes)
    const head = snapshot?.head as SnapshotHead | undefined
    if (snapshot === null || head?.kind !== SNAPSHOT_KIND) return false
    if (head.layout.join() !== this.#buffer.layout.join()) return false
    const versions: NetworkVersion[] = []
    for (const [i, { version, sinceMs, inputs, hidden }] of head.versions.entries()) {
      const weights = decodeWeights(inputs, hidden, snapshot.blocks[i])
      if (weights === null) return false
      versions.push({ version, sinceMs, weights })
    }
    if (versions.length === 0 || !this.#buffer.restore(snapshot.blocks[versions.length])) {
      return false
    }
    // Another release came with the program: its weights are the better start, the rows are still worth having.
    if (releaseOf(versions[0].version) !== releaseOf(this.#network.version)) return true
    for (const version of versions.reverse()) this.#network.swap(version)
    this.#tuned = Math.max(head.tuned, ...versions.map(({ version }) => tuningOf(version)))
    return true
  }
}

interface SnapshotHead {
  readonly kind: string
  readonly layout: readonly string[]
  readonly tuned: number
  readonly versions: readonly {
    readonly version: string
    readonly sinceMs: number
    readonly inputs: readonly string[]
    readonly hidden: number
  }[]
}

function isWorse(after: Judgement, before: Judgement): boolean {
  return (
    !(after.auc >= before.auc - AUC_SLACK) || !(after.coverage >= before.coverage - COVERAGE_SLACK)
  )
}

/** A reading over its guardrail that was not over it already before the swap. */
function findBreach(now: GuardReadings, before: GuardReadings | null): string | null {
  for (const [name, limit] of Object.entries(GUARDRAILS) as [keyof GuardReadings, number][]) {
    const worst = Math.max(limit, before?.[name] ?? 0)
    if (now[name] > worst) return `${name} ${now[name].toPrecision(3)} is over ${worst}`
  }
  return null
}

/** A version tuned beside running work is called by its release and a number: `1.0.0+2`. */
function releaseOf(version: string): string {
  return version.split('+')[0]
}

function tuningOf(version: string): number {
  return Number(version.split('+')[1] ?? 0)
}
