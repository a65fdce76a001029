/**
 * Traces whose decision is still to come survive the end of the process: requests are journaled before they are answered,
 * and taken in again at the next start. What was decided meanwhile is not decided twice.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Batch, NO_CONTEXT, type TenantId } from '../../core/batch.ts'
import type { CreateContext } from '../../core/factory.ts'
import { Payload } from '../../core/payload.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault } from '../../otlp/request-index.ts'
import { FolderLock } from '../../util/folder-lock.ts'
import type { Works } from './build.ts'
import type { AdaptiveSamplerConfig } from './config.ts'
import { DECIDED, ID_BYTES, Journal, REQUEST, type Segment } from './journal.ts'
import { type JournalRecord, type OnDamage, readRecords } from './journal-reader.ts'
import type { StorageConfig } from './keeper.ts'

/** Between two attempts to take a journaled request in while the next stage is busy. */
const RETRY_MS = 50

const OWNER_FOLDER = 0o700
/** More than a segment ever has. */
const MAX_SEGMENT_BYTES = 2 ** 36

/** By folder and id: whoever journals there now. */
const writers = new Map<string, Undecided>()

export class Undecided {
  readonly #context: CreateContext<AdaptiveSamplerConfig>
  readonly #maxBytes: number
  readonly #directory: string
  readonly #place: string
  readonly #journal: Journal
  readonly #lock: FolderLock
  #hasFailed = false

  constructor(
    context: CreateContext<AdaptiveSamplerConfig>,
    { directory, max_journal }: StorageConfig,
  ) {
    this.#context = context
    this.#maxBytes = max_journal
    this.#directory = directory
    this.#place = `${directory} ${context.id}`
    this.#journal = new Journal(directory, context.id, context.clock)
    this.#lock = new FolderLock(
      join(directory, `${encodeURIComponent(context.id)}.lock`),
      'keeps its undecided traces here',
    )
  }

  /** Says how many spans came back. */
  async start(works: Works): Promise<number> {
    // A predecessor in this process decides what it holds itself.
    const hasPredecessor = writers.has(this.#place)
    if (!hasPredecessor) {
      await mkdir(this.#directory, { recursive: true, mode: OWNER_FOLDER })
      await this.#lock.take()
    }
    writers.set(this.#place, this)
    if (hasPredecessor) return 0
    const segments = await this.#journal.open()
    const onDamage = this.#tellDamage()
    const decided = await readDecided(segments, onDamage)
    let spans = 0
    for (const [number, segment] of segments.entries()) {
      for await (const record of readRecords(segment, REQUEST, onDamage)) {
        spans += await this.#takeBack(record, works, decided, placeOf(number, record))
      }
    }
    this.#journal.replayed()
    return spans
  }

  get isFull(): boolean {
    return this.#journal.bytes >= this.#maxBytes
  }

  /** Takes over one owner of a batch that was taken in. Does not reject: without a journal the collector still works. */
  append(batch: Batch): Promise<void> {
    return this.#told(this.#journal.append(batch))
  }

  /** `id`: four words. */
  decided(tenant: TenantId, id: ArrayLike<number>): void {
    this.#journal.decided(tenant, id)
  }

  /** After decisions: what has left is not to come again. */
  note(): void {
    if (this.#journal.hasDecided) void this.#told(this.#journal.flush())
  }

  /** Now and then. `oldestMs`: when the oldest undecided trace began. */
  tick(oldestMs: number): void {
    void this.#told(this.#journal.flush().then(() => this.#journal.prune(oldestMs)))
  }

  /** Whether another instance in this process goes on from here: then nothing may be left to the journal. */
  get isSucceeded(): boolean {
    return writers.get(this.#place) !== this
  }

  async stop(isAllDecided: boolean): Promise<void> {
    await this.#told(this.#journal.close(isAllDecided))
    if (this.isSucceeded) return
    writers.delete(this.#place)
    await this.#told(this.#lock.release())
  }

  async #told(written: Promise<void>): Promise<void> {
    try {
      await written
    } catch (error) {
      if (!this.#hasFailed) {
        const detail = (error as Error).message
        this.#context.log.error('sampler_journal_failed', { place: this.#place, detail })
      }
      this.#hasFailed = true
    }
  }

  /** Spans of a request that are undecided. */
  async #takeBack(
    { tenant, body }: JournalRecord,
    { intake, assembly }: Works,
    decided: ReadonlyMap<string, number>,
    place: number,
  ): Promise<number> {
    const index = indexRequest('traces', body)
    if (isWireFault(index)) return 0
    const { ledger } = this.#context
    const part = { payload: new Payload(body), index, selection: null, edits: null }
    const batch = new Batch('traces', tenant, NO_CONTEXT, [{ ...part, items: index.items }])
    ledger.accepted(tenant, 'traces', batch.items)
    let outcome = intake.takeBack(batch)
    while (outcome.kind === 'busy') {
      await this.#pause()
      outcome = intake.takeBack(batch)
    }
    let spans = index.items
    if (outcome.kind === 'refused') spans = 0
    else {
      spans -= assembly.passed
      for (let i = 0; i < assembly.newCount; i++) {
        const handle = assembly.newTraces[i]
        const decidedAt = decided.get(keyOf(tenant, assembly.traces.idHex(handle))) ?? -1
        // What came after the decision was not told by it.
        if (decidedAt > place) spans -= assembly.forget(handle)
      }
    }
    ledger.accepted(tenant, 'traces', spans - index.items)
    return spans
  }

  /** Each place once, though segments are read twice. */
  #tellDamage(): OnDamage {
    const told = new Set<string>()
    return (path, at, bytes) => {
      if (told.has(`${path} ${at}`)) return
      told.add(`${path} ${at}`)
      this.#context.log.warn('sampler_journal_damaged', { path, at, bytes })
    }
  }

  #pause(): Promise<void> {
    return new Promise(resolve => this.#context.clock.after(RETRY_MS, resolve))
  }
}

/** By trace: where it was decided last. */
async function readDecided(
  segments: readonly Segment[],
  onDamage: OnDamage,
): Promise<ReadonlyMap<string, number>> {
  const decided = new Map<string, number>()
  for (const [number, segment] of segments.entries()) {
    for await (const record of readRecords(segment, DECIDED, onDamage)) {
      const { tenant, body } = record
      const hex = Buffer.from(body.buffer, body.byteOffset, body.length).toString('hex')
      for (let at = 0; at < hex.length; at += ID_BYTES * 2) {
        decided.set(keyOf(tenant, hex.slice(at, at + ID_BYTES * 2)), placeOf(number, record))
      }
    }
  }
  return decided
}

/** Numbers grow in the order in which records were written. */
function placeOf(segment: number, { at }: JournalRecord): number {
  return segment * MAX_SEGMENT_BYTES + at
}

function keyOf(tenant: TenantId, traceId: string): string {
  return `${traceId} ${tenant}`
}
