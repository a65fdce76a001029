/** The way of one export call of a signal, the same over gRPC and HTTP: room, inflating, intake, answer. */
import type { RequestContext } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import type { TenantAccount } from '../../core/tenancy.ts'
import type { Admitted, RequestHead } from '../../net/admission.ts'
import type { Room } from '../../net/body-buffer.ts'
import type { Encoding } from '../../net/compression.ts'
import type { RpcStatus } from '../../net/status.ts'
import type { PartialSuccess } from '../../otlp/responses.ts'
import type { Gate, Passage } from '../../tenancy/gate/gate.ts'
import { Admission } from './admission.ts'
import { countRefusal, type Intake, type Verdict } from './intake.ts'
import type { TransportCounters } from './metrics.ts'
import type { ReservedRoom } from './room.ts'
import { inflate, isStatus, type Unpacked } from './unpack.ts'

export interface ExportOptions {
  readonly intake: Intake
  readonly counters: TransportCounters
  readonly includeMetadata: boolean
  /** Also after inflating. */
  readonly maxBytes: number
}

/** What the calls of both transports offer. */
export interface ExportCall extends RequestHead {
  readonly admitted: Admitted | null
  readonly encoding: Encoding | ''
  readonly context: RequestContext
  metadata(): ReadonlyMap<string, readonly string[]>
  fail(status: RpcStatus): void
}

export abstract class SignalExport<C extends ExportCall> implements Room {
  protected readonly signal: Signal
  protected readonly intake: Intake
  readonly #options: ExportOptions
  /** Only while there is a gate: without one no request has an admission, and the process's room is everybody's. */
  admit: ((call: C) => Admitted | RpcStatus) | undefined

  constructor(signal: Signal, options: ExportOptions) {
    this.signal = signal
    this.intake = options.intake
    this.#options = options
  }

  /** Null takes the gate away. Holds for requests that come from now on. */
  guard(gate: Gate | null): void {
    this.admit = gate === null ? undefined : call => this.#admit(gate, call)
  }

  reserve(bytes: number): Uint8Array | RpcStatus {
    const room = this.intake.room.reserve(bytes)
    if (isStatus(room)) this.refused(null, room)
    return room
  }

  /** Where a call is counted that has come as far as having a body. */
  protected countersOf(_call: C): TransportCounters {
    return this.#options.counters
  }

  /** There is no room for its body. */
  refused(admission: Admission | null, status: RpcStatus): void {
    countRefusal(this.intake.turnAway(admission, status), this.#options.counters)
  }

  fit(buffer: Uint8Array, length: number): Uint8Array {
    return this.intake.room.fit(buffer, length)
  }

  giveBack(buffer: Uint8Array): void {
    this.intake.room.giveBack(buffer)
  }

  // hot: bench/flow/side-by-side.ts
  handle(call: C, body: Uint8Array): void {
    const admission = call.admitted as Admission | null
    if (admission === null) {
      call.guest.prove()
      this.#open(call, body, null)
    } else if (admission.pending === null) this.#join(call, body, admission)
    else void admission.pending.then(() => this.#join(call, body, admission))
  }

  #open(call: C, body: Uint8Array, admission: Admission | null): void {
    if (call.encoding === '') {
      this.#unpacked(call, body)
      return
    }
    const { maxBytes } = this.#options
    const room = admission === null ? this.intake.room : admission.room
    const inflated = inflate(room, call.encoding, body, maxBytes)
    if (inflated instanceof Promise) void inflated.then(unpacked => this.#unpacked(call, unpacked))
    else this.#unpacked(call, inflated)
  }

  #admit(gate: Gate, call: C): Admitted | RpcStatus {
    const found = gate.admit(call, this.signal)
    const { room, strangers } = this.intake
    if (found instanceof Promise) {
      const admission = new Admission(null, strangers, this)
      admission.pending = found.then(settled => this.#settle(call, admission, settled))
      return admission
    }
    if (isStatus(found)) {
      countRefusal(found, this.countersOf(call))
      return found
    }
    const { account } = found
    return new Admission(found, account === null ? room : room.of(account), this)
  }

  /** The body may have come in whole meanwhile, or its sender may have gone. */
  #settle(call: C, admission: Admission, found: Passage | RpcStatus): void {
    admission.settle(found)
    if (admission.passage !== null) this.#handOver(admission, admission.passage.account)
    if (admission.denied !== null) this.#refuse(call, admission.denied)
  }

  /** What has come of the body goes from the room of strangers to that of its sender. */
  #handOver(admission: Admission, account: TenantAccount | null): void {
    const { room, strangers } = this.intake
    const { heldBytes } = admission
    strangers.disown(heldBytes)
    admission.room = room
    if (account === null) return
    const own = room.of(account)
    const full = own.adopt(heldBytes)
    if (full === null) admission.room = own
    else admission.denied = this.intake.turnAway(admission, full)
  }

  /** The body is whole and it is known whose it is. */
  #join(call: C, body: Uint8Array, admission: Admission): void {
    if (admission.denied === null) this.#open(call, body, admission)
    else admission.room.giveBack(body)
  }

  /** Turns an inflated body into a request in protobuf, or says why that cannot be. */
  protected abstract read(call: C, body: Uint8Array, room: ReservedRoom): Unpacked

  protected abstract succeed(call: C, partial: PartialSuccess | null): void

  #unpacked(call: C, body: Unpacked): void {
    const admission = call.admitted as Admission | null
    const room = admission === null ? this.intake.room : admission.room
    const request = isStatus(body) ? body : this.read(call, body, room)
    if (isStatus(request)) this.#refuse(call, this.intake.turnAway(admission, request))
    else this.#take(call, request, admission)
  }

  #take(call: C, request: Uint8Array, admission: Admission | null): void {
    const counters = this.countersOf(call)
    const context = this.#contextOf(call)
    const verdict = this.intake.take(this.signal, request, context, counters, admission)
    if (verdict instanceof Promise) void verdict.then(settled => this.#answer(call, settled))
    else this.#answer(call, verdict)
  }

  #contextOf(call: C): RequestContext {
    if (!this.#options.includeMetadata) return call.context
    return { metadata: call.metadata(), peer: call.context.peer }
  }

  #answer(call: C, verdict: Verdict): void {
    if (verdict !== null && isStatus(verdict)) this.#refuse(call, verdict)
    else {
      ;(call.admitted as Admission | null)?.end()
      this.succeed(call, verdict)
    }
  }

  #refuse(call: C, status: RpcStatus): void {
    ;(call.admitted as Admission | null)?.end()
    countRefusal(status, this.countersOf(call))
    call.fail(status)
  }
}
