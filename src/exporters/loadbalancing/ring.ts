/**
 * The consistent hash ring: which backend answers for a key. Positions are computed as the Go collector's exporter
 * computes them, so that gateways of both kinds in one tier send the same key to the same backend.
 *
 * ```
 * 0 ... [a] .. [c] ....... [b] . [a] ... 131070      200 points a backend; a key belongs to the next point,
 *          key --^                                    after the last one to the first
 * ```
 */
import { crc32 } from '../../util/crc32.ts'

/** Of the ring; a prime, as upstream's. */
export const POSITIONS = 131_071
const POINTS = 200
/** A point whose place is taken goes so far ahead to find another; then it is left out. */
const PROBES = 10

interface Point {
  readonly position: number
  readonly hash: number
  readonly endpoint: string
  /** Of the endpoint in the list that the ring was made of. */
  readonly owner: number
}

/** Where a key stands on the ring. */
export function positionOf(key: Uint8Array, start = 0, end = key.length): number {
  return crc32(key, start, end) % POSITIONS
}

export function positionOfText(key: string): number {
  return positionOf(Buffer.from(key))
}

export class HashRing {
  readonly endpoints: readonly string[]
  /** In order along the ring. */
  readonly #owners: Uint16Array
  /** By position: number of the point that it belongs to. */
  readonly #next: Uint32Array

  /** At most 65,535 endpoints. */
  constructor(endpoints: readonly string[]) {
    this.endpoints = endpoints
    const points = place(endpoints)
    this.#owners = Uint16Array.from(points, ({ owner }) => owner)
    this.#next = new Uint32Array(points.length === 0 ? 0 : POSITIONS)
    let point = 0
    for (let position = 0; position < this.#next.length; position++) {
      while (point < points.length && points[point].position < position) point++
      this.#next[position] = point === points.length ? 0 : point
    }
  }

  get isEmpty(): boolean {
    return this.#owners.length === 0
  }

  /** Number of the endpoint that a position belongs to; the ring may not be empty. */
  ownerOf(position: number): number {
    return this.#owners[this.#next[position]]
  }

  /** The first owner from a position on of whom `suits` holds; -1 when it holds of none. */
  findOwner(position: number, suits: (owner: number) => boolean): number {
    const asked = new Set<number>()
    const from = this.#next[position]
    for (let i = 0; i < this.#owners.length; i++) {
      const owner = this.#owners[(from + i) % this.#owners.length]
      if (asked.has(owner)) continue
      if (suits(owner)) return owner
      asked.add(owner)
      if (asked.size === this.endpoints.length) break
    }
    return -1
  }
}

function place(endpoints: readonly string[]): { position: number; owner: number }[] {
  const taken = new Set<number>()
  const placed: { position: number; owner: number }[] = []
  for (const { position, owner } of endpoints.flatMap(pointsOf).sort(inOrder)) {
    let at = position
    let probes = 0
    while (taken.has(at) && probes < PROBES) {
      at = (at + 1) % POSITIONS
      probes++
    }
    if (probes >= PROBES) continue
    taken.add(at)
    placed.push({ position: at, owner })
  }
  return placed.sort((a, b) => a.position - b.position)
}

function pointsOf(endpoint: string, owner: number): Point[] {
  const name = Buffer.from(endpoint)
  const seed = Buffer.concat([name, Buffer.alloc(4)])
  return Array.from({ length: POINTS }, (_, i) => {
    seed.writeUInt32LE(i, name.length)
    const hash = crc32(seed)
    return { position: hash % POSITIONS, hash, endpoint, owner }
  })
}

function inOrder(a: Point, b: Point): number {
  if (a.position !== b.position) return a.position - b.position
  if (a.hash !== b.hash) return a.hash - b.hash
  return a.endpoint < b.endpoint ? -1 : a.endpoint > b.endpoint ? 1 : 0
}
