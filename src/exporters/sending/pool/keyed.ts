/**
 * Requests with one key go to one endpoint, and when endpoints come or go only the keys of these move: each endpoint gets a
 * number for each key, and the greatest wins (rendezvous hashing, Thaler and Ravishankar). With a few dozen endpoints that
 * is as fast as a ring, needs no table, and splits by weights exactly. The numbers depend on names only, so that all
 * gateways with the same list choose alike.
 */
import type { Batch } from '../../../core/batch.ts'
import type { Endpoint } from './endpoint.ts'
import { mix } from './hash.ts'
import type { Strategy } from './strategies.ts'

/** 32 bits of what a request belongs to. */
export type KeyOf = (batch: Batch) => number

export class KeyedChoice implements Strategy {
  readonly #keyOf: KeyOf

  constructor(keyOf: KeyOf) {
    this.#keyOf = keyOf
  }

  choose(from: readonly Endpoint[], batch: Batch): Endpoint {
    return this.chooseFor(from, this.#keyOf(batch))
  }

  // hot: bench/micro/sending.ts
  chooseFor(from: readonly Endpoint[], key: number): Endpoint {
    let best = from[0]
    let most = Number.NEGATIVE_INFINITY
    const isEven = from.every(({ weight }) => weight === best.weight)
    for (const endpoint of from) {
      const number = mix(key ^ endpoint.seed)
      // With equal weights the scores stand in the order of the numbers.
      const score = isEven ? number : scoreOf(number, endpoint.weight)
      if (score > most) {
        best = endpoint
        most = score
      }
    }
    return best
  }
}

/** Greatest for each endpoint in proportion to its weight. */
function scoreOf(hash: number, weight: number): number {
  return -weight / Math.log((hash + 0.5) / 0x1_0000_0000)
}
