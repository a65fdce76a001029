/** The rules of the section, compiled: what becomes of a key, and of a text. Which is asked first differs by place. */
import { createHash, createHmac } from 'node:crypto'
import { compileRegex, type Regex } from '../../rules/regex.ts'
import type { RedactionConfig } from './config.ts'
import { KEPT_NAMES } from './summary.ts'

/** By the key alone; `check` leaves it to the value. */
export type Verdict = 'ignore' | 'redact' | 'mask' | 'check'

const ASTERISKS = '****'
/** Each line, and a text without any. */
const EVERYTHING = compileRegex('.*')
/** Keys are few and come again and again; beyond these the answers are found anew. */
const MAX_KNOWN_KEYS = 4096

export class RedactionRules {
  /** Whether any rule asks about values. */
  readonly asksValues: boolean
  readonly #allowsAll: boolean
  readonly #allowedKeys: ReadonlySet<string>
  readonly #ignoredKeys: ReadonlySet<string>
  readonly #ignoredPatterns: readonly Regex[]
  readonly #blockedPatterns: readonly Regex[]
  readonly #allowedValues: readonly Regex[]
  readonly #blockedValues: readonly Regex[]
  readonly #replacement: (text: string) => string
  readonly #known = new Map<string, Verdict>()

  constructor(config: RedactionConfig) {
    const compile = (pattern: string): Regex => compileRegex(pattern)
    this.#allowsAll = config.allow_all_keys
    this.#allowedKeys = new Set([...config.allowed_keys, ...KEPT_NAMES])
    this.#ignoredKeys = new Set(config.ignored_keys)
    this.#ignoredPatterns = config.ignored_key_patterns.map(compile)
    this.#blockedPatterns = config.blocked_key_patterns.map(compile)
    this.#allowedValues = config.allowed_values.map(compile)
    this.#blockedValues = config.blocked_values.map(compile)
    this.#replacement = replacementOf(config)
    this.asksValues = this.#allowedValues.length + this.#blockedValues.length > 0
  }

  verdict(key: string): Verdict {
    let verdict = this.#known.get(key)
    if (verdict === undefined) {
      verdict = this.#judge(key)
      if (this.#known.size >= MAX_KNOWN_KEYS) this.#known.clear()
      this.#known.set(key, verdict)
    }
    return verdict
  }

  #judge(key: string): Verdict {
    if (this.#ignoredKeys.has(key) || testAny(this.#ignoredPatterns, key)) return 'ignore'
    if (!this.#allowsAll && !this.#allowedKeys.has(key)) return 'redact'
    return testAny(this.#blockedPatterns, key) ? 'mask' : 'check'
  }

  isAllowed(text: string): boolean {
    return testAny(this.#allowedValues, text)
  }

  /** The value of a blocked key. */
  maskAll(text: string): string {
    return this.#mask(EVERYTHING, text)
  }

  /** The same text when nothing in it is blocked. */
  maskBlocked(text: string): string {
    for (const regex of this.#blockedValues) {
      if (regex.test(text)) text = this.#mask(regex, text)
    }
    return text
  }

  #mask(regex: Regex, text: string): string {
    return regex.replaceAllWith(text, ({ start, end }) => this.#replacement(text.slice(start, end)))
  }
}

function testAny(patterns: readonly Regex[], text: string): boolean {
  for (const pattern of patterns) if (pattern.test(text)) return true
  return false
}

function replacementOf({ hash_function: name, hmac_key }: RedactionConfig) {
  if (name === '') return () => ASTERISKS
  if (name === 'hmac-sha256' || name === 'hmac-sha512') {
    const key = hmac_key?.reveal() ?? ''
    const algorithm = name.slice('hmac-'.length)
    return (text: string) => createHmac(algorithm, key).update(text).digest('hex')
  }
  const algorithm = name === 'sha3' ? 'sha3-256' : name
  return (text: string) => createHash(algorithm).update(text).digest('hex')
}
