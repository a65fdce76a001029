/**
 * Glob patterns of replace_match and replace_all_matches, turned into regular expressions, which run in linear time:
 * `*` and `**` any text, `?` a character, `[abc]`, `[!abc]`, `[a-z]`, `{this,that}`, `\` takes the next character as it is.
 */
import { compileRegex, type Regex } from '../regex.ts'

/** The whole text must match. Throws Error for what is no glob. */
export function compileGlob(glob: string): Regex {
  return compileRegex(`(?s)\\A(?:${new GlobReader(glob).translate()})\\z`)
}

class GlobReader {
  readonly #characters: readonly string[]
  #at = 0

  constructor(glob: string) {
    this.#characters = [...glob]
  }

  translate(): string {
    let out = ''
    let open = 0
    while (this.#at < this.#characters.length) {
      const character = this.#next()
      if (character === '*') out += '.*'
      else if (character === '?') out += '.'
      else if (character === '[') out += this.#range()
      else if (character === '{') {
        out += '(?:'
        open++
      } else if (character === ',' && open > 0) out += '|'
      else if (character === '}' && open > 0) {
        out += ')'
        open--
      } else if (character !== '\\') out += quote(character)
      else if (this.#at < this.#characters.length) out += quote(this.#next())
    }
    return out + ')'.repeat(open)
  }

  #range(): string {
    const isNegated = this.#peek() === '!'
    if (isNegated) this.#at++
    const first = this.#next()
    const body = this.#peek() === '-' ? this.#bounds(first) : this.#listed(first)
    if (this.#next() !== ']') throw new Error('expected ] in the glob')
    return `[${isNegated ? '^' : ''}${body}]`
  }

  #bounds(low: string): string {
    this.#at++
    const high = this.#next()
    if ((high.codePointAt(0) ?? 0) < (low.codePointAt(0) ?? 0)) {
      throw new Error(`the range ${low}-${high} of the glob is empty`)
    }
    return `${quote(low)}-${quote(high)}`
  }

  #listed(first: string): string {
    let body = ''
    for (let character = first; character !== ']'; character = this.#next()) {
      body += quote(character === '\\' ? this.#next() : character)
    }
    if (body === '') throw new Error('a range of the glob is empty')
    this.#at--
    return body
  }

  #peek(): string | undefined {
    return this.#characters[this.#at]
  }

  #next(): string {
    const character = this.#peek()
    if (character === undefined) throw new Error('the glob ends inside a range')
    this.#at++
    return character
  }
}

function quote(character: string): string {
  return /^[\w\u0080-\u{10ffff}]$/u.test(character)
    ? character
    : `\\x{${character.codePointAt(0)?.toString(16)}}`
}
