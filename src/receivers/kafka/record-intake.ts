/**
 * One record on its way into the pipeline: whose it is, what it says, room for it, and how that ended. Books every item;
 * what will never be taken goes to the outcasts.
 */
import { Batch, DEFAULT_TENANT, type RequestContext, type TenantId } from '../../core/batch.ts'
import type { Clock } from '../../core/clock.ts'
import type { Consumer } from '../../core/component.ts'
import type { Ledger } from '../../core/ledger.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Payload } from '../../core/payload.ts'
import type { Signal } from '../../core/signal.ts'
import type { Tenancy, TenantAccount, TurnedAway } from '../../core/tenancy.ts'
import type { FetchedRecord, TopicPartition } from '../../net/kafka/client.ts'
import type { RpcStatus } from '../../net/status.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault, type RequestIndex } from '../../otlp/request-index.ts'
import { isTenantId, TENANT_ID_RULE } from '../../tenancy/identity/tenant-id.ts'
import type { EncodingReader } from '../../translate/encoding/readers.ts'
import { isTranslateFault, type TranslateFault } from '../../translate/fault.ts'
import { faultStatus, payloadOf } from '../intake/intake.ts'
import type { TransportCounters } from '../intake/metrics.ts'
import type { ReservedRoom } from '../intake/room.ts'
import { isStatus } from '../intake/unpack.ts'
import { DONE, type Ending, type Stuck, wait } from './ending.ts'
import type { HeaderAttributes } from './header-attributes.ts'
import type { KafkaCounters, PartitionCounters } from './metrics.ts'
import type { Outcasts } from './outcasts.ts'
import { headerBytes, RecordContext } from './record-context.ts'

export interface RecordIntakeOptions {
  readonly receiver: string
  readonly signal: Signal
  readonly read: EncodingReader
  readonly room: ReservedRoom
  readonly ledger: Ledger
  readonly tenancy: Tenancy
  readonly clock: Clock
  readonly next: Consumer
  readonly items: TransportCounters
  readonly counters: KafkaCounters
  readonly outcasts: Outcasts
  readonly headerAttributes: HeaderAttributes | null
  readonly includeMetadata: boolean
  readonly maxHeaderBytes: number
  /** Empty: all are of the default tenant. */
  readonly tenantHeader: string
  /** What will never be taken is not left out: the partition stands still before it. */
  readonly holdsRefused: boolean
}

/** A record and what is known about it so far. */
interface Guest {
  readonly record: FetchedRecord
  readonly value: Uint8Array
  readonly place: TopicPartition
  readonly partition: PartitionCounters
  readonly tenant: TenantId
  readonly account: TenantAccount | null
}

/** Where a tenant does not say when there is room again. */
const RETRY_MS = 1000
const STUCK_REASON = 'on_permanent_error is false'

export class RecordIntake {
  readonly #options: RecordIntakeOptions

  constructor(options: RecordIntakeOptions) {
    this.#options = options
  }

  // hot: bench/flow/kafka-in.ts
  take(
    record: FetchedRecord,
    place: TopicPartition,
    partition: PartitionCounters,
  ): Ending | Promise<Ending> {
    const { value } = record
    // A tombstone: somebody deletes what had this key. There is nothing in it to take.
    if (value === null) return DONE
    const tenant = this.#tenantOf(record)
    const { door } = this.#options.tenancy
    const guest = { record, value, place, partition, tenant, account: null }
    if (!isTenantId(tenant)) {
      const message = `the tenant in the header is not ${TENANT_ID_RULE}`
      return this.#refuse({ ...guest, tenant: DEFAULT_TENANT }, 'invalid_tenant', message, null)
    }
    if (door === null) return this.#read(guest)
    const account = door.account(tenant)
    if (account.kind === 'turned_away') return this.#turnAway(guest, account)
    const over = account.enter(this.#options.signal, '')
    if (over !== null) return this.#turnAway(guest, over)
    return leaveAfter(account, this.#read({ ...guest, account }))
  }

  /** It was waited for long enough. */
  giveUp(record: FetchedRecord, place: TopicPartition, reason: string): Ending | Promise<Ending> {
    const { read, signal, ledger, clock, items: counters } = this.#options
    const { value } = record
    if (value === null) return DONE
    const tenant = this.#tenantOf(record)
    const request = read(value, clock.now())
    const index = isTranslateFault(request) ? null : indexRequest(signal, request)
    const items = index === null || isWireFault(index) ? 0 : index.items
    if (items > 0) {
      ledger.accepted(tenant, signal, items)
      this.#bookDrop(tenant, items, reason)
      counters.refused[signal].value += items
    }
    const context = this.#contextOf(record, place)
    const message = 'the pipeline had no room for too long'
    const bytes = index === null || isTranslateFault(request) ? value : request
    const put = this.#options.outcasts.put({ tenant, reason, message, items, bytes, context })
    return put === null ? DONE : put.then(() => DONE)
  }

  #tenantOf({ headers }: FetchedRecord): TenantId {
    const { tenantHeader } = this.#options
    if (tenantHeader === '') return DEFAULT_TENANT
    for (const { key, value } of headers) {
      if (key === tenantHeader) return value === null ? '' : Buffer.from(value).toString('latin1')
    }
    return DEFAULT_TENANT
  }

  #read(guest: Guest): Ending | Promise<Ending> {
    const { signal, read, clock, tenancy, items: counters } = this.#options
    const { value, account, tenant } = guest
    const room = account === null ? this.#options.room : this.#options.room.of(account)
    const request = unpack(room, value, read, clock.now())
    if (isStatus(request)) return wait(request.retryDelayMs ?? RETRY_MS, 'overloaded', true)
    if (isTranslateFault(request)) return this.#unreadable(guest, request.message)
    const index = indexRequest(signal, request)
    if (isWireFault(index)) {
      room.giveBack(request)
      return this.#unreadable(guest, faultStatus(index).message)
    }
    const { items } = index
    const over = account?.charge(items, request.length) ?? null
    if (over !== null) {
      room.giveBack(request)
      return this.#overLimit(guest, over, items)
    }
    if (items === 0) {
      tenancy.usage.received(tenant, signal, request.length)
      room.giveBack(request)
      return DONE
    }
    const payload = payloadOf(request, index, room)
    if (payload !== undefined) return this.#handOn(guest, payload, index)
    account?.refund(items, request.length)
    counters.requests.busy.value++
    return wait(room.memory.retryAfterMs(), 'overloaded', true)
  }

  #handOn(guest: Guest, payload: Payload, index: RequestIndex): Ending | Promise<Ending> {
    const { signal, ledger, next, headerAttributes } = this.#options
    const { record, place, tenant } = guest
    const edits = headerAttributes?.editsOf(record.headers, payload.bytes, index) ?? null
    const part = { payload, index, selection: null, edits, items: index.items }
    const batch = new Batch(signal, tenant, this.#contextOf(record, place), [part])
    ledger.accepted(tenant, signal, index.items)
    const outcome = next.consume(batch)
    return outcome instanceof Promise
      ? outcome.then(settled => this.#settle(guest, batch, settled))
      : this.#settle(guest, batch, outcome)
  }

  #settle(guest: Guest, batch: Batch, outcome: Outcome): Ending | Promise<Ending> {
    const { signal, ledger, tenancy, items: counters } = this.#options
    const { items, tenant, bytes } = batch
    if (outcome.kind === 'busy') {
      ledger.unaccepted(tenant, signal, items, outcome.cause)
      counters.refused[signal].value += items
      guest.account?.refund(items, bytes)
      batch.release()
      return wait(outcome.retryAfterMs, outcome.cause)
    }
    const lost = outcome.kind === 'accepted' ? 0 : Math.min(outcome.items, items)
    counters.accepted[signal].value += items - lost
    counters.refused[signal].value += lost
    if (lost > 0) guest.account?.refund(lost, lost === items ? bytes : 0)
    if (outcome.kind === 'accepted') {
      tenancy.usage.received(tenant, signal, bytes)
      return DONE
    }
    if (lost === items) return this.#refusedWhole(guest, batch, outcome.why, outcome.message)
    // The others belong to the pipeline already: what it did not take is not at hand any more.
    tenancy.usage.received(tenant, signal, bytes)
    this.#bookDrop(tenant, lost, outcome.why)
    return DONE
  }

  #refusedWhole(
    guest: Guest,
    batch: Batch,
    reason: string,
    message: string,
  ): Ending | Promise<Ending> {
    const { signal, ledger, tenancy, holdsRefused } = this.#options
    const { tenant, items, bytes } = batch
    if (holdsRefused) {
      ledger.unaccepted(tenant, signal, items, reason)
      batch.release()
      return stuck(message)
    }
    tenancy.usage.received(tenant, signal, bytes)
    this.#bookDrop(tenant, items, reason)
    const [{ payload }] = batch.parts
    const ending = this.#refuse(guest, reason, message, { items, bytes: payload.bytes })
    if (!(ending instanceof Promise)) batch.release()
    else void ending.then(() => batch.release())
    return ending
  }

  #bookDrop(tenant: TenantId, items: number, reason: string): void {
    const { ledger, signal, receiver } = this.#options
    ledger.dropped(tenant, signal, items, { stage: receiver, reason, intentional: false })
  }

  #unreadable(guest: Guest, message: string): Ending | Promise<Ending> {
    const { tenant, account, value, partition } = guest
    const { tenancy, items } = this.#options
    items.requests.malformed.value++
    partition.unreadable.value++
    // Reading it was work all the same: the rate pays for it, the day does not.
    if (account?.charge(0, value.length) === null) account.refund(0, value.length)
    tenancy.usage.turnedAway(tenant, 'bad_data')
    return this.#refuse(guest, 'bad_data', message, null)
  }

  #turnAway(guest: Guest, away: TurnedAway): Ending | Promise<Ending> {
    const { tenancy, items } = this.#options
    tenancy.usage.turnedAway(guest.tenant, away.reason)
    if (away.code !== 'permission_denied') {
      items.requests[away.code].value++
      return wait(away.retryAfterMs || RETRY_MS, away.reason)
    }
    items.requests.denied.value++
    return this.#refuse(guest, away.reason, away.message, null)
  }

  #overLimit(guest: Guest, over: TurnedAway, items: number): Ending | Promise<Ending> {
    const { signal, ledger, items: counters } = this.#options
    const { tenant } = guest
    ledger.accepted(tenant, signal, items)
    counters.refused[signal].value += items
    if (over.retryAfterMs > 0 || this.#options.holdsRefused) {
      ledger.unaccepted(tenant, signal, items, over.reason)
      if (over.retryAfterMs > 0) return wait(over.retryAfterMs, over.reason)
      return stuck(over.message)
    }
    this.#bookDrop(tenant, items, over.reason)
    return this.#refuse(guest, over.reason, over.message, { items, bytes: guest.value })
  }

  /** `read`: what it was found to be; null when that is not known. */
  #refuse(
    { record, place, tenant, value }: Guest,
    reason: string,
    message: string,
    read: { readonly items: number; readonly bytes: Uint8Array } | null,
  ): Ending | Promise<Ending> {
    if (read === null && this.#options.holdsRefused) return stuck(message)
    const { items, bytes } = read ?? { items: 0, bytes: value }
    const context = this.#contextOf(record, place)
    const put = this.#options.outcasts.put({ tenant, reason, message, items, bytes, context })
    return put === null ? DONE : put.then(() => DONE)
  }

  #contextOf(record: FetchedRecord, place: TopicPartition): RequestContext {
    const { includeMetadata, maxHeaderBytes, counters } = this.#options
    if (!includeMetadata) return new RecordContext(place, record, false)
    const fits = record.headers.length === 0 || headerBytes(record.headers) <= maxHeaderBytes
    if (!fits) counters.headersLeft.value++
    return new RecordContext(place, record, fits)
  }
}

function stuck(message: string): Stuck {
  return { kind: 'stuck', message: `${message} (${STUCK_REASON})` }
}

function leaveAfter(
  account: TenantAccount,
  ending: Ending | Promise<Ending>,
): Ending | Promise<Ending> {
  if (ending instanceof Promise) return ending.finally(() => account.leave())
  account.leave()
  return ending
}

/** The request in a buffer of its own, reserved: the fetch that it came in is not kept for its sake. */
function unpack(
  room: ReservedRoom,
  value: Uint8Array,
  read: EncodingReader,
  nowMs: number,
): Uint8Array | TranslateFault | RpcStatus {
  const request = read(value, nowMs)
  if (request === value) {
    const own = room.reserve(value.length)
    if (!isStatus(own)) own.set(value)
    return own
  }
  if (isTranslateFault(request)) return request
  return room.memory.tryReserve(request.length) ? request : room.busy()
}
