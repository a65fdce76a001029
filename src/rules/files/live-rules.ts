/**
 * The rules that run, and the ways to others: files that change, a signal, an operator, a guard. A set goes live by one
 * assignment between two batches; one that is not right stays out, and the old one runs on.
 */
import type { Clock, Timer } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { RuleOrigin, RuleRefusal } from '../../core/rule-control.ts'
import type { Signal } from '../../core/signal.ts'
import { FileWatch } from '../../net/file-watch.ts'
import { inSlices } from '../../util/in-slices.ts'
import { casesPathOf } from './cases/read.ts'
import { Engine } from './engine.ts'
import { Guard, type GuardLimits } from './guard.ts'
import { KeptSets } from './kept-sets.ts'
import { type ReadSetOptions, readSetSteps } from './read-set.ts'
import type { RuleSet } from './rule-set.ts'

export interface LiveRulesOptions extends ReadSetOptions {
  readonly paths: readonly string[]
  readonly signal: Signal
  /** Null: files are not watched. 0: events of the file system. */
  readonly watchIntervalMs: number | null
  /** Null: a new set stays whatever it does. */
  readonly guard: GuardLimits | null
  readonly clock: Clock
  readonly log: Logger
  /** A set has gone live, or did not. */
  readonly onChange: (result: 'success' | 'failure' | 'rollback' | 'guard', engine: Engine) => void
}

/** How often the guard looks. */
const GUARD_LOOK_MS = 1000

export class LiveRules {
  readonly kept = new KeptSets()
  readonly #options: LiveRulesOptions
  readonly #guard: Guard | null
  #engine: Engine | null = null
  #refusal: RuleRefusal | null = null
  #watch: FileWatch | null = null
  #guardTimer: Timer | null = null
  /** Reloads run one after another. */
  #last: Promise<unknown> = Promise.resolve()
  #isStopped = false
  /** Hash of a set that was live and was taken back: it comes again only when someone asks for it. */
  #takenBack: string | null = null

  constructor(options: LiveRulesOptions) {
    this.#options = options
    this.#guard = options.guard === null ? null : new Guard(options.guard)
  }

  /** What decides about the next batch. */
  get engine(): Engine | null {
    return this.#engine
  }

  get refusal(): RuleRefusal | null {
    return this.#refusal
  }

  get isGuarded(): boolean {
    return this.#guard?.isArmed(this.#options.clock.monotonic()) ?? false
  }

  /** Resolves to what is wrong with the files; empty when they are live. */
  async start(): Promise<readonly string[]> {
    const { paths, watchIntervalMs, clock } = this.#options
    if (watchIntervalMs !== null) {
      const files = paths.flatMap(path => [path, casesPathOf(path)])
      this.#watch = new FileWatch(files, watchIntervalMs, clock, async () => {
        await this.reload('file')
      })
      // Before the files are read, so that a change meanwhile is not missed.
      await this.#watch.ready
    }
    return this.reload('start')
  }

  stop(): void {
    this.#isStopped = true
    this.#watch?.stop()
    this.#guardTimer?.cancel()
  }

  /** Does not reject. */
  reload(origin: RuleOrigin): Promise<readonly string[]> {
    const run = this.#last
      .then(() => this.#reload(origin))
      .catch(error => this.#broke(origin, error))
    this.#last = run
    return run
  }

  /** What stands in the way, or null. */
  rollback(hash: string | undefined, origin: RuleOrigin): string | null {
    const found = this.kept.find(hash)
    if (found === undefined) {
      return hash === undefined
        ? 'there is no set before the live one'
        : `there is no kept set ${hash}; there are ${this.#hashes()}`
    }
    this.#takenBack = this.kept.live?.set.hash ?? null
    this.#goLive(found.set, found.engine, origin)
    this.#guard?.disarm()
    this.#options.onChange(origin === 'guard' ? 'guard' : 'rollback', this.#engine!)
    return null
  }

  /** What a batch came to; the guard judges by it. */
  count(items: number, drops: number, errors: number): void {
    if (this.isGuarded) this.#guard!.count(items, drops, errors)
  }

  async #reload(origin: RuleOrigin): Promise<readonly string[]> {
    if (this.#isStopped) return ['the rules are stopping']
    const { paths, log } = this.#options
    const { set, errors, warnings } = await inSlices(readSetSteps(paths, this.#options))
    for (const problem of warnings) log.warn('rules_warning', { problem })
    if (set === undefined) return this.#refuse(origin, errors)
    const isLive = set.hash === this.kept.live?.set.hash
    if (isLive) this.#refusal = null
    const isUnwanted = set.hash === this.#takenBack && origin !== 'admin'
    if (isLive || isUnwanted) return []
    const { signal, makeEvaluator } = this.#options
    const engine = await inSlices(Engine.build(set, signal, makeEvaluator))
    if (this.#isStopped) return ['the rules are stopping']
    const isFirst = this.#engine === null
    this.#takenBack = null
    this.#goLive(set, engine, origin)
    if (!isFirst) this.#watchOver()
    this.#options.onChange('success', this.#engine!)
    return []
  }

  #refuse(origin: RuleOrigin, problems: readonly string[]): readonly string[] {
    const { clock, log, onChange } = this.#options
    this.#refusal = { atMs: clock.now(), origin, problems }
    if (this.#engine !== null) {
      log.error('rules_refused', { origin, problems, running: this.kept.live?.set.hash })
      onChange('failure', this.#engine)
    }
    return problems
  }

  /** A fault of ours is no reason to end the process: the old set runs on. */
  #broke(origin: RuleOrigin, error: unknown): readonly string[] {
    const message = error instanceof Error ? error.message : String(error)
    return this.#refuse(origin, [`the set could not be made ready: ${message}`])
  }

  /** The one assignment that matters is the engine's. */
  #goLive(set: RuleSet, engine: Engine, origin: RuleOrigin): void {
    const { clock, log } = this.#options
    const from = this.kept.live?.set.hash
    this.#engine = engine
    this.kept.add({ set, engine, sinceMs: clock.now(), origin })
    this.#refusal = null
    log.info('rules_live', { origin, hash: set.hash, from, rules: engine.rules.length })
  }

  #watchOver(): void {
    const guard = this.#guard
    if (guard === null) return
    const { clock } = this.#options
    guard.arm(clock.monotonic())
    this.#guardTimer?.cancel()
    this.#guardTimer = clock.every(GUARD_LOOK_MS, () => this.#look(guard))
  }

  #look(guard: Guard): void {
    const { clock, log } = this.#options
    const fault = guard.verdict()
    const isOver = !guard.isArmed(clock.monotonic())
    if (fault === null && !isOver) return
    this.#guardTimer?.cancel()
    this.#guardTimer = null
    guard.disarm()
    if (fault === null) return
    const bad = this.kept.live?.set.hash
    const obstacle = this.rollback(undefined, 'guard')
    this.#refusal = { atMs: clock.now(), origin: 'guard', problems: [`${bad} ${fault}`] }
    log.error('rules_taken_back', { hash: bad, fault, obstacle })
  }

  #hashes(): string {
    const hashes = this.kept.others.map(each => each.set.hash)
    return hashes.length === 0 ? 'none' : hashes.join(', ')
  }
}
