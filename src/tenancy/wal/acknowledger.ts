/**
 * Writes down which entries of one queue are gone, and removes segments all of whose entries are. What is not written when the
 * process ends is delivered again.
 */
import { ACK_SLOT_BYTES, encodeAcks } from './ack-format.ts'
import { codeOf, reportFailure, type WalEnvironment } from './environment.ts'
import { writeAll } from './file-access.ts'
import type { WalFs } from './fs.ts'
import type { OpenFile } from './open-files.ts'
import { acksPathOf, type Segment } from './segment.ts'

/** Acknowledgements of so long are written together. */
const DELAY_MS = 5
/** After a failure. */
const RETRY_MS = 1000

export class Acknowledger {
  readonly #env: WalEnvironment
  readonly #unwritten = new Set<Segment>()
  /** Sizes of files of acknowledgements. */
  readonly #ends = new Map<Segment, number>()
  /** Gone, and the files still to be removed. */
  readonly #removable = new Set<Segment>()
  /** Of these, those that could not be. */
  readonly #stuck = new Set<Segment>()
  #isScheduled = false
  #isClosed = false
  #work: Promise<void> = Promise.resolve()

  constructor(env: WalEnvironment) {
    this.#env = env
  }

  /** The file of acknowledgements beside a recovered segment has so many bytes. */
  recovered(segment: Segment, bytes: number): void {
    if (bytes > 0) this.#ends.set(segment, Math.ceil(bytes / ACK_SLOT_BYTES) * ACK_SLOT_BYTES)
  }

  /** Of the files that it writes, and of those that it could not remove. */
  get bytes(): number {
    let bytes = 0
    for (const end of this.#ends.values()) bytes += end
    for (const segment of this.#stuck) bytes += segment.end
    return bytes
  }

  /** Nothing is to be written or removed. */
  get isIdle(): boolean {
    return this.#unwritten.size === 0 && this.#removable.size === 0
  }

  /** Resolves when what has been asked for so far is done, or has failed. */
  settled(): Promise<void> {
    return this.#work
  }

  /** Something of it is gone and is to be written down soon. */
  note(segment: Segment): void {
    this.#unwritten.add(segment)
    this.#schedule(DELAY_MS)
  }

  /** All of it is gone and no more comes. */
  remove(segment: Segment): void {
    this.#unwritten.delete(segment)
    this.#removable.add(segment)
    // As good as gone: who makes room looks at this at once.
    this.#env.budget.addFileBytes(-segment.end)
    this.#enqueue(() => this.#removeFiles(segment))
  }

  /** Tries again to remove what could not be removed. */
  retry(): void {
    for (const segment of this.#removable) {
      if (!this.#stuck.delete(segment)) continue
      this.#env.budget.addFileBytes(-segment.end)
      this.#enqueue(() => this.#removeFiles(segment))
    }
  }

  /** Says on disk that an entry is being tried, or has been. Does not reject: then the next process does not know. */
  mark(segment: Segment, index: number, kind: 'tried' | 'survived'): Promise<void> {
    this.#enqueue(async () => {
      await this.#append(segment, encodeAcks([index, 1], kind, segment.seed))
    })
    return this.#work
  }

  /** Writes all that is to be written, as far as the disk lets it. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#enqueue(() => this.#flush())
    await this.#work
  }

  #schedule(delayMs: number): void {
    if (this.#isScheduled || this.#isClosed) return
    this.#isScheduled = true
    this.#env.clock.after(delayMs, () => {
      this.#isScheduled = false
      this.#enqueue(() => this.#flush())
    })
  }

  #enqueue(task: () => Promise<void>): void {
    this.#work = this.#work.then(task)
  }

  async #flush(): Promise<void> {
    for (const segment of [...this.#unwritten]) {
      // What is removed needs no acknowledgements, but for one that could not be removed.
      this.#unwritten.delete(segment)
      if (segment.hasUnwritten) await this.#write(segment)
    }
  }

  async #write(segment: Segment): Promise<void> {
    const ranges = segment.takeUnwritten()
    if (await this.#append(segment, encodeAcks(ranges, 'gone', segment.seed))) return
    segment.putBackUnwritten(ranges)
    this.#unwritten.add(segment)
    this.#schedule(RETRY_MS)
  }

  /** False when the disk did not take them. */
  async #append(segment: Segment, slots: Buffer): Promise<boolean> {
    const { files, fs } = this.#env
    const at = this.#ends.get(segment) ?? 0
    let file: OpenFile | null = null
    try {
      file = await (at === 0 ? this.#create(segment) : files.use(acksPathOf(segment.path)))
      const { fd } = file
      await new Promise<void>((resolve, reject) =>
        writeAll(fs, fd, [slots], slots.length, at, error => (error ? reject(error) : resolve())),
      )
      this.#ends.set(segment, at + slots.length)
      this.#env.budget.addFileBytes(slots.length)
      return true
    } catch (failure) {
      reportFailure(this.#env, 'acknowledge', acksPathOf(segment.path), failure)
      return false
    } finally {
      if (file !== null) files.done(file)
    }
  }

  async #create(segment: Segment): Promise<OpenFile> {
    const { files } = this.#env
    const path = acksPathOf(segment.path)
    try {
      return await files.create(path)
    } catch (failure) {
      if (codeOf(failure) !== 'EEXIST') throw failure
      return await files.use(path)
    }
  }

  async #removeFiles(segment: Segment): Promise<void> {
    if (!this.#removable.has(segment)) return
    const { files, fs, budget } = this.#env
    files.forget(segment.path)
    files.forget(acksPathOf(segment.path))
    try {
      await removeIfThere(fs, segment.path)
    } catch (failure) {
      reportFailure(this.#env, 'remove', segment.path, failure)
      this.#stuck.add(segment)
      budget.addFileBytes(segment.end)
      // Until it can be removed, the next process must not take it for entries.
      if (segment.hasUnwritten) await this.#write(segment)
      return
    }
    this.#removable.delete(segment)
    const acks = this.#ends.get(segment)
    this.#ends.delete(segment)
    if (acks === undefined) return
    budget.addFileBytes(-acks)
    // One that stays is removed at the next start.
    await removeIfThere(fs, acksPathOf(segment.path)).catch(failure =>
      reportFailure(this.#env, 'remove', acksPathOf(segment.path), failure),
    )
  }
}

async function removeIfThere(fs: WalFs, path: string): Promise<void> {
  try {
    await fs.remove(path)
  } catch (failure) {
    if (codeOf(failure) !== 'ENOENT') throw failure
  }
}
