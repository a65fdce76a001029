/** One request behind the door: who it is of, and where the room for its body comes from until it is answered. */
import type { Admitted } from '../../net/admission.ts'
import type { RpcStatus } from '../../net/status.ts'
import type { Passage } from '../../tenancy/gate/gate.ts'
import type { ReservedRoom } from './room.ts'
import { isStatus } from './unpack.ts'

/** Who books requests that end while their body comes. */
export interface RefusalBooks {
  refused(admission: Admission, status: RpcStatus): void
}

export class Admission implements Admitted {
  /** Null until it is known who sends, and for good when that one is not let in. */
  passage: Passage | null
  /** Why it is not let in, where that was found out while the body came. */
  denied: RpcStatus | null = null
  /** Resolves when one of both is known; null if it is already. */
  pending: Promise<void> | null = null
  /** The tenant's, once that is known. */
  room: ReservedRoom
  /** Of the body, as far as it has come. */
  heldBytes = 0
  readonly #books: RefusalBooks
  #isOver = false

  constructor(passage: Passage | null, room: ReservedRoom, books: RefusalBooks) {
    this.passage = passage
    this.room = room
    this.#books = books
  }

  /** The authenticator has answered. */
  settle(found: Passage | RpcStatus): void {
    this.pending = null
    if (isStatus(found)) this.denied = found
    else if (this.#isOver) found.end()
    else this.passage = found
  }

  reserve(bytes: number): Uint8Array | RpcStatus {
    const found = this.room.reserve(bytes)
    if (isStatus(found)) this.#books.refused(this, found)
    else this.heldBytes += bytes
    return found
  }

  fit(buffer: Uint8Array, length: number): Uint8Array {
    this.heldBytes -= buffer.length - length
    return this.room.fit(buffer, length)
  }

  giveBack(buffer: Uint8Array): void {
    this.heldBytes -= buffer.length
    this.room.giveBack(buffer)
  }

  abandon(): void {
    this.end()
  }

  /** The request is answered, or gone. Safe twice. */
  end(): void {
    this.#isOver = true
    this.passage?.end()
  }
}
