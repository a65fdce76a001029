/**
 * Requests with one key go to one endpoint, and when endpoints come or go only the keys of these move: each endpoint gets a
 * number for each key, and the greatest wins (rendezvous hashing, Thaler and Ravishankar). With a few dozen endpoints that
 * is as fast as a ring, needs no table, and splits by weights exactly. The numbers depend on names only, so that all
 * gateways with the same list choose alike.
 */
import type { Batch } from '../../../core/batch.ts'
import type { Endpoint } from './endpoint.ts'
import type { Strategy } from './strategies.ts'

/** 32 bits of what a request belongs to. */
export type KeyOf = (batch: Batch) => number

export class KeyedChoice implements Strategy {
  readonly #keyOf: KeyOf
  readonly #seeds = new WeakMap<Endpoint, number>()

  constructor(keyOf: KeyOf) {
    this.#keyOf = keyOf
  }

  choose(from: readonly Endpoint[], batch: Batch): Endpoint {
    return this.chooseFor(from, this.#keyOf(batch))
  }

  chooseFor(from: readonly Endpoint[], key: number): Endpoint {
    let best = from[0]
    let most = Number.NEGATIVE_INFINITY
    for (const endpoint of from) {
      const score = scoreOf(mix(key ^ this.#seedOf(endpoint)), endpoint.weight)
      if (score > most) {
        best = endpoint
        most = score
      }
    }
    return best
  }

  #seedOf(endpoint: Endpoint): number {
    let seed = this.#seeds.get(endpoint)
    if (seed === undefined) this.#seeds.set(endpoint, (seed = hashText(endpoint.name)))
    return seed
  }
}

/** FNV-1a over UTF-16 units, mixed. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

/** The same over bytes. */
export function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193)
  return mix(hash)
}

/** The last steps of MurmurHash3, which spread every bit of the input over all bits. */
function mix(bits: number): number {
  let hash = bits
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Greatest for each endpoint in proportion to its weight. */
function scoreOf(hash: number, weight: number): number {
  return -weight / Math.log((hash + 0.5) / 0x1_0000_0000)
}
