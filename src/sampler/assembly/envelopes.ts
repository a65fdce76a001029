/**
 * What stands around spans: a resource's fields and a scope's fields, kept once for all spans that have the same bytes there.
 * Unknown fields are kept too. An envelope without spans stays for a while, as its sender will mostly send again.
 */
import { hashBytes, sameBytes } from './hash.ts'
import type { Room } from './room.ts'

/** What one envelope takes beside its bytes: the array object and its columns. */
export const ENVELOPE_OVERHEAD = 256
/** Envelopes without spans that are looked at in one sweep. */
const SWEPT = 256
const FIRST_ENVELOPES = 256
/** Against senders who make chains long: beyond, the same bytes may be kept twice. */
const MAX_LOOKS = 64

/** Columns of an envelope. `OWNER`: of a scope its resource's envelope, of a resource the tenant. */
const OWNER = 0
const IS_SCOPE = 1
const REFERENCES = 2
const SERVICE = 3
const HASH = 4
/** 1 = used since the last sweep. */
const USED = 5
/** Next in its chain of the table or of the free ones. */
const CHAIN = 6
const COLUMNS = 7

const NO_BYTES = new Uint8Array(0)

export class Envelopes {
  readonly #room: Room
  /** By number; empty and without owner when free. */
  readonly #bytes: Uint8Array[] = []
  #columns = new Int32Array(FIRST_ENVELOPES * COLUMNS)
  /** First envelope of each chain + 1. */
  #chains = new Int32Array(FIRST_ENVELOPES * 2)
  #free = -1
  #count = 0
  /** Of these without spans. */
  #idle = 0
  #swept = 0

  constructor(room: Room) {
    this.#room = room
  }

  /** Envelopes that are kept. */
  get count(): number {
    return this.#count
  }

  bytes(envelope: number): Uint8Array {
    return this.#bytes[envelope]
  }

  /** Of a scope's envelope. */
  resourceOf(scope: number): number {
    return this.#columns[scope * COLUMNS + OWNER]
  }

  /** Of a resource's envelope: the number of its service name, -1 before `setService`. */
  service(resource: number): number {
    return this.#columns[resource * COLUMNS + SERVICE]
  }

  setService(resource: number, service: number): void {
    this.#columns[resource * COLUMNS + SERVICE] = service
  }

  /** Number of the envelope with the first `length` of these bytes; room must have been ensured. Held until `release`. */
  hold(owner: number, isScope: boolean, bytes: Uint8Array, length: number): number {
    const hash = hashBytes(bytes, 0, length, Math.imul(owner, 2) + (isScope ? 1 : 0))
    const columns = this.#columns
    const scope = isScope ? 1 : 0
    let e = this.#chains[hash & (this.#chains.length - 1)] - 1
    for (let looks = 0; e >= 0 && looks < MAX_LOOKS; looks++) {
      const at = e * COLUMNS
      const kept = this.#bytes[e]
      if (
        columns[at + HASH] === hash &&
        columns[at + OWNER] === owner &&
        columns[at + IS_SCOPE] === scope &&
        kept.length === length &&
        sameBytes(kept, 0, bytes, 0, length)
      ) {
        if (columns[at + REFERENCES]++ === 0) this.#idle--
        columns[at + USED] = 1
        return e
      }
      e = columns[at + CHAIN]
    }
    return this.#add(owner, scope, bytes.slice(0, length), hash)
  }

  retain(envelope: number, times: number): void {
    const at = envelope * COLUMNS + REFERENCES
    if (this.#columns[at] === 0) this.#idle--
    this.#columns[at] += times
    if (this.#columns[at] === 0) this.#idle++
  }

  release(envelope: number): void {
    if (--this.#columns[envelope * COLUMNS + REFERENCES] === 0) this.#idle++
  }

  /** Lets go of some that had no spans for a whole round of sweeps. With `all` of everything that has none now. */
  sweep(all = false): void {
    if (this.#idle === 0) return
    const total = this.#bytes.length
    const looks = all ? total : Math.min(SWEPT, total)
    for (let i = 0; i < looks; i++) {
      this.#swept = this.#swept + 1 < total ? this.#swept + 1 : 0
      const at = this.#swept * COLUMNS
      if (this.#columns[at + OWNER] < 0 || this.#columns[at + REFERENCES] > 0) continue
      if (this.#columns[at + USED] === 1 && !all) this.#columns[at + USED] = 0
      else this.#remove(this.#swept)
    }
  }

  #add(owner: number, scope: number, bytes: Uint8Array, hash: number): number {
    const envelope = this.#takeNumber()
    this.#room.take(bytes.length + ENVELOPE_OVERHEAD)
    this.#bytes[envelope] = bytes
    this.#count++
    const columns = this.#columns
    const at = envelope * COLUMNS
    columns[at + OWNER] = owner
    columns[at + IS_SCOPE] = scope
    columns[at + REFERENCES] = 1
    columns[at + SERVICE] = -1
    columns[at + HASH] = hash
    columns[at + USED] = 1
    this.#link(envelope)
    // A scope needs its resource.
    if (scope === 1) this.retain(owner, 1)
    return envelope
  }

  #takeNumber(): number {
    if (this.#free >= 0) {
      const envelope = this.#free
      this.#free = this.#columns[envelope * COLUMNS + CHAIN]
      return envelope
    }
    const envelope = this.#bytes.length
    this.#bytes.push(NO_BYTES)
    if ((envelope + 1) * COLUMNS > this.#columns.length) this.#grow()
    return envelope
  }

  #remove(envelope: number): void {
    const columns = this.#columns
    const at = envelope * COLUMNS
    const chain = columns[at + HASH] & (this.#chains.length - 1)
    let previous = -1
    let e = this.#chains[chain] - 1
    for (; e !== envelope; e = columns[e * COLUMNS + CHAIN]) previous = e
    if (previous < 0) this.#chains[chain] = columns[at + CHAIN] + 1
    else columns[previous * COLUMNS + CHAIN] = columns[at + CHAIN]
    if (columns[at + IS_SCOPE] === 1) this.release(columns[at + OWNER])
    this.#room.give(this.#bytes[envelope].length + ENVELOPE_OVERHEAD)
    this.#bytes[envelope] = NO_BYTES
    columns[at + OWNER] = -1
    columns[at + CHAIN] = this.#free
    this.#free = envelope
    this.#count--
    this.#idle--
  }

  #link(envelope: number): void {
    const at = envelope * COLUMNS
    const chain = this.#columns[at + HASH] & (this.#chains.length - 1)
    this.#columns[at + CHAIN] = this.#chains[chain] - 1
    this.#chains[chain] = envelope + 1
  }

  #grow(): void {
    const columns = new Int32Array(this.#columns.length * 2)
    columns.set(this.#columns)
    this.#columns = columns
    this.#chains = new Int32Array(this.#chains.length * 2)
    for (let e = 0; e < this.#bytes.length - 1; e++) this.#link(e)
  }
}
