/** What every running part promises, and what it is given to work with. */
import type { Batch } from './batch.ts'
import type { Clock } from './clock.ts'
import type { Ledger } from './ledger.ts'
import type { Logger } from './logger.ts'
import type { MemoryBudget } from './memory.ts'
import type { Meter } from './meter.ts'
import type { Outcome } from './outcome.ts'
import type { LetterControl, QueueControl } from './queue-control.ts'
import type { RuleControl } from './rule-control.ts'
import type { SamplerControl } from './sampler-control.ts'
import type { Signal } from './signal.ts'
import type { Tenancy } from './tenancy.ts'
import type { TenantControl, UsageControl } from './tenant-control.ts'

export interface Consumer {
  /**
   * Takes a batch, or says why not. Synchronous when it can be. Never throws and never rejects: a failure is an
   * outcome. See `Batch` for who owns the batch afterwards.
   */
  consume(batch: Batch): Outcome | Promise<Outcome>
}

export interface Component {
  /** All I/O begins here, none in `create`. Called once, after everything behind it in the pipeline has started. */
  start(host: Host): Promise<void>
  /**
   * Stops taking, hands on what is held, frees what is open. Resolves when done or when `deadline` aborts;
   * what could not be handed on by then is dropped through the ledger. Safe twice, and safe before `start`.
   */
  stop(deadline: AbortSignal): Promise<void>
  /**
   * Its successor under the same id starts only when it has stopped, because both would use the same folder. Others are
   * replaced without a gap.
   */
  readonly isAlone?: boolean
  /** Id of an extension that it has opened something in for as long as it runs, or empty. See `Factory.placeOf`. */
  readonly holds?: string
  /** The configuration was loaded again and this component stays as it is: what it reads itself may have changed. */
  refresh?(): void
  /**
   * Receivers: from now on these signals, which may be others than those it was created for. Called once before
   * `start`, and again when pipelines come or go; a receiver without it is replaced by a new one then.
   */
  serve?(signals: readonly Signal[]): void
}

/** What the process offers to a component that is starting. */
export interface Host {
  /** The running extension with this id, if its `create` returned one that offers `T`. */
  extension<T extends Component>(id: string): T | undefined
  /** For the health page: this component is well, or is not and why. */
  reportStatus(id: string, status: 'ok' | 'recoverable_error', detail?: string): void
  /** For operators' extensions: what is running. */
  readonly inspector: Inspector
}

/** A read-only look at the running graph, for status pages and health checks. */
export interface Inspector {
  readonly startedAtMs: number
  /** Ready means: all components started and none is stopping. */
  ready(): boolean
  components(): readonly ComponentStatus[]
  pipelines(): readonly PipelineStatus[]
  ledger(): readonly LedgerRowView[]
  memory(): { limitBytes: number; reservedBytes: number; rssBytes: number }
  /** Of every running component with rules. */
  rules(): readonly RuleControl[]
  /** Of every running sampler that learns. */
  samplers(): readonly SamplerControl[]
  /** Of every running exporter that queues. */
  queues(): readonly QueueControl[]
  /** Of every running storage that keeps dead letters. */
  letters(): readonly LetterControl[]
  /** Of every running component that keeps limits of tenants. */
  tenants(): readonly TenantControl[]
  /** Who used what. */
  usage(): UsageControl
}

export interface ComponentStatus {
  readonly kind: string
  readonly id: string
  readonly status: 'starting' | 'ok' | 'recoverable_error' | 'stopped'
  readonly detail: string
}

export interface PipelineStatus {
  readonly id: string
  readonly receivers: readonly string[]
  readonly processors: readonly string[]
  readonly exporters: readonly string[]
}

export interface LedgerRowView {
  readonly tenant: string
  readonly signal: string
  readonly accepted: number
  readonly copied: number
  readonly sent: number
  /** Left on disk by what has stopped, for the next process. */
  readonly kept: number
  readonly held: number
  readonly dropped: readonly {
    stage: string
    reason: string
    intentional: boolean
    items: number
  }[]
  readonly balanced: boolean
}

/** The services that `create` hands to each component. All are safe to call from the first moment. */
export interface Services {
  readonly log: Logger
  readonly clock: Clock
  readonly ledger: Ledger
  readonly memory: MemoryBudget
  readonly meter: Meter
  readonly tenancy: Tenancy
}
