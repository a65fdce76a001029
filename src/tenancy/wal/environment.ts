/** What all queues of one storage share: the folder's budget, open files, the syncs under way, and what is told about failures. */
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { DeadLetters } from '../../core/storage.ts'
import type { DiskBudget } from './disk-budget.ts'
import type { WalFs } from './fs.ts'
import type { FileOperation, WalMetrics } from './metrics.ts'
import type { OpenFiles } from './open-files.ts'
import type { SyncGate } from './sync-gate.ts'

export type FsyncPolicy = 'always' | 'interval' | 'never'
export type OverflowPolicy = 'refuse' | 'drop_oldest' | 'drop_newest'

/** How queues are kept. */
export interface QueueOptions {
  readonly fsync: FsyncPolicy
  readonly overflow: OverflowPolicy
  /** Of one file; a larger entry has a file of its own. */
  readonly segmentBytes: number
  readonly folderMode: number
}

export interface WalEnvironment {
  readonly fs: WalFs
  readonly clock: Clock
  readonly log: Logger
  readonly budget: DiskBudget
  readonly files: OpenFiles
  readonly gate: SyncGate
  readonly metrics: WalMetrics
  /** They may change while running. */
  options(): QueueOptions
  /** The folder of the storage: what is above it is not ours to sync. */
  readonly root: string
  /** Processes before this one ended soon after their start: what they left is tried one by one. */
  isCareful(): boolean
  /** See `RunState.maxTrials`. */
  maxTrials(): number
  /** Null when there is none. */
  readonly letters: DeadLetters | null
  /** The disk fails now, or (null) works again. */
  health(problem: string | null): void
  /** The limit of all files is reached: gives back files of queues whose entries have all ended. */
  reclaim(): void
}

/** Counts and tells. `failure` is of any kind, since tests and systems throw what they like. */
export function reportFailure(
  env: WalEnvironment,
  operation: FileOperation,
  path: string,
  failure: unknown,
): void {
  env.metrics.failed(operation)
  env.log.error('storage_operation_failed', { operation, path, error: messageOf(failure) })
}

export function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure)
}

/** The system's word for what went wrong, or empty. */
export function codeOf(failure: unknown): string {
  return String((failure as { code?: unknown } | null)?.code ?? '')
}
