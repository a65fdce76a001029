/**
 * Texts of which a regular expression needs at least one to match: looking for them is a hundred times cheaper than
 * matching. Read from the pattern with caution: whatever is not understood requires nothing.
 */

/** More alternatives than these cost more than they spare. */
const MAX_ALTERNATIVES = 64
/** Shorter ones are in nearly all texts. */
const MIN_LENGTH = 2

/** Null when nothing is known to be required. The pattern must be a valid one. */
export function requiredLiterals(pattern: string): readonly string[] | null {
  if (/\(\?[a-zA-Z-]*i/.test(pattern) || pattern.includes('\\Q')) return null
  const reader = new PatternReader(pattern)
  const found = reader.alternatives()
  return reader.isAtEnd && isUseful(found) ? found : null
}

function isUseful(texts: readonly string[] | null): texts is readonly string[] {
  return texts !== null && texts.length <= MAX_ALTERNATIVES && shortest(texts) >= MIN_LENGTH
}

function shortest(texts: readonly string[]): number {
  return Math.min(...texts.map(text => text.length))
}

class PatternReader {
  readonly #pattern: string
  #at = 0

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#pattern.length
  }

  /** Up to a closing parenthesis or the end: one of each branch is needed, so all branches need one. */
  alternatives(): readonly string[] | null {
    let all: readonly string[] | null = []
    do {
      const branch = this.#sequence()
      all = all === null || branch === null ? null : [...all, ...branch]
    } while (this.#take('|'))
    return all
  }

  /** Of what follows each other the most telling. */
  #sequence(): readonly string[] | null {
    let best: readonly string[] | null = null
    let run = ''
    const offer = (texts: readonly string[] | null) => {
      if (isUseful(texts) && (best === null || shortest(texts) > shortest(best))) best = texts
    }
    while (!this.isAtEnd && !/[|)]/.test(this.#pattern[this.#at])) {
      const atom = this.#atom()
      const times = this.#quantifier()
      if (typeof atom === 'string' && times === 'once') {
        run += atom
        continue
      }
      offer([run])
      run = ''
      if (times === 'perhaps') continue
      if (typeof atom === 'string') run = ''
      else offer(atom)
    }
    offer([run])
    return best
  }

  /** A character, or what a group requires; null for classes, anchors and the like. */
  #atom(): string | readonly string[] | null {
    const c = this.#pattern[this.#at++]
    if (c === '(') return this.#group()
    if (c === '[') return this.#class()
    if (c === '\\') {
      const escaped = this.#pattern[this.#at++] ?? ''
      if (/[pPx]/.test(escaped)) this.#skipBraces()
      return /[^A-Za-z0-9]/.test(escaped) ? escaped : null
    }
    return /[.^$]/.test(c) ? null : c
  }

  #skipBraces(): void {
    const found = /^\{[^}]*\}|^[0-9A-Fa-f]{2}|^[A-Z]/.exec(this.#pattern.slice(this.#at))
    this.#at += found?.[0].length ?? 0
  }

  #group(): readonly string[] | null {
    const opening = /^\?(?:P?<\w+>|[a-zA-Z-]*[:)])/.exec(this.#pattern.slice(this.#at))?.[0] ?? ''
    this.#at += opening.length
    if (opening.endsWith(')')) return null
    const inner = this.alternatives()
    this.#take(')')
    return inner
  }

  #class(): null {
    const found = /^\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]/s.exec(this.#pattern.slice(this.#at))
    this.#at += found?.[0].length ?? this.#pattern.length
    return null
  }

  #quantifier(): 'once' | 'perhaps' | 'several' {
    const found = /^(?:[*+?]|\{(\d+)(?:,\d*)?\})\??/.exec(this.#pattern.slice(this.#at))
    if (found === null) return 'once'
    this.#at += found[0].length
    return /^(?:[*?]|\{0)/.test(found[0]) ? 'perhaps' : 'several'
  }

  #take(c: string): boolean {
    if (this.#pattern[this.#at] !== c) return false
    this.#at++
    return true
  }
}
