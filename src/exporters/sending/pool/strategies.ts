/** How one of several endpoints is chosen for a request. Which of them may be chosen at all is said elsewhere. */
import type { Batch } from '../../../core/batch.ts'
import type { Clock } from '../../../core/clock.ts'
import { hashOfFirstTrace } from './by-trace.ts'
import type { BalancingConfig } from './config.ts'
import type { Endpoint } from './endpoint.ts'
import { hashText } from './hash.ts'
import { KeyedChoice, type KeyOf } from './keyed.ts'

export interface Strategy {
  /** `from` has at least one. */
  choose(from: readonly Endpoint[], batch: Batch): Endpoint
}

export interface StrategyOptions {
  readonly clock: Clock
  readonly random: () => number
}

export function createStrategy(config: BalancingConfig, options: StrategyOptions): Strategy {
  const { random, clock } = options
  switch (config.strategy) {
    case 'round_robin':
      return new RoundRobin()
    case 'weighted':
      return new WeightedTurns()
    case 'least_requests':
      return new BetterOfTwo(random, least)
    case 'latency':
      return new BetterOfTwo(random, endpoint => expectedMs(endpoint, clock.monotonic()))
    case 'ip_hash':
      return new KeyedChoice(hashOfPeer)
    case 'consistent_hash':
      return new KeyedChoice(keyOf(config))
  }
}

class RoundRobin implements Strategy {
  #turn = 0

  choose(from: readonly Endpoint[]): Endpoint {
    this.#turn = (this.#turn + 1) % 0x3fff_ffff
    return from[this.#turn % from.length]
  }
}

/** Smooth weighted turns: 5, 1, 1 gives a a b a c a a, not a a a a a b c. */
class WeightedTurns implements Strategy {
  choose(from: readonly Endpoint[]): Endpoint {
    let total = 0
    let best = from[0]
    for (const endpoint of from) {
      endpoint.credit += endpoint.weight
      total += endpoint.weight
      if (endpoint.credit > best.credit) best = endpoint
    }
    best.credit -= total
    return best
  }
}

/**
 * Of two at random, the one with the lower cost. Nearly as good as the best of all, and many gateways that look at the
 * same figures do not all run to the same endpoint (Mitzenmacher, "The power of two choices").
 */
class BetterOfTwo implements Strategy {
  readonly #random: () => number
  readonly #costOf: (endpoint: Endpoint) => number

  constructor(random: () => number, costOf: (endpoint: Endpoint) => number) {
    this.#random = random
    this.#costOf = costOf
  }

  choose(from: readonly Endpoint[]): Endpoint {
    if (from.length === 1) return from[0]
    const i = Math.floor(this.#random() * from.length)
    const j = (i + 1 + Math.floor(this.#random() * (from.length - 1))) % from.length
    return this.#costOf(from[j]) < this.#costOf(from[i]) ? from[j] : from[i]
  }
}

function least({ inFlight, weight }: Endpoint): number {
  return (inFlight + 1) / weight
}

/** How long a request would take that comes last of those in flight. */
function expectedMs({ latency, inFlight, weight }: Endpoint, nowMs: number): number {
  return ((latency.at(nowMs) + 0.01) * (inFlight + 1)) / weight
}

function keyOf({ hash_on, hash_metadata_key }: BalancingConfig): KeyOf {
  if (hash_on === 'peer') return hashOfPeer
  if (hash_on === 'trace_id') return hashOfFirstTrace
  if (hash_on === 'tenant') return ({ tenant }) => hashText(tenant)
  const key = hash_metadata_key.toLowerCase()
  return ({ context, tenant }) => {
    const values = context.metadata.get(key)
    return values === undefined ? hashText(tenant) : hashText(values.join('\n'))
  }
}

/** Without the port, which is another for each connection. Unknown peers go by tenant. */
function hashOfPeer({ context, tenant }: Batch): number {
  const { peer } = context
  if (peer === '') return hashText(tenant)
  return hashText(peer.slice(0, peer.lastIndexOf(':')))
}
