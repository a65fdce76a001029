/**
 * The door to the pipelines, the same for both transports: validates and indexes a request, books it, hands it on, and
 * turns the outcome into an answer.
 */
import { Batch, DEFAULT_TENANT, type RequestContext } from '../../core/batch.ts'
import type { Consumer } from '../../core/component.ts'
import type { Ledger } from '../../core/ledger.ts'
import type { Outcome } from '../../core/outcome.ts'
import { Payload } from '../../core/payload.ts'
import type { Signal } from '../../core/signal.ts'
import { GRPC, type RpcStatus, statusOfOutcome } from '../../net/status.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault, type RequestIndex, type WireFault } from '../../otlp/request-index.ts'
import type { PartialSuccess } from '../../otlp/responses.ts'
import type { TransportCounters } from './metrics.ts'
import type { ReservedRoom } from './room.ts'

/** Full success, some items refused, or why all of it was. */
export type Verdict = null | PartialSuccess | RpcStatus

export class Intake {
  readonly room: ReservedRoom
  readonly #ledger: Ledger
  readonly #next: Consumer

  constructor(room: ReservedRoom, ledger: Ledger, next: Consumer) {
    this.room = room
    this.#ledger = ledger
    this.#next = next
  }

  /** `request` is reserved and the intake's from now on. */
  // hot: bench/flow/side-by-side.ts
  take(
    signal: Signal,
    request: Uint8Array,
    context: RequestContext,
    counters: TransportCounters,
  ): Verdict | Promise<Verdict> {
    const index = indexRequest(signal, request)
    if (isWireFault(index)) {
      this.room.giveBack(request)
      return faultStatus(index)
    }
    if (index.items === 0) {
      this.room.giveBack(request)
      return null
    }
    const payload = this.#payload(request, index)
    if (payload === undefined) return this.room.busy()
    const { items } = index
    const part = { payload, index, selection: null, edits: null, items }
    const batch = new Batch(signal, DEFAULT_TENANT, context, [part])
    this.#ledger.accepted(DEFAULT_TENANT, signal, items)
    const outcome = this.#next.consume(batch)
    return outcome instanceof Promise
      ? outcome.then(settled => this.#settle(batch, settled, counters))
      : this.#settle(batch, outcome, counters)
  }

  /** An index is small beside its request, unless the request consists of empty items: then it is reserved as well. */
  #payload(request: Uint8Array, index: RequestIndex): Payload | undefined {
    let indexBytes = 0
    for (const level of index.levels) indexBytes += level.byteLength
    if (indexBytes <= request.length) return new Payload(request, this.room.release)
    const { memory } = this.room
    if (!memory.tryReserve(indexBytes)) {
      this.room.giveBack(request)
      return undefined
    }
    return new Payload(request, {
      onFree: (bytes, reusable) => {
        memory.free(indexBytes)
        this.room.release.onFree(bytes, reusable)
      },
    })
  }

  #settle(batch: Batch, outcome: Outcome, counters: TransportCounters): Verdict {
    const { signal, items } = batch
    if (outcome.kind === 'accepted') {
      counters.accepted[signal].value += items
      return null
    }
    const lost = outcome.kind === 'busy' ? items : Math.min(outcome.items, items)
    const reason = outcome.kind === 'busy' ? outcome.cause : outcome.why
    this.#ledger.unaccepted(DEFAULT_TENANT, signal, lost, reason)
    counters.refused[signal].value += lost
    if (outcome.kind === 'refused' && lost < items) {
      counters.accepted[signal].value += items - lost
      return { rejected: lost, message: outcome.message }
    }
    batch.release()
    return statusOfOutcome(outcome)
  }
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

function faultStatus({ fault, offset }: WireFault): RpcStatus {
  const description = FAULT_TEXT[fault]
  const message = `The request is not a valid OTLP message: ${description} (byte ${offset}).`
  if (fault === 'too_many_items') return { code: GRPC.RESOURCE_EXHAUSTED, http: 413, message }
  const violations = [{ field: `byte ${offset}`, description }]
  return { code: GRPC.INVALID_ARGUMENT, message, violations }
}

/** Counts a request that was refused as a whole before its items were known, or because they were not valid. */
export function countRefusal(status: RpcStatus, counters: TransportCounters): void {
  const { requests } = counters
  if (status.code === GRPC.INVALID_ARGUMENT) requests.malformed.value++
  else if (status.retryDelayMs !== undefined) requests.busy.value++
  else if (status.code === GRPC.RESOURCE_EXHAUSTED) requests.too_large.value++
}
