/** Attributes that say what was redacted, under upstream's names. They add up over several processors in a row. */
import { compareText } from '../../rules/compare.ts'
import type { KeyedTarget } from '../../rules/function.ts'
import type { RedactionConfig } from './config.ts'

const SEPARATOR = ','

/** What happened to the keys of one map of attributes, or of one body. */
export class Tally {
  readonly redacted: string[] = []
  readonly masked: string[] = []
  readonly allowed: string[] = []
  ignored = 0

  reset(): this {
    this.redacted.length = 0
    this.masked.length = 0
    this.allowed.length = 0
    this.ignored = 0
    return this
  }
}

/** They stay without being listed; the other names do not, as in upstream. */
export const KEPT_NAMES: readonly string[] = [
  'redaction.redacted.keys',
  'redaction.redacted.count',
  'redaction.masked.keys',
  'redaction.masked.count',
  'redaction.ignored.count',
]

export class Summary {
  readonly #level: RedactionConfig['summary']
  readonly #prefix: string

  /** `prefix` is what the names begin with, up to the last dot. */
  constructor(level: RedactionConfig['summary'], prefix: string) {
    this.#level = level
    this.#prefix = prefix
  }

  write(target: KeyedTarget, scope: unknown, tally: Tally): void {
    if (this.#level !== 'info' && this.#level !== 'debug') return
    for (const what of ['redacted', 'masked', 'allowed'] as const) {
      this.#list(target, scope, what, tally[what])
    }
    this.#count(target, scope, 'ignored', tally.ignored)
  }

  #list(target: KeyedTarget, scope: unknown, what: string, keys: readonly string[]): void {
    if (keys.length === 0) return
    if (this.#level === 'debug') {
      const name = `${this.#prefix}.${what}.keys`
      const before = target.getKey(scope, name)
      const earlier = typeof before === 'string' && before !== '' ? before.split(SEPARATOR) : []
      const all = [...keys, ...earlier].sort(compareText)
      target.setKey(scope, name, all.join(SEPARATOR))
    }
    this.#count(target, scope, what, keys.length)
  }

  #count(target: KeyedTarget, scope: unknown, what: string, count: number): void {
    if (count === 0) return
    const name = `${this.#prefix}.${what}.count`
    const before = target.getKey(scope, name)
    const sum = BigInt(count) + (typeof before === 'bigint' ? before : 0n)
    target.setKey(scope, name, BigInt.asIntN(64, sum))
  }
}
