/** Reads the simple forms of RE2 patterns; whatever is not surely one of them gives null and is left to the engine. */
import { type Atom, type CharacterSet, isDecided, type Sequence } from './regex-sequence.ts'

/** A text that contains, begins with, ends with or is one of some texts. */
export interface LiteralForm {
  readonly texts: readonly string[]
  readonly isAtStart: boolean
  readonly isAtEnd: boolean
}

const META = '\\.+*?()|[]{}^$'
const MAX_TEXTS = 64
/** Larger counts are left to the engine. */
const MAX_COUNT = 1000
const SPECIAL: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  f: '\f',
  v: '\v',
  a: '\x07',
}

const DIGITS = '0123456789'
const WORD = `${DIGITS}_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ`
const CLASSES: Readonly<Record<string, CharacterSet>> = {
  d: accepting(DIGITS),
  D: refusing(DIGITS),
  w: accepting(WORD),
  W: refusing(WORD),
  s: accepting('\t\n\f\r '),
  S: refusing('\t\n\f\r '),
}
const ANY = refusing('\n')

function accepting(characters: string): CharacterSet {
  const ascii = new Uint8Array(128)
  for (const character of characters) ascii[character.charCodeAt(0)] = 1
  return { ascii, others: false, unit: -1 }
}

function refusing(characters: string): CharacterSet {
  return negated(accepting(characters))
}

function negated({ ascii }: CharacterSet): CharacterSet {
  return { ascii: ascii.map(flag => 1 - flag), others: true, unit: -1 }
}

/** `lit`, `^lit`, `lit$`, `^lit$`, `a|b|c`, and `^pre(a|b)post$`. */
export function readLiteralForm(pattern: string): LiteralForm | null {
  const isAtStart = pattern.startsWith('^')
  const isAtEnd = endsAnchored(pattern)
  const body = pattern.slice(isAtStart ? 1 : 0, isAtEnd ? -1 : undefined)
  const open = body.search(/(?<!\\)\(/)
  if (open < 0) {
    const texts = readAlternatives(body)
    if (texts === null || (texts.length > 1 && (isAtStart || isAtEnd))) return null
    return { texts, isAtStart, isAtEnd }
  }
  const close = body.indexOf(')', open)
  if (close < 0 || body[close - 1] === '\\') return null
  const inner = body.slice(open + 1, close).replace(/^\?:/, '')
  const middle = readAlternatives(inner)
  const before = readLiteral(body.slice(0, open))
  const after = readLiteral(body.slice(close + 1))
  if (middle === null || before === null || after === null) return null
  return { texts: middle.map(text => before + text + after), isAtStart, isAtEnd }
}

function endsAnchored(pattern: string): boolean {
  if (!pattern.endsWith('$')) return false
  let slashes = 0
  while (pattern[pattern.length - 2 - slashes] === '\\') slashes++
  return slashes % 2 === 0
}

function readAlternatives(pattern: string): string[] | null {
  if (/\\\|/.test(pattern)) return null
  const texts = pattern.split('|').map(readLiteral)
  if (texts.length > MAX_TEXTS || texts.includes(null)) return null
  return texts as string[]
}

function readLiteral(pattern: string): string | null {
  let out = ''
  for (let i = 0; i < pattern.length; i++) {
    const escaped = pattern[i] === '\\' ? escapedCharacter(pattern[++i]) : undefined
    if (escaped === null || (escaped === undefined && META.includes(pattern[i]))) return null
    const character = escaped ?? pattern[i]
    if (isSurrogate(character.charCodeAt(0))) return null
    out += character
  }
  return out
}

/** Undefined stays undefined, so that the end of the pattern is no literal. */
function escapedCharacter(letter: string | undefined): string | null {
  if (letter === undefined) return null
  if (letter in SPECIAL) return SPECIAL[letter]
  return /^[!-/:-@[-`{-~]$/.test(letter) ? letter : null
}

function isSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdfff
}

/** One sequence of characters and classes with their counts, and groups around parts of it. */
export function readSequence(pattern: string): Sequence | null {
  return new SequenceReader(pattern).read()
}

class SequenceReader {
  readonly #pattern: string
  #at = 0

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  read(): Sequence | null {
    const pattern = this.#pattern
    const isAtStart = pattern.startsWith('^')
    const isAtEnd = endsAnchored(pattern)
    const end = pattern.length - (isAtEnd ? 1 : 0)
    const atoms: Atom[] = []
    const groups: { first: number; end: number }[] = []
    const open: number[] = []
    this.#at = isAtStart ? 1 : 0
    while (this.#at < end) {
      if (pattern[this.#at] === '(') {
        const isCapturing = this.#openGroup()
        if (isCapturing === null) return null
        open.push(isCapturing ? groups.push({ first: atoms.length, end: -1 }) - 1 : -1)
      } else if (pattern[this.#at] === ')') {
        const group = open.pop()
        this.#at++
        if (group === undefined || '*+?{'.includes(pattern[this.#at] ?? '.')) return null
        if (group >= 0) groups[group].end = atoms.length
      } else {
        const atom = this.#atom()
        if (atom === null) return null
        atoms.push(atom)
      }
    }
    const sequence: Sequence = { atoms, isAtStart, isAtEnd, groups }
    return open.length === 0 && this.#at === end && isDecided(sequence) ? sequence : null
  }

  /** True for a group that captures; null for what is another kind of parenthesis. */
  #openGroup(): boolean | null {
    const rest = this.#pattern.slice(this.#at, this.#at + 128)
    const named = /^\(\?P?<[A-Za-z0-9_]+>/.exec(rest)
    if (named === null && rest.startsWith('(?')) {
      this.#at += 3
      return rest.startsWith('(?:') ? false : null
    }
    this.#at += named?.[0].length ?? 1
    return true
  }

  #atom(): Atom | null {
    const set = this.#set()
    if (set === null) return null
    const count = this.#count()
    return count === null ? null : { ...set, ...count }
  }

  #set(): CharacterSet | null {
    const character = this.#pattern[this.#at++]
    if (character === '.') return ANY
    if (character === '[') return this.#class()
    if (character === '\\') {
      const letter = this.#pattern[this.#at++]
      if (Object.hasOwn(CLASSES, letter)) return CLASSES[letter]
      const escaped = escapedCharacter(letter)
      return escaped === null ? null : accepting(escaped)
    }
    if (META.includes(character)) return null
    const code = character.charCodeAt(0)
    if (code < 128) return accepting(character)
    return isSurrogate(code) ? null : { ascii: new Uint8Array(128), others: false, unit: code }
  }

  /** `[...]` of ASCII characters, ranges and `\d`, `\w`, `\s`. */
  #class(): CharacterSet | null {
    const pattern = this.#pattern
    const isNegated = pattern[this.#at] === '^'
    if (isNegated) this.#at++
    const ascii = new Uint8Array(128)
    for (const start = this.#at; pattern[this.#at] !== ']' || this.#at === start; ) {
      const low = this.#classCharacter(ascii)
      if (low === null) return null
      if (low === undefined) continue
      const isRange = pattern[this.#at] === '-' && pattern[this.#at + 1] !== ']'
      if (isRange) this.#at++
      const high = isRange ? this.#classCharacter(new Uint8Array(128)) : low
      if (typeof high !== 'number' || high < low) return null
      ascii.fill(1, low, high + 1)
    }
    this.#at++
    const set: CharacterSet = { ascii, others: false, unit: -1 }
    return isNegated ? negated(set) : set
  }

  /** A code; undefined when a whole class was put in; null for what is not simple. */
  #classCharacter(into: Uint8Array): number | undefined | null {
    const character = this.#pattern[this.#at++]
    if (character === undefined || character === '[' || character === ']' || character === '-') {
      return null
    }
    if (character !== '\\') {
      const code = character.charCodeAt(0)
      return code < 128 ? code : null
    }
    const letter = this.#pattern[this.#at++]
    if (letter === 'd' || letter === 'w' || letter === 's') {
      for (let code = 0; code < 128; code++) into[code] |= CLASSES[letter].ascii[code]
      return undefined
    }
    return escapedCharacter(letter)?.charCodeAt(0) ?? null
  }

  /** Greedy counts only. */
  #count(): { min: number; max: number } | null {
    const counts = /^(?:[*+?]|\{(\d{1,4})(,?)(\d{0,4})\})/.exec(
      this.#pattern.slice(this.#at, this.#at + 16),
    )
    if (counts === null) return this.#pattern[this.#at] === '{' ? null : { min: 1, max: 1 }
    const [whole, low, comma, high] = counts
    this.#at += whole.length
    if ('*+?{'.includes(this.#pattern[this.#at] ?? '.')) return null
    if (whole === '*') return { min: 0, max: Number.POSITIVE_INFINITY }
    if (whole === '+') return { min: 1, max: Number.POSITIVE_INFINITY }
    if (whole === '?') return { min: 0, max: 1 }
    if (comma === '' && high !== '') return null
    const min = Number(low)
    const max = high !== '' ? Number(high) : comma === ',' ? Number.POSITIVE_INFINITY : min
    return max < min || min > MAX_COUNT || max === 0 ? null : { min, max }
  }
}
