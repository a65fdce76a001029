/** Services and operations by number: names are compared by bytes, ids in paths are left out of them. */
import type { TenantId } from '../../core/batch.ts'
import { hasDigit, hashView, sameInViews } from './hash.ts'
import { CROWDED, NameTable } from './name-table.ts'
import { templateName } from './name-template.ts'

/** Distinct operations; what comes after counts to its service's overflow operation. */
export const MAX_OPERATIONS = 65_536
/** One service must not take the room of all others. */
export const MAX_OPERATIONS_OF_SERVICE = 8192
/** Distinct services; what comes after counts to one service that stands for all of them. */
export const MAX_SERVICES = 8192
/** More of a name does not count. */
export const MAX_NAME_BYTES = 256

const NO_TEXT = new Uint8Array(0)
const FIRST_ROOM = 256
/** Names as they come that are remembered with their operation, one for each place; a power of two. */
const RECENT = 4096
/** Words of a place: hash, service, kind and length, operation. */
const RECENT_WORDS = 4
/** Longer names are looked up anew each time. */
const RECENT_NAME = 64
/** No span has this kind. */
const OVERFLOW_KIND = 255

export interface OperationName {
  readonly tenant: TenantId
  readonly service: string
  /** Empty for the operation that stands for all that came after the limit. */
  readonly name: string
  readonly kind: number
}

/** Ids are dense from 0 and stay as they are. Operations: at most MAX_OPERATIONS, and one more for each service. */
export class Operations {
  readonly #tenants: readonly TenantId[]
  /** `owner` is the tenant. */
  #services = new NameTable()
  /** `owner` is the service. */
  #operations = new NameTable()
  /** By service. */
  #operationsOf = new Int32Array(FIRST_ROOM)
  #overflowOf = new Int32Array(FIRST_ROOM).fill(-1)
  /** By tenant: the service that stands for all after the limit. */
  readonly #overflowService: number[] = []
  #named = 0
  readonly #recent = new Int32Array(RECENT * RECENT_WORDS).fill(-1)
  readonly #recentNames = new DataView(new ArrayBuffer(RECENT * RECENT_NAME))
  readonly #template = new Uint8Array(MAX_NAME_BYTES * 2 + 8)

  /** Names of tenants by number; the list may grow. */
  constructor(tenants: readonly TenantId[]) {
    this.#tenants = tenants
  }

  /** Numbers given so far: all ids are below. */
  get count(): number {
    return this.#operations.count
  }

  get serviceCount(): number {
    return this.#services.count
  }

  /** Memory of the tables. */
  get bytesHeld(): number {
    return this.#services.bytesHeld + this.#operations.bytesHeld
  }

  /** Service of an operation. */
  serviceOf(operation: number): number {
    return this.#operations.owner(operation)
  }

  /** Number of a service name. */
  service(tenant: number, bytes: Uint8Array, from: number, to: number): number {
    const end = Math.min(to, from + MAX_NAME_BYTES)
    const known = this.#services.find(tenant, 0, bytes, from, end)
    if (known >= 0) return known
    const isFull = known === CROWDED || this.#services.count >= MAX_SERVICES
    if (!isFull) return this.#services.add(tenant, 0, bytes, from, end)
    this.#overflowService[tenant] ??= this.#services.add(tenant, OVERFLOW_KIND, NO_TEXT, 0, 0)
    return this.#overflowService[tenant]
  }

  // hot: bench/micro/assembly.ts
  /** Number of a span's name and kind. `view` is of the same bytes. */
  operation(
    service: number,
    kind: number,
    bytes: Uint8Array,
    view: DataView,
    from: number,
    to: number,
  ): number {
    const end = Math.min(to, from + MAX_NAME_BYTES)
    const hash = hashView(view, from, end, Math.imul(service, 0x2c1b3c6d) + kind)
    const place = hash & (RECENT - 1)
    const at = place * RECENT_WORDS
    const recent = this.#recent
    if (
      recent[at] === hash &&
      recent[at + 1] === service &&
      recent[at + 2] === ((kind << 8) | (end - from)) &&
      sameInViews(view, from, this.#recentNames, place * RECENT_NAME, end - from)
    ) {
      return recent[at + 3]
    }
    const operation = this.#find(service, kind, bytes, from, end)
    if (end - from > RECENT_NAME) return operation
    recent[at] = hash
    recent[at + 1] = service
    recent[at + 2] = (kind << 8) | (end - from)
    recent[at + 3] = operation
    for (let i = from, o = place * RECENT_NAME; i < end; i++) {
      this.#recentNames.setUint8(o++, bytes[i])
    }
    return operation
  }

  describe(operation: number): OperationName {
    const service = this.#operations.owner(operation)
    return {
      tenant: this.#tenants[this.#services.owner(service)],
      service: this.#services.text(service),
      name: this.#operations.text(operation),
      kind: this.#operations.kind(operation),
    }
  }

  serviceName(service: number): string {
    return this.#services.text(service)
  }

  /** All that have numbers, for `restore`. */
  snapshot(): Uint8Array {
    const services = this.#services.save()
    const operations = this.#operations.save()
    const bytes = new Uint8Array(services.length + operations.length)
    bytes.set(services)
    bytes.set(operations, services.length)
    return bytes
  }

  /** Gives the names of a snapshot their numbers again. False, and nothing changed: there are names already, or no snapshot. */
  restore(bytes: Uint8Array): boolean {
    if (this.#services.count > 0) return false
    const services = new NameTable()
    const operations = new NameTable()
    const after = services.load(bytes, 0, this.#tenants.length)
    if (after < 0 || operations.load(bytes, after, services.count) !== bytes.length) return false
    this.#services = services
    this.#operations = operations
    while (this.#operationsOf.length < services.count) this.#grow()
    for (let service = 0; service < services.count; service++) {
      if (services.kind(service) !== OVERFLOW_KIND) continue
      this.#overflowService[services.owner(service)] = service
    }
    for (let operation = 0; operation < operations.count; operation++) {
      const service = operations.owner(operation)
      if (operations.kind(operation) === OVERFLOW_KIND) this.#overflowOf[service] = operation
      else {
        this.#named++
        this.#operationsOf[service]++
      }
    }
    return true
  }

  #find(service: number, kind: number, bytes: Uint8Array, from: number, to: number): number {
    if (!hasDigit(bytes, from, to)) return this.#intern(service, kind, bytes, from, to)
    const length = templateName(bytes, from, to, this.#template)
    if (length < 0) return this.#intern(service, kind, bytes, from, to)
    return this.#intern(service, kind, this.#template, 0, length)
  }

  #intern(service: number, kind: number, bytes: Uint8Array, from: number, to: number): number {
    const known = this.#operations.find(service, kind, bytes, from, to)
    if (known >= 0) return known
    if (service >= this.#operationsOf.length) this.#grow()
    const isFull =
      known === CROWDED ||
      this.#named >= MAX_OPERATIONS ||
      this.#operationsOf[service] >= MAX_OPERATIONS_OF_SERVICE
    if (isFull) return this.#overflow(service)
    this.#named++
    this.#operationsOf[service]++
    return this.#operations.add(service, kind, bytes, from, to)
  }

  #overflow(service: number): number {
    const known = this.#overflowOf[service]
    if (known >= 0) return known
    const added = this.#operations.add(service, OVERFLOW_KIND, NO_TEXT, 0, 0)
    this.#overflowOf[service] = added
    return added
  }

  #grow(): void {
    const room = this.#operationsOf.length * 2
    const counts = new Int32Array(room)
    counts.set(this.#operationsOf)
    const overflow = new Int32Array(room).fill(-1)
    overflow.set(this.#overflowOf)
    this.#operationsOf = counts
    this.#overflowOf = overflow
    if (this.#services.count > room) this.#grow()
  }
}
