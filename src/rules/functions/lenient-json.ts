/**
 * JSON with the liberties that the reference's decoder takes: bare control characters in strings (a log line's line
 * breaks), zeros before numbers, a point without digits after it. Tried where strict parsing fails.
 */

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/** Throws Error. */
export function parseLenientJson(text: string, maxDepth: number): unknown {
  const parser = new LenientParser(text, maxDepth)
  return parser.whole()
}

class LenientParser {
  readonly #text: string
  readonly #maxDepth: number
  #at = 0

  constructor(text: string, maxDepth: number) {
    this.#text = text
    this.#maxDepth = maxDepth
  }

  whole(): unknown {
    const value = this.#value(0)
    if (this.#peek() !== undefined) throw this.#fault()
    return value
  }

  #fault(): Error {
    return new Error(`unexpected character at position ${this.#at}`)
  }

  /** The next character that is not white space. */
  #peek(): string | undefined {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at++
    return this.#text[this.#at]
  }

  #take(expected: string): void {
    if (this.#peek() !== expected) throw this.#fault()
    this.#at++
  }

  #has(next: string): boolean {
    if (this.#peek() !== next) return false
    this.#at++
    return true
  }

  #value(depth: number): unknown {
    if (depth > this.#maxDepth) throw new Error(`nested deeper than ${this.#maxDepth}`)
    const first = this.#peek()
    if (first === '{') return this.#object(depth)
    if (first === '[') return this.#array(depth)
    if (first === '"') return this.#string()
    if (this.#word('true')) return true
    if (this.#word('false')) return false
    if (this.#word('null')) return null
    return this.#number()
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false
    this.#at += word.length
    return true
  }

  #object(depth: number): Record<string, unknown> {
    // Without a prototype: `__proto__` is a key like others.
    const object: Record<string, unknown> = Object.create(null)
    this.#take('{')
    if (this.#has('}')) return object
    do {
      if (this.#peek() !== '"') throw this.#fault()
      const key = this.#string()
      this.#take(':')
      object[key] = this.#value(depth + 1)
    } while (this.#has(','))
    this.#take('}')
    return object
  }

  #array(depth: number): unknown[] {
    const array: unknown[] = []
    this.#take('[')
    if (this.#has(']')) return array
    do array.push(this.#value(depth + 1))
    while (this.#has(','))
    this.#take(']')
    return array
  }

  #number(): number {
    const token = /-?[0-9.eE+-]+/y
    token.lastIndex = this.#at
    const found = token.exec(this.#text)?.[0] ?? ''
    if (!/^-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(found) || found[0] === '.') {
      throw this.#fault()
    }
    this.#at += found.length
    return Number(found)
  }

  #string(): string {
    const text = this.#text
    let out = ''
    let from = ++this.#at
    for (;;) {
      const c = text[this.#at]
      if (c === undefined || c === '\0') throw this.#fault()
      if (c === '"') break
      if (c !== '\\') {
        this.#at++
        continue
      }
      out += text.slice(from, this.#at) + this.#escape()
      from = this.#at
    }
    return out + text.slice(from, this.#at++)
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1]
    if (letter === 'u') {
      const hex = this.#text.slice(this.#at + 2, this.#at + 6)
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) throw this.#fault()
      this.#at += 6
      return String.fromCharCode(Number.parseInt(hex, 16))
    }
    const simple = ESCAPES[letter]
    if (simple === undefined) throw this.#fault()
    this.#at += 2
    return simple
  }
}
