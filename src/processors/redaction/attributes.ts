/**
 * Redacts one map of attributes, entry by entry, so that all others stay as they were sent. Entries are gone over as
 * fields and not by key: of two with the same key the second may be the one that must not be seen.
 */
import { KeyValueCursor } from '../../otlp/any-value.ts'
import { asString } from '../../rules/as-string.ts'
import { attributesPath } from '../../rules/contexts/attributes.ts'
import type { Cursor } from '../../rules/contexts/cursor.ts'
import { type Field, numberOf } from '../../rules/contexts/field.ts'
import { fieldWriter } from '../../rules/contexts/field-writer.ts'
import { readValue } from '../../rules/contexts/values.ts'
import type { KeyedTarget } from '../../rules/function.ts'
import type { RedactionRules } from './redaction-rules.ts'
import { Rewrite } from './rewrite.ts'
import { type Summary, Tally } from './summary.ts'

type Change =
  | { readonly kind: 'none' | 'remove' }
  | { readonly kind: 'text'; readonly key: string; readonly text: string }

const NONE: Change = { kind: 'none' }
const REMOVE: Change = { kind: 'remove' }

export class AttributeRedactor {
  readonly entries: KeyedTarget
  readonly #field: Field
  readonly #rules: RedactionRules
  readonly #summary: Summary
  readonly #redactsAllTypes: boolean
  readonly #pair = new KeyValueCursor()
  readonly #tally = new Tally()
  readonly #rewrite = new Rewrite()

  constructor(field: Field, rules: RedactionRules, summary: Summary, redactsAllTypes: boolean) {
    this.#field = field
    this.#rules = rules
    this.#summary = summary
    this.#redactsAllTypes = redactsAllTypes
    this.entries = attributesPath(field).keyed!
  }

  redact(scope: Cursor): void {
    const message = scope.places[this.#field.place]
    const number = numberOf(this.#field, scope)
    this.#tally.reset()
    // Counting is what finds the fields; offsets hold until the next change.
    const { count } = message
    const { bytes } = message
    const out = this.#rewrite.begin(bytes, message.start)
    for (let at = message.next(number, 0); at < count; at = message.next(number, at + 1)) {
      const change = this.#judge(bytes, message.startOf(at), message.endOf(at))
      if (change === NONE) continue
      out.exchange(message.tagAt(at), message.endOf(at), this.#fieldOf(number, change))
    }
    const content = out.finish(message.end)
    if (content !== null) message.become(content)
    this.#summary.write(this.entries, scope, this.#tally)
  }

  #fieldOf(number: number, change: Change): Uint8Array | null {
    if (change.kind !== 'text') return null
    const { bytes, length } = fieldWriter.pair(number, change.key, change.text)
    return new Uint8Array(bytes.subarray(0, length))
  }

  #judge(bytes: Uint8Array, start: number, end: number): Change {
    const rules = this.#rules
    const pair = this.#pair
    pair.reset(bytes, start, end)
    const key = pair.key()
    const verdict = rules.verdict(key)
    if (verdict === 'ignore') {
      this.#tally.ignored++
      return NONE
    }
    if (verdict === 'redact') {
      this.#tally.redacted.push(key)
      return REMOVE
    }
    if (verdict === 'check' && !rules.asksValues) return NONE
    return this.#judgeValue(verdict, key, this.#text(bytes))
  }

  #judgeValue(verdict: 'mask' | 'check', key: string, text: string): Change {
    const rules = this.#rules
    if (rules.isAllowed(text)) {
      this.#tally.allowed.push(key)
      return NONE
    }
    const masked = verdict === 'mask' ? rules.maskAll(text) : rules.maskBlocked(text)
    if (verdict === 'check' && masked === text) return NONE
    this.#tally.masked.push(key)
    return { kind: 'text', key, text: masked }
  }

  /** What the rules see; other types look empty unless all are to be redacted. */
  #text(bytes: Uint8Array): string {
    const value = readValue(bytes, this.#pair.valueStart, this.#pair.valueEnd)
    if (typeof value === 'string') return value
    return this.#redactsAllTypes ? asString(value) : ''
  }
}
