/**
 * The door to the pipelines, the same for both transports: validates and indexes a request, books it, hands it on, and
 * turns the outcome into an answer.
 */
import { Batch, DEFAULT_TENANT, type RequestContext, type TenantId } from '../../core/batch.ts'
import type { Consumer } from '../../core/component.ts'
import type { Ledger } from '../../core/ledger.ts'
import type { Outcome } from '../../core/outcome.ts'
import { Payload } from '../../core/payload.ts'
import type { Signal } from '../../core/signal.ts'
import { UNKNOWN_SENDERS, type UsageBook } from '../../core/tenancy.ts'
import { GRPC, type RpcStatus, statusOfOutcome } from '../../net/status.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault, type RequestIndex, type WireFault } from '../../otlp/request-index.ts'
import type { PartialSuccess } from '../../otlp/responses.ts'
import { statusOfTurnedAway } from '../../tenancy/gate/gate.ts'
import type { Admission } from './admission.ts'
import type { TransportCounters } from './metrics.ts'
import type { ReservedRoom, TenantRoom } from './room.ts'
import { Strangers } from './strangers.ts'
import type { Unreadable } from './unpack.ts'

/** Full success, some items refused, or why all of it was. */
export type Verdict = null | PartialSuccess | RpcStatus

export class Intake {
  readonly room: ReservedRoom
  /** For bodies that come while it is not known whose they are. */
  readonly strangers: TenantRoom
  readonly #ledger: Ledger
  readonly #usage: UsageBook
  readonly #next: Consumer

  constructor(room: ReservedRoom, ledger: Ledger, usage: UsageBook, next: Consumer) {
    this.room = room
    this.strangers = room.of(new Strangers(room.memory))
    this.#ledger = ledger
    this.#usage = usage
    this.#next = next
  }

  /** `request` is reserved, in the room of `admission` if there is one, and the intake's from now on. */
  // hot: bench/flow/side-by-side.ts
  take(
    signal: Signal,
    request: Uint8Array,
    context: RequestContext,
    counters: TransportCounters,
    admission: Admission | null,
  ): Verdict | Promise<Verdict> {
    const room = admission === null ? this.room : admission.room
    const tenant = admission?.passage?.tenant ?? DEFAULT_TENANT
    const index = indexRequest(signal, request)
    const account = admission?.passage?.account ?? null
    if (isWireFault(index)) {
      room.giveBack(request)
      return this.turnAway(admission, { ...faultStatus(index), workBytes: request.length })
    }
    this.#usage.received(tenant, signal, request.length)
    const { items } = index
    if (items === 0) {
      const over = account?.charge(0, request.length) ?? null
      room.giveBack(request)
      return over === null ? null : statusOfTurnedAway(over)
    }
    const over = account?.charge(items, request.length) ?? null
    if (over !== null) {
      room.giveBack(request)
      this.#book(tenant, signal, items, over.reason, counters)
      return statusOfTurnedAway(over)
    }
    const payload = payloadOf(request, index, room)
    if (payload === undefined) {
      account?.refund(items, request.length)
      return this.turnAway(admission, room.busy())
    }
    const part = { payload, index, selection: null, edits: null, items }
    const batch = new Batch(signal, tenant, context, [part])
    this.#ledger.accepted(tenant, signal, items)
    const outcome = this.#next.consume(batch)
    return outcome instanceof Promise
      ? outcome.then(settled => this.#settle(batch, settled, counters, admission))
      : this.#settle(batch, outcome, counters, admission)
  }

  /** Books a request that ends before its items are known: not valid, too large, or memory is short. */
  turnAway(admission: Admission | null, status: RpcStatus | Unreadable): RpcStatus {
    const tenant =
      admission === null ? DEFAULT_TENANT : (admission.passage?.tenant ?? UNKNOWN_SENDERS)
    const account = admission?.passage?.account ?? null
    const work = 'workBytes' in status ? status.workBytes : 0
    // Reading it was work all the same: the rate pays for it, the day does not.
    if (work > 0 && account?.charge(0, work) === null) account.refund(0, work)
    this.#usage.turnedAway(tenant, status.reason ?? reasonOf(status))
    return status
  }

  /** Items that are told no before they are a batch. */
  #book(
    tenant: TenantId,
    signal: Signal,
    items: number,
    reason: string,
    counters: TransportCounters,
  ): void {
    this.#ledger.accepted(tenant, signal, items)
    this.#ledger.unaccepted(tenant, signal, items, reason)
    counters.refused[signal].value += items
  }

  #settle(
    batch: Batch,
    outcome: Outcome,
    counters: TransportCounters,
    admission: Admission | null,
  ): Verdict {
    const { signal, items, tenant } = batch
    if (outcome.kind === 'accepted') {
      counters.accepted[signal].value += items
      return null
    }
    const lost = outcome.kind === 'busy' ? items : Math.min(outcome.items, items)
    const reason = outcome.kind === 'busy' ? outcome.cause : outcome.why
    this.#ledger.unaccepted(tenant, signal, lost, reason)
    admission?.passage?.account?.refund(lost, lost === items ? batch.bytes : 0)
    counters.refused[signal].value += lost
    if (outcome.kind === 'refused' && lost < items) {
      counters.accepted[signal].value += items - lost
      return { rejected: lost, message: outcome.message }
    }
    batch.release()
    return statusOfOutcome(outcome)
  }
}

/**
 * An index is small beside its request, unless the request consists of empty items: then it is reserved as well. Without
 * room the request is given back, and the answer is undefined.
 */
export function payloadOf(
  request: Uint8Array,
  index: RequestIndex,
  room: ReservedRoom,
): Payload | undefined {
  let indexBytes = 0
  for (const level of index.levels) indexBytes += level.byteLength
  if (indexBytes <= request.length) return new Payload(request, room.release)
  const { memory } = room
  if (!memory.tryReserve(indexBytes)) {
    room.giveBack(request)
    return undefined
  }
  return new Payload(request, {
    onFree: (bytes, reusable) => {
      memory.free(indexBytes)
      room.release.onFree(bytes, reusable)
    },
  })
}

const FAULT_TEXT: Readonly<Record<WireFault['fault'], string>> = {
  truncated: 'a length runs past the end of its message',
  varint_overrun: 'a varint has more than 10 bytes or 64 bits',
  field_zero: 'field number 0',
  wire_type: 'a wire type that the field does not have',
  group: 'a group that is unbalanced or nested too deeply',
  depth: 'messages nested too deeply',
  utf8: 'a string that is not UTF-8',
  too_many_items: 'too many items',
}

export function faultStatus({ fault, offset }: WireFault): RpcStatus {
  const description = FAULT_TEXT[fault]
  const message = `The request is not a valid OTLP message: ${description} (byte ${offset}).`
  if (fault === 'too_many_items') return { code: GRPC.RESOURCE_EXHAUSTED, http: 413, message }
  const violations = [{ field: `byte ${offset}`, description }]
  return { code: GRPC.INVALID_ARGUMENT, message, violations }
}

function reasonOf({ code, retryDelayMs }: RpcStatus): string {
  if (code === GRPC.INVALID_ARGUMENT) return 'bad_data'
  if (retryDelayMs !== undefined) return 'overloaded'
  return code === GRPC.RESOURCE_EXHAUSTED ? 'too_large' : 'unreadable'
}

/** Counts a request that was refused as a whole before its items were known, or because they were not valid. */
export function countRefusal(status: RpcStatus, counters: TransportCounters): void {
  const { requests } = counters
  if (status.code === GRPC.INVALID_ARGUMENT) requests.malformed.value++
  else if (status.code === GRPC.UNAUTHENTICATED) requests.unauthenticated.value++
  else if (status.code === GRPC.PERMISSION_DENIED) requests.denied.value++
  else if (status.code === GRPC.RESOURCE_EXHAUSTED && status.retryDelayMs !== undefined) {
    requests.quota.value++
  } else if (status.retryDelayMs !== undefined) requests.busy.value++
  else if (status.code === GRPC.RESOURCE_EXHAUSTED) requests.too_large.value++
}
