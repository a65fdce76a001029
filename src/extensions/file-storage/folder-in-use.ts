/**
 * One folder with its lock, queues and letters, as long as anybody in this process uses it. After a reload the extension is a
 * new one while exporters go on with what they have opened: the new one finds the folder here, with the old settings replaced.
 */
import { accessSync, constants } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { CreateContext } from '../../core/factory.ts'
import type { Signal } from '../../core/signal.ts'
import type { QueueStorage, StoredQueues } from '../../core/storage.ts'
import { MillraceError } from '../../errors.ts'
import { LETTERS_FOLDER, LetterBox } from '../../tenancy/letters/letter-box.ts'
import type { LetterLimits } from '../../tenancy/letters/letter-store.ts'
import { SYSTEM_FS } from '../../tenancy/wal/fs.ts'
import { LOCK_FILE } from '../../tenancy/wal/layout.ts'
import { type WalOptions, WalStorage } from '../../tenancy/wal/storage.ts'
import { FolderLock, FolderLockedError } from '../../util/folder-lock.ts'
import { CHECKPOINTS_FOLDER, CheckpointFolder } from './checkpoint-folder.ts'
import { type FileStorageConfig, MIN_SEGMENT_BYTES } from './config.ts'

/** Between looks whether the other process has gone. */
const LOCK_POLL_MS = 50

/** A limit holds at least so many files: room comes back by whole files. */
const MIN_SEGMENTS = 8

type Health = (problem: string | null) => void

/** By folder. */
const inUse = new Map<string, FolderInUse>()

export class FolderInUse implements QueueStorage {
  readonly letters: LetterBox
  readonly checkpoints: CheckpointFolder
  readonly #storage: WalStorage
  readonly #directory: string
  readonly #lock: FolderLock
  /** The extension that stands for it; null between two of a reload, or when only queues are left. */
  #health: Health | null = null
  #closing: Promise<void> | null = null
  readonly #onFault = (): void => this.#storage.noteFault()

  constructor(context: CreateContext<FileStorageConfig>, directory: string, lock: FolderLock) {
    const { id, config, clock, log, meter, tenancy } = context
    this.#directory = directory
    this.#lock = lock
    this.letters = new LetterBox({
      ...{ id, clock, log, meter },
      directory: join(directory, LETTERS_FOLDER),
      limits: letterLimits(config),
    })
    this.checkpoints = new CheckpointFolder(
      join(directory, CHECKPOINTS_FOLDER),
      config.directory_permissions,
      config.fsync !== 'never',
    )
    this.#storage = new WalStorage(optionsOf(context, directory), {
      ...{ fs: SYSTEM_FS, clock, log, meter, tenancy, letters: this.letters },
      health: problem => this.#health?.(problem),
      unused: () => {
        if (this.#health === null) void this.close()
      },
    })
  }

  get isTaken(): boolean {
    return this.#health !== null
  }

  async start(health: Health): Promise<void> {
    this.#health = health
    await this.letters.open()
    await this.#storage.start()
    process.on('uncaughtExceptionMonitor', this.#onFault)
  }

  /** Another extension stands for it from now on. */
  takeOver(options: WalOptions, letters: LetterLimits, health: Health): void {
    this.#health = health
    this.#storage.configure(options)
    this.letters.limits = letters
  }

  open(exporter: string, signal: Signal): Promise<StoredQueues> {
    return this.#storage.open(exporter, signal)
  }

  /** The extension stops. Queues that are still open keep the folder. */
  async leave(): Promise<void> {
    this.#health = null
    if (!this.#storage.hasOpenQueues) await this.close()
  }

  /** Who comes meanwhile waits for the end of it. */
  get closing(): Promise<void> | null {
    return this.#closing
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    process.off('uncaughtExceptionMonitor', this.#onFault)
    await this.#storage.stop()
    await this.letters.close()
    await this.#lock.release()
    inUse.delete(this.#directory)
  }
}

/** Rejects with a `MILLRACE_STORAGE_*` error when the folder cannot be used. */
export async function takeFolder(
  context: CreateContext<FileStorageConfig>,
  health: Health,
): Promise<FolderInUse> {
  const directory = resolve(context.config.directory)
  await inUse.get(directory)?.closing
  const running = inUse.get(directory)
  if (running?.isTaken === true) {
    throw new MillraceError('MILLRACE_STORAGE_LOCKED', `Another extension has ${directory}.`)
  }
  if (running !== undefined) {
    running.takeOver(optionsOf(context, directory), letterLimits(context.config), health)
    return running
  }
  await makeFolder(context.config, directory)
  const lock = await takeLock(directory, context.config.timeout)
  const folder = new FolderInUse(context, directory, lock)
  inUse.set(directory, folder)
  try {
    await folder.start(health)
  } catch (error) {
    await folder.close()
    throw error
  }
  return folder
}

function optionsOf(context: CreateContext<FileStorageConfig>, directory: string): WalOptions {
  const { config } = context
  const maxBytes = config.max_bytes > 0 ? config.max_bytes : config.max_size
  const share = maxBytes > 0 ? Math.floor(maxBytes / MIN_SEGMENTS) : config.segment_bytes
  return {
    id: context.id,
    directory,
    folderMode: config.directory_permissions,
    fsync: config.fsync,
    fsyncIntervalMs: config.fsync_interval,
    maxBytes,
    maxBytesPerTenant: config.max_bytes_per_tenant,
    minFreeBytes: config.min_free_bytes,
    segmentBytes: Math.max(MIN_SEGMENT_BYTES, Math.min(config.segment_bytes, share)),
    overflow: config.overflow,
  }
}

function letterLimits(config: FileStorageConfig): LetterLimits {
  const { max_bytes: maxBytes, max_age: maxAgeMs } = config.letters
  const { min_free_bytes: minFreeBytes, fsync } = config
  return { maxBytes, maxAgeMs, minFreeBytes, sync: fsync !== 'never' }
}

async function makeFolder(config: FileStorageConfig, directory: string): Promise<void> {
  try {
    if (config.create_directory) {
      await mkdir(directory, { recursive: true, mode: config.directory_permissions })
    }
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const hint = code === 'ENOENT' ? '; create_directory: true creates it' : ''
    throw new MillraceError('MILLRACE_STORAGE_FOLDER', `${message}${hint}.`, { cause: error })
  }
}

async function takeLock(directory: string, timeoutMs: number): Promise<FolderLock> {
  const lock = new FolderLock(join(directory, LOCK_FILE), 'stores its queues here')
  const until = performance.now() + timeoutMs
  for (;;) {
    try {
      await lock.take()
      return lock
    } catch (error) {
      if (!(error instanceof FolderLockedError)) {
        const { message } = error as Error
        throw new MillraceError('MILLRACE_STORAGE_FOLDER', `${message}.`, { cause: error })
      }
      if (performance.now() >= until) {
        throw new MillraceError('MILLRACE_STORAGE_LOCKED', `${error.message}.`, { cause: error })
      }
    }
    await new Promise(resolve => setTimeout(resolve, LOCK_POLL_MS))
  }
}
