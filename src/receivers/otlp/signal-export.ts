/** The way of one export call of a signal, the same over gRPC and HTTP: room, inflating, intake, answer. */
import type { RequestContext } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import type { Room } from '../../net/body-buffer.ts'
import type { Encoding } from '../../net/compression.ts'
import type { RpcStatus } from '../../net/status.ts'
import type { PartialSuccess } from '../../otlp/responses.ts'
import { countRefusal, type Intake, type Verdict } from './intake.ts'
import type { TransportCounters } from './metrics.ts'
import { inflate, isStatus, type Unpacked } from './unpack.ts'

export interface ExportOptions {
  readonly intake: Intake
  readonly counters: TransportCounters
  readonly includeMetadata: boolean
  /** Also after inflating. */
  readonly maxBytes: number
}

/** What the calls of both transports offer. */
export interface ExportCall {
  readonly encoding: Encoding | ''
  readonly context: RequestContext
  metadata(): ReadonlyMap<string, readonly string[]>
  fail(status: RpcStatus): void
}

export abstract class SignalExport<C extends ExportCall> implements Room {
  protected readonly signal: Signal
  protected readonly intake: Intake
  readonly #options: ExportOptions

  constructor(signal: Signal, options: ExportOptions) {
    this.signal = signal
    this.intake = options.intake
    this.#options = options
  }

  reserve(bytes: number): Uint8Array | RpcStatus {
    const room = this.intake.room.reserve(bytes)
    if ('code' in room) countRefusal(room, this.#options.counters)
    return room
  }

  fit(buffer: Uint8Array, length: number): Uint8Array {
    return this.intake.room.fit(buffer, length)
  }

  giveBack(buffer: Uint8Array): void {
    this.intake.room.giveBack(buffer)
  }

  // hot: bench/flow/side-by-side.ts
  handle(call: C, body: Uint8Array): void {
    if (call.encoding === '') {
      this.#unpacked(call, body)
      return
    }
    const { maxBytes } = this.#options
    const inflated = inflate(this.intake.room, call.encoding, body, maxBytes)
    if (inflated instanceof Promise) void inflated.then(unpacked => this.#unpacked(call, unpacked))
    else this.#unpacked(call, inflated)
  }

  /** Turns an inflated body into a request in protobuf, or says why that cannot be. */
  protected abstract read(call: C, body: Uint8Array): Unpacked

  protected abstract succeed(call: C, partial: PartialSuccess | null): void

  #unpacked(call: C, body: Unpacked): void {
    const request = isStatus(body) ? body : this.read(call, body)
    if (isStatus(request)) this.#refuse(call, request)
    else this.#take(call, request)
  }

  #take(call: C, request: Uint8Array): void {
    const { counters } = this.#options
    const verdict = this.intake.take(this.signal, request, this.#contextOf(call), counters)
    if (verdict instanceof Promise) void verdict.then(settled => this.#answer(call, settled))
    else this.#answer(call, verdict)
  }

  #contextOf(call: C): RequestContext {
    if (!this.#options.includeMetadata) return call.context
    return { metadata: call.metadata(), peer: call.context.peer }
  }

  #answer(call: C, verdict: Verdict): void {
    if (verdict !== null && isStatus(verdict)) this.#refuse(call, verdict)
    else this.succeed(call, verdict)
  }

  #refuse(call: C, status: RpcStatus): void {
    countRefusal(status, this.#options.counters)
    call.fail(status)
  }
}
