/**
 * Regular expressions that are nothing but literals with anchors, as comparisons of bytes: `^/(healthz|readyz)$`, `^GET `,
 * `\.internal$`, `error`. Everything else is left to the engine. Literals are compared as UTF-8, which texts on the wire are.
 */

export interface BytePattern {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains'
  /** It matches when one of them does. */
  readonly literals: readonly string[]
}

/** Characters that mean something other than themselves. */
const META = '\\^$.|?*+()[]{}'
/** Expanding `(a|b)(c|d)` multiplies; beyond this the engine is no worse. */
const MAX_LITERALS = 64
/** What a backslash may stand before: punctuation, which then means itself. */
const PUNCTUATION = /^[!-/:-@[-`{-~]$/

/** Undefined when the pattern is something else. */
export function bytePatternOf(pattern: string): BytePattern | undefined {
  const reader = new Reader(pattern)
  const atStart = reader.take('^')
  const literals = reader.alternatives(1)
  if (literals === undefined) return undefined
  const open = reader.take('.*')
  const atEnd = !open && reader.take('$')
  if (!reader.done) return undefined
  // Half a pair has no UTF-8 form.
  if (literals.some(literal => /\p{Surrogate}/u.test(literal))) return undefined
  if (atStart) return { kind: atEnd ? 'exact' : 'prefix', literals }
  return { kind: atEnd ? 'suffix' : 'contains', literals }
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get done(): boolean {
    return this.#at === this.#text.length
  }

  take(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false
    this.#at += token.length
    return true
  }

  /** Literals and groups of alternatives, one after another. `depth` groups may still be nested. */
  alternatives(depth: number): string[] | undefined {
    let all = ['']
    for (;;) {
      const next = this.#piece(depth)
      if (next === null) return all
      if (next === undefined || all.length * next.length > MAX_LITERALS) return undefined
      all = all.flatMap(head => next.map(tail => head + tail))
    }
  }

  /** Null where no literal follows; undefined where something follows that is beyond this. */
  #piece(depth: number): string[] | null | undefined {
    if (this.done) return null
    const character = this.#text[this.#at]
    if (character === '(') return depth === 0 ? undefined : this.#group(depth)
    if (this.#text.startsWith('.*', this.#at)) return null
    if (character === '$' || character === '|' || character === ')') return null
    const literal = this.#character(character)
    if (literal === undefined || this.#isRepeated()) return undefined
    return [literal]
  }

  #character(character: string): string | undefined {
    if (character === '\\') {
      const escaped = this.#text[this.#at + 1] ?? ''
      if (!PUNCTUATION.test(escaped)) return undefined
      this.#at += 2
      return escaped
    }
    if (META.includes(character)) return undefined
    const whole = String.fromCodePoint(this.#text.codePointAt(this.#at)!)
    this.#at += whole.length
    return whole
  }

  #group(depth: number): string[] | undefined {
    if (!this.take('(?:') && (!this.take('(') || this.#text[this.#at] === '?')) return undefined
    const all: string[] = []
    do {
      const branch = this.alternatives(depth - 1)
      if (branch === undefined) return undefined
      all.push(...branch)
    } while (this.take('|'))
    if (!this.take(')') || all.length > MAX_LITERALS || this.#isRepeated()) return undefined
    return all
  }

  #isRepeated(): boolean {
    return !this.done && '?*+{'.includes(this.#text[this.#at])
  }
}
