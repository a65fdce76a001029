/** The live rule set and those before it, so that a bad change can be taken back. */
import type { RuleOrigin, RuleSetView } from '../../core/rule-control.ts'
import type { Engine } from './engine.ts'
import type { RuleSet } from './rule-set.ts'

/** Sets that are kept, the live one among them. */
export const MAX_KEPT = 10

export interface KeptSet {
  readonly set: RuleSet
  /** Ready to run again. */
  readonly engine: Engine
  readonly sinceMs: number
  readonly origin: RuleOrigin
}

export class KeptSets {
  /** Newest first; the first is live. */
  #sets: readonly KeptSet[] = []

  get live(): KeptSet | undefined {
    return this.#sets[0]
  }

  /** The live one excepted. */
  get others(): readonly KeptSet[] {
    return this.#sets.slice(1)
  }

  /** A set with the same text takes the place of the older one. */
  add(kept: KeptSet): void {
    const others = this.#sets.filter(each => each.set.hash !== kept.set.hash)
    this.#sets = [kept, ...others].slice(0, MAX_KEPT)
  }

  /** By the first letters of its hash, or the newest. */
  find(hash?: string): KeptSet | undefined {
    const [, ...others] = this.#sets
    return hash === undefined ? others[0] : others.find(each => each.set.hash.startsWith(hash))
  }
}

export function viewOf({ set, sinceMs, origin }: KeptSet): RuleSetView {
  return { hash: set.hash, files: set.files, rules: set.rules.length, sinceMs, origin }
}
