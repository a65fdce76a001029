/**
 * What policies ask of single spans and resources, gathered from all of them so that each question is answered once, when a span
 * arrives. A trace keeps one bit for each: whether any of its spans has said yes.
 *
 * ```
 * words of a trace:  plain conditions, 1 bit each | pairs of OTTL conditions, 2 bits each: holds, failed
 * ```
 * Of a pair only the first answer other than no counts, as if the spans were asked one after another.
 */
import type { CompiledCondition } from '../../rules/compile.ts'
import type { PredicateSet } from '../../rules/predicate/predicate-set.ts'
import type { ErrorMode } from '../../rules/sequence.ts'

const BITS = 32

export type PlainCondition =
  | { readonly kind: 'text'; readonly key: string; readonly values: readonly string[] }
  | {
      readonly kind: 'pattern'
      readonly key: string
      readonly patterns: readonly string[]
      readonly cacheSize: number
    }
  | { readonly kind: 'number'; readonly key: string; readonly min: number; readonly max: number }
  | { readonly kind: 'boolean'; readonly key: string; readonly value: boolean }
  /** Bit n: status code n. */
  | { readonly kind: 'status'; readonly codes: number }
  | { readonly kind: 'sampled flag' }
  | { readonly kind: 'state'; readonly key: string; readonly values: readonly string[] }
  /** The spans so far took more than `min` and at most `max` milliseconds together. */
  | { readonly kind: 'took'; readonly min: number; readonly max: number }

export interface OttlCondition {
  readonly errorMode: ErrorMode
  readonly span: readonly CompiledCondition[]
  readonly spanevent: readonly CompiledCondition[]
  /** Those on spans, over slots; null when there are none. */
  readonly predicates: PredicateSet | null
}

export class Conditions {
  readonly plain: PlainCondition[] = []
  readonly ottl: OttlCondition[] = []
  readonly #known = new Map<string, number>()

  /** Its number; the same for equal ones. */
  add(condition: PlainCondition): number {
    const key = JSON.stringify(condition)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const number = this.plain.push(condition) - 1
    this.#known.set(key, number)
    return number
  }

  addOttl(condition: OttlCondition): number {
    return this.ottl.push(condition) - 1
  }

  get plainWords(): number {
    return Math.ceil(this.plain.length / BITS)
  }

  get words(): number {
    return this.plainWords + Math.ceil((2 * this.ottl.length) / BITS)
  }
}

/** Adds the bits of one span to those of its trace. `plainWords` of them are plain, the rest pairs. */
// hot: bench/micro/tail-sampling.ts
export function mergeBits(word: number, plainWords: number, before: number, bits: number): number {
  if (word < plainWords) return before | bits
  const answered = before | ((before << 1) & HIGH_BITS) | ((before >>> 1) & LOW_BITS)
  return before | (bits & ~answered)
}

const LOW_BITS = 0x55555555
const HIGH_BITS = 0xaaaaaaaa
