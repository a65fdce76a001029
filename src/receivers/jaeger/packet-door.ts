/**
 * From a UDP packet to the pipeline: the door of the tenant, the translation, the intake. Every packet that goes no
 * further is counted here with the reason, because nobody can be told.
 */
import type { RemoteInfo } from 'node:dgram'
import type { RequestContext } from '../../core/batch.ts'
import { DEFAULT_TENANT } from '../../core/batch.ts'
import type { Consumer, Services } from '../../core/component.ts'
import { UNKNOWN_SENDERS } from '../../core/tenancy.ts'
import { Guest, Guests, NO_GUEST_LIMITS, plainAddress } from '../../net/guests.ts'
import { GRPC, type RpcStatus } from '../../net/status.ts'
import { Gate, type Passage } from '../../tenancy/gate/gate.ts'
import { Admission } from '../intake/admission.ts'
import { countRefusal, Intake, type Verdict } from '../intake/intake.ts'
import { countTransport, type TransportCounters } from '../intake/metrics.ts'
import { ReservedRoom } from '../intake/room.ts'
import { type ForeignFormat, translate } from '../intake/translate.ts'
import { isStatus } from '../intake/unpack.ts'
import { countPackets, type DropReason, type PacketCounters } from './metrics.ts'

export interface PacketFormat extends ForeignFormat {
  /** The packets' label in metrics: `udp_thrift_compact`. */
  readonly transport: string
}

const NO_METADATA: RequestContext['metadata'] = new Map()
const NO_BOOKS = { refused() {} }
const NO_CREDENTIALS = { header: () => [], certificate: () => null }

export class PacketDoor {
  readonly packets: PacketCounters
  /** What is given back busy is not coming again. */
  isClosing = false
  readonly #services: Services & { readonly id: string }
  readonly #format: PacketFormat
  readonly #counters: TransportCounters
  readonly #intake: Intake
  readonly #gate: Gate
  /** Packets have no connection that could be counted. */
  readonly #guest: Guest

  constructor(services: Services & { readonly id: string }, format: PacketFormat, next: Consumer) {
    const { id, meter, memory, ledger, tenancy, clock } = services
    this.#services = services
    this.#format = format
    this.packets = countPackets(meter, id, format.transport)
    this.#counters = countTransport(meter, id, format.transport, ['traces'])
    this.#intake = new Intake(new ReservedRoom(memory), ledger, tenancy.usage, next)
    this.#gate = new Gate({ tenancy, authenticator: null })
    this.#guest = new Guest(new Guests(NO_GUEST_LIMITS, clock), '', () => {})
    this.#guest.isGone = true
  }

  /** Asked before a packet is kept, so that those who may not send take no place from those who may. */
  admits(from: RemoteInfo): boolean {
    const { door, usage } = this.#services.tenancy
    if (door === null || door.admits(plainAddress(from.address))) return true
    usage.turnedAway(UNKNOWN_SENDERS, 'address_denied')
    this.drop('denied', 'nothing is taken from this address')
    return false
  }

  /**
   * Takes a packet that is reserved in the memory of the process. 0: it is dealt with, or will be when the promise
   * resolves. A number above: nothing happened, memory is short, and so many milliseconds may help.
   */
  offer(bytes: Uint8Array, from: RemoteInfo): number | Promise<void> {
    const { memory } = this.#services
    const address = plainAddress(from.address)
    const admission = this.#admit(address)
    // From the process to the room of the tenant; nothing comes in between.
    memory.free(bytes.length)
    if (admission !== null && isStatus(admission)) {
      this.#refuse(admission)
      return 0
    }
    const room = admission === null ? this.#intake.room : admission.room
    const holds = room.memory.tryReserve(bytes.length)
    const request = holds ? translate(room, this.#format, bytes) : room.busy()
    if (holds) room.memory.free(bytes.length)
    if (!isStatus(request)) {
      const context: RequestContext = { metadata: NO_METADATA, peer: `${address}:${from.port}` }
      const verdict = this.#intake.take('traces', request, context, this.#counters, admission)
      if (verdict instanceof Promise) return verdict.then(settled => this.#end(settled, admission))
      this.#end(verdict, admission)
      return 0
    }
    if (isOverloaded(request) && !this.isClosing && memory.tryReserve(bytes.length)) {
      admission?.end()
      return Math.max(1, request.retryDelayMs ?? 0)
    }
    this.#end(this.#intake.turnAway(admission, request), admission)
    return 0
  }

  /** Before it was looked into. */
  turnAway(reason: DropReason, usageReason: string): void {
    this.#services.tenancy.usage.turnedAway(DEFAULT_TENANT, usageReason)
    this.drop(reason, reason)
  }

  drop(reason: DropReason, why: string): void {
    this.packets.dropped[reason].value++
    const { id, log } = this.#services
    log.warn('packet dropped', { receiver: id, transport: this.#format.transport, reason, why })
  }

  /** Without credentials everybody is the tenant `default`, with its limits. Null while nothing is limited. */
  #admit(address: string): Admission | RpcStatus | null {
    if (this.#services.tenancy.door === null) return null
    const head = { ...NO_CREDENTIALS, guest: this.#guest, address }
    // Without an authenticator there is nothing to wait for.
    const found = this.#gate.admit(head, 'traces') as Passage | RpcStatus
    if (isStatus(found)) return found
    const { room } = this.#intake
    return new Admission(found, found.account === null ? room : room.of(found.account), NO_BOOKS)
  }

  #end(verdict: Verdict, admission: Admission | null): void {
    admission?.end()
    if (verdict !== null && isStatus(verdict)) this.#refuse(verdict)
  }

  #refuse(status: RpcStatus): void {
    countRefusal(status, this.#counters)
    this.drop(this.#reasonOf(status), status.message)
  }

  #reasonOf(status: RpcStatus): DropReason {
    const { code, violations, retryDelayMs } = status
    if (code === GRPC.INVALID_ARGUMENT) return violations === undefined ? 'refused' : 'malformed'
    if (code === GRPC.PERMISSION_DENIED) return 'denied'
    if (code === GRPC.RESOURCE_EXHAUSTED) return retryDelayMs === undefined ? 'too_large' : 'quota'
    if (!isOverloaded(status)) return 'refused'
    return this.isClosing ? 'shutdown' : 'memory'
  }
}

function isOverloaded(status: RpcStatus): boolean {
  return status.code === GRPC.UNAVAILABLE && status.retryDelayMs !== undefined
}
