/** Room for bodies: every byte is reserved in the process-wide budget before it is kept, and buffers are used again. */
import type { MemoryBudget } from '../../core/memory.ts'
import { busy } from '../../core/outcome.ts'
import type { Room } from '../../net/body-buffer.ts'
import { type RpcStatus, statusOfOutcome } from '../../net/status.ts'
import { statusOfTurnedAway } from '../../tenancy/gate/gate.ts'
import { BufferPool } from '../../util/buffer-pool.ts'
import { type MemoryShare, TenantMemory } from './tenant-memory.ts'

/** Smaller ones come out of Node's shared slabs, which must never get into the pool. */
const POOLED_BYTES = 4096
const FULL_ENOUGH = 0.75
const MAX_POOL_BYTES = 32 << 20

export class ReservedRoom implements Room {
  readonly memory: MemoryBudget
  readonly #pool: BufferPool
  /** For payloads whose whole reservation is their length. */
  readonly release = {
    onFree: (bytes: Uint8Array, reusable: boolean) => this.#free(bytes, reusable),
  }

  /** By the account: it lives as long as that one does. */
  readonly #ofTenants = new WeakMap<MemoryShare, TenantRoom>()

  constructor(memory: MemoryBudget, pool?: BufferPool) {
    this.memory = memory
    this.#pool = pool ?? new BufferPool(Math.min(MAX_POOL_BYTES, memory.limitBytes / 8))
  }

  /** The same room, of which a tenant may take its share. */
  of(account: MemoryShare): TenantRoom {
    let room = this.#ofTenants.get(account)
    if (room === undefined) {
      room = new TenantRoom(new TenantMemory(this.memory, account), this.#pool)
      this.#ofTenants.set(account, room)
    }
    return room
  }

  reserve(bytes: number): Uint8Array | RpcStatus {
    if (!this.memory.tryReserve(bytes)) return this.busy()
    return this.#take(bytes)
  }

  #take(bytes: number): Uint8Array {
    return bytes < POOLED_BYTES ? Buffer.allocUnsafe(bytes) : this.#pool.take(bytes)
  }

  /** What would leave much of its buffer unused moves into one of its size. */
  fit(buffer: Uint8Array, length: number): Uint8Array {
    this.memory.free(buffer.length - length)
    const part = buffer.subarray(0, length)
    if (length >= buffer.length * FULL_ENOUGH) return part
    const small = this.#take(length)
    small.set(part)
    if (buffer.length >= POOLED_BYTES) this.#pool.give(buffer)
    return small
  }

  giveBack(buffer: Uint8Array): void {
    this.#free(buffer, true)
  }

  /** What to answer when the budget has no room. */
  busy(): RpcStatus {
    return statusOfOutcome(busy(this.memory.retryAfterMs(), 'overloaded'))
  }

  #free(bytes: Uint8Array, reusable: boolean): void {
    this.memory.free(bytes.length)
    if (reusable && bytes.length >= POOLED_BYTES) this.#pool.give(bytes)
  }
}

export class TenantRoom extends ReservedRoom {
  readonly #own: TenantMemory

  constructor(memory: TenantMemory, pool: BufferPool) {
    super(memory, pool)
    this.#own = memory
  }

  /** A body that is in already becomes the tenant's; or what to answer, and the caller still has it. */
  adopt(bytes: number): RpcStatus | null {
    return this.#own.adopt(bytes) ? null : this.busy()
  }

  disown(bytes: number): void {
    this.#own.disown(bytes)
  }

  override busy(): RpcStatus {
    const away = this.#own.refusal()
    return away === null ? super.busy() : statusOfTurnedAway(away)
  }
}
