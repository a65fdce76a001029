/**
 * Writes batches to a file. A batch counts as sent when the system has taken its bytes; until then it waits in a bounded buffer, and
 * while the disk is full it stays there, new batches are answered busy, and the write is tried again.
 */
import type { Batch } from '../../core/batch.ts'
import type { Timer } from '../../core/clock.ts'
import type { Component, Consumer, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { ACCEPTED, busy, type Outcome } from '../../core/outcome.ts'
import { FailedCounters, SentCounters } from '../sending/sent-counters.ts'
import type { FileConfig } from './config.ts'
import { RecordFile } from './record-file.ts'
import { createRecordEncoder, type EncodeRecord } from './records.ts'

/** Payload bytes that may wait for the disk; beyond it batches are answered busy. One larger batch alone is taken. */
const MAX_WAITING_BYTES = 64 << 20
/** Waiting bytes that are written without waiting for `flush_interval`. */
const FLUSH_BYTES = 64 << 10
/** Encoded bytes of records that share one write. */
const GROUP_BYTES = 1 << 20
/** How long a sender waits when the buffer is full or the file is not open. */
const RETRY_AFTER_MS = 1000
const DEFAULT_FLUSH_MS = 1000

interface Waiting {
  readonly batch: Batch
  /** The record's bytes, once encoded. */
  chunks: readonly Uint8Array[] | null
  byteLength: number
}

export class FileExporter implements Component, Consumer {
  readonly #context: CreateContext<FileConfig>
  readonly #sent: SentCounters
  readonly #failed: FailedCounters
  readonly #encode: EncodeRecord
  readonly #file: RecordFile
  readonly #waiting: Waiting[] = []
  #waitingBytes = 0
  #open = false
  #flushing: Promise<void> | null = null
  /** The last write failed; the next is left to the timer. */
  #failing = false
  #timer: Timer | undefined
  #host: Host | undefined
  #removeHolder = () => {}

  constructor(context: CreateContext<FileConfig>) {
    const { config, meter, id, clock } = context
    this.#context = context
    this.#sent = new SentCounters(meter, id)
    this.#failed = new FailedCounters(meter, id)
    this.#encode = createRecordEncoder(config)
    const { rotation, create_directory, directory_permissions } = config
    this.#file = new RecordFile({
      path: config.path,
      append: config.append,
      rotation:
        rotation === undefined
          ? null
          : {
              maxBytes: (rotation.max_megabytes || 100) << 20,
              maxDays: rotation.max_days,
              maxBackups: rotation.max_backups,
              localTime: rotation.localtime,
            },
      directoryMode: create_directory ? (directory_permissions ?? 0o755) : null,
      lines: config.format === 'json' && config.compression === '',
      clock,
    })
  }

  async start(host: Host): Promise<void> {
    this.#host = host
    await this.#file.open()
    this.#open = true
    const { ledger, clock, config } = this.#context
    this.#removeHolder = ledger.addHolder(each => {
      for (const { batch } of this.#waiting) each(batch.tenant, batch.signal, batch.items)
    })
    this.#timer = clock.every(config.flush_interval || DEFAULT_FLUSH_MS, () => void this.#flush())
  }

  consume(batch: Batch): Outcome {
    if (!this.#open) return busy(RETRY_AFTER_MS, 'unavailable')
    if (this.#waitingBytes + batch.bytes > MAX_WAITING_BYTES && this.#waiting.length > 0) {
      return busy(RETRY_AFTER_MS)
    }
    this.#waiting.push({ batch, chunks: null, byteLength: 0 })
    this.#waitingBytes += batch.bytes
    const atOnce = this.#context.config.rotation !== undefined || this.#waitingBytes >= FLUSH_BYTES
    if (atOnce && !this.#failing) void this.#flush()
    return ACCEPTED
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (!this.#open) return
    this.#open = false
    this.#timer?.cancel()
    // A flush that runs was begun before the last batch came, so a second one may be needed.
    await Promise.race([this.#flush().then(() => this.#flush()), aborted(deadline)])
    const writing = this.#flushing
    if (writing !== null) for (const { batch } of this.#waiting) batch.taint()
    this.#dropWaiting(deadline.aborted ? 'shutdown_deadline' : 'write_failed')
    this.#removeHolder()
    // A write that hangs would make closing hang too.
    if (writing === null) await this.#file.close()
    else void writing.then(() => this.#file.close()).catch(() => {})
  }

  /** Writes what waits until nothing does or a write fails. Never rejects; one at a time. */
  #flush(): Promise<void> {
    this.#flushing ??= this.#writeWaiting().finally(() => {
      this.#flushing = null
    })
    return this.#flushing
  }

  async #writeWaiting(): Promise<void> {
    // The encoder is slower than the disk: let `consume` return first.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      try {
        const group = await this.#encodeGroup()
        if (group.length > 0) await this.#writeGroup(group)
        this.#report(null)
      } catch (cause) {
        this.#report(cause as Error)
        return
      }
    }
  }

  /** The first records that fit one write and the current file. At least one, unless it could not be encoded. */
  async #encodeGroup(): Promise<Waiting[]> {
    const group: Waiting[] = []
    const limit = Math.min(GROUP_BYTES, this.#file.room)
    let bytes = 0
    for (const waiting of [...this.#waiting]) {
      if (waiting.chunks === null && !(await this.#encodeOne(waiting))) continue
      bytes += waiting.byteLength
      if (bytes > limit && group.length > 0) break
      group.push(waiting)
    }
    return group
  }

  async #encodeOne(waiting: Waiting): Promise<boolean> {
    try {
      const { chunks, byteLength } = await this.#encode(waiting.batch)
      waiting.chunks = chunks
      waiting.byteLength = byteLength
      return true
    } catch (cause) {
      this.#context.log.error('batch cannot be encoded', { error: (cause as Error).message })
      if (this.#forget(waiting)) this.#drop(waiting.batch, 'encode_failed')
      return false
    }
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const chunks = group.flatMap(waiting => waiting.chunks!)
    await this.#file.write(
      chunks,
      group.reduce((sum, waiting) => sum + waiting.byteLength, 0),
    )
    for (const waiting of group) {
      if (!this.#forget(waiting)) continue
      const { tenant, signal, items } = waiting.batch
      this.#context.ledger.sent(tenant, signal, items)
      this.#sent.add(signal, items)
      waiting.batch.release()
    }
  }

  /** False if the batch was dropped meanwhile, at the deadline of a shutdown. */
  #forget(waiting: Waiting): boolean {
    const at = this.#waiting.indexOf(waiting)
    if (at < 0) return false
    this.#waiting.splice(at, 1)
    this.#waitingBytes -= waiting.batch.bytes
    return true
  }

  #report(failure: Error | null): void {
    const { log, id, config } = this.#context
    if (failure !== null) {
      log.warn('file write failed', { path: config.path, error: failure.message })
      this.#host?.reportStatus(id, 'recoverable_error', failure.message)
    } else if (this.#failing) {
      log.info('file write works again', { path: config.path })
      this.#host?.reportStatus(id, 'ok')
    }
    this.#failing = failure !== null
  }

  #dropWaiting(reason: string): void {
    for (const { batch } of this.#waiting.splice(0)) this.#drop(batch, reason)
    this.#waitingBytes = 0
  }

  #drop(batch: Batch, reason: string): void {
    const { ledger, id } = this.#context
    const { tenant, signal, items } = batch
    ledger.dropped(tenant, signal, items, { stage: id, reason, intentional: false })
    this.#failed.add(signal, items)
    batch.release()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
