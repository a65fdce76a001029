/**
 * The connections of a server, bounded in all and by address. Where there are too many, those on which nobody has shown
 * that it means well go first, the oldest of them: who only connects cannot lock others out.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'

export interface GuestLimits {
  /** 0: no limit. */
  readonly maxConnections: number
  /** From one address; 0: no limit. */
  readonly maxPerAddress: number
}

export const NO_GUEST_LIMITS: GuestLimits = { maxConnections: 0, maxPerAddress: 0 }

/** What a connection is counted for, once it is known. */
export interface GuestHolder {
  disconnected(): void
}

/** Every guest is looked at to find who has most; not more often than this, whatever comes. */
const CENSUS_MS = 20
/** A group with fewer connections is not asked to give one up. */
const LEAST_GROUP = 8

/** One connection, from the moment at which it was accepted. */
export class Guest {
  /** Without port, v4-mapped addresses as v4; empty for unix sockets. */
  readonly address: string
  /** A request on it was let in. Such connections go last. */
  isProven = false
  /** It is not counted any more, though what is going on on it may be served to its end. */
  isGone = false
  /** Counts it; told when it ends. */
  holder: GuestHolder | null = null
  /** Set by the server: nothing is going on, so that it may be ended at once. */
  isIdle: () => boolean = () => true
  /** Set by the server: ends it. */
  evict: () => void
  readonly #book: Guests

  constructor(book: Guests, address: string, evict: () => void) {
    this.#book = book
    this.address = address
    this.evict = evict
  }

  prove(): void {
    if (this.isProven) return
    this.isProven = true
    this.#book.proved(this)
  }

  /** Safe twice. */
  leave(): void {
    this.#book.left(this)
  }
}

export class Guests {
  readonly #limits: GuestLimits
  readonly #clock: Clock
  readonly #all = new Set<Guest>()
  /** The oldest first. */
  readonly #unproven = new Set<Guest>()
  readonly #byAddress = new Map<string, Set<Guest>>()
  #censusAtMs = Number.NEGATIVE_INFINITY

  constructor(limits: GuestLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  get size(): number {
    return this.#all.size
  }

  /** Null: there is no room for it, and nobody to make room. */
  enter(socket: Socket): Guest | null {
    const address = plainAddress(socket.remoteAddress)
    const { maxConnections, maxPerAddress } = this.#limits
    const neighbours = this.#byAddress.get(address)
    const isCrowded = maxPerAddress > 0 && (neighbours?.size ?? 0) >= maxPerAddress
    if (isCrowded && address !== '' && !this.#evict(firstUnproven(neighbours!))) return null
    if (maxConnections > 0 && this.#all.size >= maxConnections && !this.#makeRoom()) return null
    const guest = new Guest(this, address, () => socket.destroy())
    this.#all.add(guest)
    this.#unproven.add(guest)
    const group = this.#byAddress.get(address)
    if (group === undefined) this.#byAddress.set(address, new Set([guest]))
    else group.add(guest)
    return guest
  }

  proved(guest: Guest): void {
    this.#unproven.delete(guest)
  }

  left(guest: Guest): void {
    if (!this.#all.delete(guest)) return
    guest.isGone = true
    this.#unproven.delete(guest)
    const group = this.#byAddress.get(guest.address)
    group?.delete(guest)
    if (group?.size === 0) this.#byAddress.delete(guest.address)
    guest.holder?.disconnected()
    guest.holder = null
  }

  #makeRoom(): boolean {
    const [oldest] = this.#unproven
    return this.#evict(oldest ?? this.#idleOfTheLargest())
  }

  #evict(guest: Guest | undefined): boolean {
    if (guest === undefined) return false
    this.left(guest)
    guest.evict()
    return true
  }

  /** An idle connection of the tenant, or the address, that has most of them. */
  #idleOfTheLargest(): Guest | undefined {
    const nowMs = this.#clock.monotonic()
    if (nowMs - this.#censusAtMs < CENSUS_MS) return undefined
    this.#censusAtMs = nowMs
    const groups = new Map<GuestHolder | string, number>()
    for (const guest of this.#all) {
      const group = guest.holder ?? guest.address
      groups.set(group, (groups.get(group) ?? 0) + 1)
    }
    const [largest, size] = [...groups].sort((a, b) => b[1] - a[1])[0] ?? ['', 0]
    if (size < LEAST_GROUP) return undefined
    for (const guest of this.#all) {
      if ((guest.holder ?? guest.address) === largest && guest.isIdle()) return guest
    }
    return undefined
  }
}

function firstUnproven(guests: Iterable<Guest>): Guest | undefined {
  for (const guest of guests) if (!guest.isProven) return guest
  return undefined
}

/** `::ffff:192.0.2.7` is 192.0.2.7, and `fe80::1%eth0` is fe80::1: lists of addresses and limits must not depend on how the server listens. */
export function plainAddress(remote: string | undefined): string {
  if (remote === undefined) return ''
  if (remote.startsWith('::ffff:') && remote.includes('.')) return remote.slice(7)
  const zone = remote.indexOf('%')
  return zone < 0 ? remote : remote.slice(0, zone)
}

/** For servers with TLS, where the socket that was accepted and the one that requests come on are two. */
export class TlsGuests {
  readonly #guests: Guests
  readonly #byPeer = new Map<string, Guest>()

  constructor(guests: Guests) {
    this.#guests = guests
  }

  /** False: there is no room. */
  accepted(raw: Socket): boolean {
    const guest = this.#guests.enter(raw)
    if (guest === null) return false
    const peer = peerKey(raw)
    this.#byPeer.set(peer, guest)
    raw.once('close', () => {
      if (this.#byPeer.get(peer) === guest) this.#byPeer.delete(peer)
      guest.leave()
    })
    return true
  }

  of(secure: Socket): Guest | undefined {
    return this.#byPeer.get(peerKey(secure))
  }
}

/** A connection is named by its peer; unix sockets have none and share a name, which only TLS over them would notice. */
function peerKey({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
