/**
 * Redacts the body of a log record, also what nests in it. It is gone over as bytes: what stays is copied, and of two
 * entries with the same key both are looked at.
 */
import { KeyValueCursor } from '../../otlp/any-value.ts'
import { BYTES, FieldCursor } from '../../otlp/wire-reader.ts'
import { Writer } from '../../otlp/wire-writer.ts'
import { asString } from '../../rules/as-string.ts'
import { type Cursor, ITEM } from '../../rules/contexts/cursor.ts'
import { FieldWriter } from '../../rules/contexts/field-writer.ts'
import { readValue } from '../../rules/contexts/values.ts'
import type { KeyedTarget } from '../../rules/function.ts'
import type { RedactionRules } from './redaction-rules.ts'
import { Rewrite } from './rewrite.ts'
import { type Summary, Tally } from './summary.ts'

const BODY = 5
/** Members of AnyValue. */
const LIST = 5
const MAP = 6
/** Name of a body that is neither map nor list. */
const WHOLE = 'body'

export class BodyRedactor {
  readonly #attributes: KeyedTarget
  readonly #rules: RedactionRules
  readonly #summary: Summary
  readonly #pair = new KeyValueCursor()
  readonly #tally = new Tally()

  /** `attributes` are the record's, for the summary. */
  constructor(attributes: KeyedTarget, rules: RedactionRules, summary: Summary) {
    this.#attributes = attributes
    this.#rules = rules
    this.#summary = summary
  }

  redact(scope: Cursor): void {
    const tally = this.#tally.reset()
    const message = scope.places[ITEM]
    const at = message.findOnly(BODY)
    const start = at < 0 ? 0 : message.startOf(at)
    const end = at < 0 ? 0 : message.endOf(at)
    const changed = this.#value(message.bytes, start, end, null)
    if (changed !== null) {
      const field = new Writer(changed.length + 8).bytes(BODY, changed).finish()
      message.put(BODY, field, 0, field.length)
    }
    this.#summary.write(this.#attributes, scope, tally)
  }

  /** The new content of an AnyValue, or null when it stays as it is. `path` is null at the top. */
  #value(bytes: Uint8Array, start: number, end: number, path: string | null): Uint8Array | null {
    const field = new FieldCursor(bytes, start, end)
    if (!field.next()) return this.#leaf(bytes, start, end, path)
    const { start: from, end: to } = field
    const number = field.wire === BYTES ? field.number : 0
    if (field.next()) return this.#merged(bytes, start, end, path)
    if (number === MAP) return this.#map(bytes, from, to, path)
    if (number === LIST) return this.#list(bytes, from, to, path)
    return this.#leaf(bytes, start, end, path)
  }

  /** Of several members the last one counts; the others must not stay behind it. */
  #merged(bytes: Uint8Array, start: number, end: number, path: string | null): Uint8Array {
    const writer = new FieldWriter().value(1, readValue(bytes, start, end))
    const field = new FieldCursor(writer.bytes, 0, writer.length)
    field.next()
    const content = new Uint8Array(writer.bytes.subarray(field.start, field.end))
    return this.#value(content, 0, content.length, path) ?? content
  }

  #leaf(bytes: Uint8Array, start: number, end: number, path: string | null): Uint8Array | null {
    const text = asString(readValue(bytes, start, end))
    if (this.#rules.isAllowed(text)) {
      // Upstream says nothing of a plain body that is allowed.
      if (path !== null) this.#tally.allowed.push(path)
      return null
    }
    const masked = this.#rules.maskBlocked(text)
    if (masked === text) return null
    this.#tally.masked.push(path ?? WHOLE)
    return textValue(masked)
  }

  #list(bytes: Uint8Array, start: number, end: number, path: string | null): Uint8Array | null {
    const prefix = path === null ? '' : `${path}.`
    const out = new Rewrite().begin(bytes, start)
    const field = new FieldCursor(bytes, start, end)
    for (let i = 0; field.next(); ) {
      if (field.number !== 1 || field.wire !== BYTES) continue
      const changed = this.#value(bytes, field.start, field.end, `${prefix}[${i++}]`)
      if (changed !== null)
        out.exchange(field.tag, field.end, new Writer().bytes(1, changed).finish())
    }
    return member(LIST, out.finish(end))
  }

  #map(bytes: Uint8Array, start: number, end: number, path: string | null): Uint8Array | null {
    const prefix = path === null ? '' : `${path}.`
    const out = new Rewrite().begin(bytes, start)
    const field = new FieldCursor(bytes, start, end)
    while (field.next()) {
      if (field.number !== 1 || field.wire !== BYTES) continue
      this.#pair.reset(bytes, field.start, field.end)
      const key = this.#pair.key()
      const name = prefix + key
      const verdict = this.#rules.verdict(key)
      if (verdict === 'ignore') this.#tally.ignored++
      else if (verdict === 'redact') {
        this.#tally.redacted.push(name)
        out.exchange(field.tag, field.end, null)
      } else {
        const { valueStart, valueEnd } = this.#pair
        const changed =
          verdict === 'mask'
            ? this.#maskAll(bytes, valueStart, valueEnd, name)
            : this.#value(bytes, valueStart, valueEnd, name)
        if (changed !== null) out.exchange(field.tag, field.end, pairField(key, changed))
      }
    }
    return member(MAP, out.finish(end))
  }

  #maskAll(bytes: Uint8Array, start: number, end: number, name: string): Uint8Array {
    this.#tally.masked.push(name)
    const value = readValue(bytes, start, end)
    return textValue(this.#rules.maskAll(typeof value === 'string' ? value : ''))
  }
}

/** The content of an AnyValue with this member. */
function member(number: number, content: Uint8Array | null): Uint8Array | null {
  return content === null ? null : new Writer(content.length + 8).bytes(number, content).finish()
}

function textValue(text: string): Uint8Array {
  return new Writer(text.length + 8).string(1, text).finish()
}

function pairField(key: string, value: Uint8Array): Uint8Array {
  return new Writer(value.length + 64).begin(1).string(1, key).bytes(2, value).end().finish()
}
