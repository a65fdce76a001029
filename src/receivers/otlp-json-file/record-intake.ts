/** One record on its way into the pipeline: room for it, what it says, and how that ended. Waits as long as it is not taken. */
import { NO_CONTEXT } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import { GRPC, type RpcStatus } from '../../net/status.ts'
import { countRefusal, type Intake } from '../intake/intake.ts'
import type { TransportCounters } from '../intake/metrics.ts'
import { inflate, isStatus, readJson, type Unpacked } from '../intake/unpack.ts'
import type { FileCounters } from './metrics.ts'
import type { Outcasts } from './outcasts.ts'
import { signalOfProto, signalsOfJson } from './signals-of.ts'

export interface RecordIntakeOptions {
  readonly intake: Intake
  readonly items: TransportCounters
  readonly counters: FileCounters
  readonly outcasts: Outcasts
  readonly format: 'json' | 'proto'
  /** Each record is a frame of its own. */
  readonly isZstd: boolean
  readonly maxBytes: number
  readonly signal: Signal | 'auto'
  /** Those that a pipeline has. */
  readonly signals: () => readonly Signal[]
  /** False when the receiver stops meanwhile. */
  readonly wait: (ms: number) => Promise<boolean>
}

export interface FileRecord {
  readonly bytes: Buffer
  readonly path: string
  readonly end: number
}

export type Ending =
  | 'done'
  /** The receiver stops: it comes again. */
  | 'stopped'
  /** It may be the beginning of a record. */
  | 'unfinished'

const MIN_WAIT_MS = 10
const MAX_WAIT_MS = 5000

export class RecordIntake {
  readonly #options: RecordIntakeOptions

  constructor(options: RecordIntakeOptions) {
    this.#options = options
  }

  /** `isTentative`: it may not be whole; then what cannot be read is not counted. */
  async take(record: FileRecord, isTentative = false): Promise<Ending> {
    const { isZstd, counters } = this.#options
    const ending = isZstd ? await this.#takePacked(record) : await this.#open(record, isTentative)
    if (ending === 'done') counters.bytes.value += record.bytes.length
    return ending
  }

  async #takePacked(record: FileRecord): Promise<Ending> {
    const { intake, maxBytes } = this.#options
    const { room } = intake
    for (;;) {
      const body = room.reserve(record.bytes.length)
      if (isStatus(body)) {
        if (!(await this.#waitFor(body))) return 'stopped'
        continue
      }
      body.set(record.bytes)
      const text = await inflate(room, 'zstd', body, maxBytes)
      if (!isStatus(text)) {
        const own = Buffer.from(text)
        room.giveBack(text)
        return this.#open({ ...record, bytes: own }, false)
      }
      if (text.retryDelayMs === undefined) return this.#leaveOut(record, text, this.anySignal)
      if (!(await this.#waitFor(text))) return 'stopped'
    }
  }

  async #open(record: FileRecord, isTentative: boolean): Promise<Ending> {
    const wanted = this.#signalsOf(record.bytes)
    if (wanted.length === 0) {
      if (isTentative) return 'unfinished'
      if (isEmptyObject(record.bytes)) return 'done'
      const text = 'it has none of resourceSpans, resourceMetrics and resourceLogs'
      await this.#put(record, 'unknown', text, this.anySignal)
      return 'done'
    }
    const served = this.#options.signals()
    let ending: Ending = 'done'
    for (const signal of wanted) {
      if (served.includes(signal)) ending = await this.#takeSignal(record, signal, isTentative)
      else if (!isTentative) {
        await this.#put(record, 'no_pipeline', `no pipeline has ${signal} of it`, signal)
      }
      if (ending !== 'done') return ending
    }
    return ending
  }

  #signalsOf(bytes: Buffer): readonly Signal[] {
    const { format, signal } = this.#options
    if (format === 'json') return signalsOfJson(bytes)
    if (signal !== 'auto') return [signal]
    const served = this.#options.signals()
    return served.length === 1 ? served : [signalOfProto(bytes)]
  }

  async #takeSignal(record: FileRecord, signal: Signal, isTentative: boolean): Promise<Ending> {
    const { intake, items, counters } = this.#options
    for (;;) {
      const request = this.#read(record, signal)
      if (isStatus(request)) {
        if (request.retryDelayMs === undefined) {
          if (isTentative) return 'unfinished'
          intake.turnAway(null, request)
          return this.#leaveOut(record, request, signal)
        }
        if (!(await this.#waitFor(request))) return 'stopped'
        continue
      }
      const verdict = await intake.take(signal, request, NO_CONTEXT, items, null)
      if (verdict === null || !isStatus(verdict)) {
        counters.records.value++
        return 'done'
      }
      if (verdict.retryDelayMs === undefined) return this.#leaveOut(record, verdict, signal)
      if (!(await this.#waitFor(verdict))) return 'stopped'
    }
  }

  /** The request in protobuf, reserved, in bytes of its own. */
  #read({ bytes }: FileRecord, signal: Signal): Unpacked {
    const { room } = this.#options.intake
    const own = room.reserve(bytes.length)
    if (isStatus(own)) return own
    own.set(bytes)
    return this.#options.format === 'json' ? readJson(room, signal, own) : own
  }

  async #waitFor({ retryDelayMs = 0 }: RpcStatus): Promise<boolean> {
    return this.#options.wait(Math.max(MIN_WAIT_MS, Math.min(retryDelayMs, MAX_WAIT_MS)))
  }

  async #leaveOut(record: FileRecord, status: RpcStatus, signal: Signal): Promise<Ending> {
    countRefusal(status, this.#options.items)
    const reason =
      status.code === GRPC.INVALID_ARGUMENT
        ? 'malformed'
        : status.code === GRPC.RESOURCE_EXHAUSTED
          ? 'too_large'
          : 'refused'
    await this.#put(record, reason, status.message, signal)
    return 'done'
  }

  #put(
    { bytes, path, end }: FileRecord,
    reason: Parameters<Outcasts['put']>[0]['reason'],
    message: string,
    signal: Signal,
  ): Promise<void> {
    return this.#options.outcasts.put({ reason, message, path, end, signal, bytes })
  }

  /** What a record is kept as that does not say. */
  get anySignal(): Signal {
    const { signal, signals } = this.#options
    return signal === 'auto' ? (signals()[0] ?? 'traces') : signal
  }
}

function isEmptyObject(bytes: Buffer): boolean {
  return bytes.length < 100 && /^\s*(\{\s*\})?\s*$/.test(bytes.toString('latin1'))
}
