/** The network that decides now. New weights come in by one assignment between two batches; the last ones stay at hand. */
import type { Model, VectorLayout } from './model.ts'
import { PlainNetwork } from './network.ts'
import { isSound, type NetworkWeights } from './network-weights.ts'

export interface NetworkVersion {
  readonly version: string
  readonly weights: NetworkWeights
  readonly sinceMs: number
}

/** May hold memory outside of the heap. */
export interface BuiltNetwork extends Model {
  dispose?(): void
}

/** Makes what scores by these weights; the plain one unless a library back end is in use. */
export type NetworkBuilder = (version: string, weights: NetworkWeights) => BuiltNetwork

/** Versions that can be brought back, without the live one. */
export const KEPT_VERSIONS = 3

export class LiveNetwork implements Model {
  readonly name = 'network'
  readonly layout: VectorLayout
  readonly #build: NetworkBuilder
  #live: NetworkVersion
  #model: BuiltNetwork
  #kept: NetworkVersion[] = []

  /** Throws a RangeError if the layout lacks what the weights read. */
  constructor(
    layout: VectorLayout,
    first: NetworkVersion,
    build: NetworkBuilder = (version, weights) =>
      new PlainNetwork('network', version, weights, layout),
  ) {
    this.layout = layout
    this.#build = build
    this.#live = first
    this.#model = build(first.version, first.weights)
  }

  get version(): string {
    return this.#live.version
  }

  get live(): NetworkVersion {
    return this.#live
  }

  /** Newest first. */
  get kept(): readonly NetworkVersion[] {
    return this.#kept
  }

  score(vectors: Float32Array, count: number, out: Float32Array): void {
    this.#model.score(vectors, count, out)
  }

  /** False, and nothing changed, if a weight is not finite. */
  swap(next: NetworkVersion): boolean {
    if (!isSound(next.weights)) return false
    const before = this.#live
    this.#put(next)
    this.#kept = [before, ...this.#kept].slice(0, KEPT_VERSIONS)
    return true
  }

  /** Brings back the version before the live one, which is forgotten. Its name, or null if there is none. */
  rollback(nowMs: number): string | null {
    const before = this.#kept.shift()
    if (before === undefined) return null
    this.#put({ ...before, sinceMs: nowMs })
    return before.version
  }

  #put(next: NetworkVersion): void {
    const old = this.#model
    this.#model = this.#build(next.version, next.weights)
    this.#live = next
    old.dispose?.()
  }
}
