/**
 * The one door to regular expressions that users write: RE2 syntax and linear time, with Go's rules for matching all
 * and for replacing. Simple forms are matched by string comparison (regex-simple.ts), the rest by re2js.
 */
import { RE2JS } from 're2js'
import { BytesReplacer } from './regex-bytes.ts'
import { renameGroups } from './regex-names.ts'
import type { Sequence } from './regex-sequence.ts'
import { NO_MATCH, SequenceWalk, UNDECIDED } from './regex-sequence.ts'
import { type LiteralForm, readLiteralForm, readSequence } from './regex-simple.ts'
import { parseTemplate, type Template } from './regex-template.ts'
import { EvaluationError } from './value.ts'

/** Longest pattern, in UTF-16 units; expanded grok patterns are the longest honest ones, some 20,000. */
export const MAX_PATTERN_LENGTH = 65_536
/** Longest text that a replacement may give, in UTF-16 units. */
export const MAX_REPLACED_LENGTH = 16 * 1024 * 1024
/** Templates kept per expression; they are nearly always literals, that is, one. */
const MAX_TEMPLATES = 16

export interface RegexMatch {
  readonly start: number
  readonly end: number
  /** By group number, 0 is the whole; undefined where a group took no part. */
  readonly groups: readonly (string | undefined)[]
}

/** Positions are UTF-16 units of the text. */
export interface Regex {
  readonly source: string
  /** By group number; empty for those without a name (and for 0). */
  readonly groupNames: readonly string[]
  /** What `test` comes down to when it is a comparison with fixed texts, for comparing bytes in place. */
  readonly literals: LiteralForm | null
  test(text: string): boolean
  /** The leftmost match that starts at `from` or later. */
  find(text: string, from?: number): RegexMatch | null
  /** As Go's FindAll: an empty match right after another match is left out. */
  findAll(text: string, limit?: number): RegexMatch[]
  /** As Go's ReplaceAllString: `$1`, `${1}`, `$name`, `${name}`, `$$`; throws EvaluationError when it grows beyond bounds. */
  replaceAll(text: string, template: string): string
  replaceAllWith(text: string, replacement: (match: RegexMatch) => string): string
  /** A template with a match's groups put in. */
  expand(template: string, match: RegexMatch): string
  /** `replaceAll` in place, for the patterns that allow it; else null. */
  bytesReplacer(template: string): BytesReplacer | null
}

/** Throws Error for what RE2 refuses. Without `isSimplified` all is left to the general engine, for tests of the rest. */
export function compileRegex(pattern: string, isSimplified = true): Regex {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new Error(`the pattern is longer than ${MAX_PATTERN_LENGTH}`)
  }
  try {
    return new Re2Regex(pattern, compileEngine(pattern), isSimplified)
  } catch (error) {
    throw new Error(`the regex pattern is not valid: ${(error as Error).message}`)
  }
}

interface Engine {
  readonly re2: RE2JS
  /** Group by name; several entries may be of one name. */
  readonly names: readonly (readonly [name: string, group: number])[]
}

function compileEngine(pattern: string): Engine {
  try {
    const re2 = RE2JS.compile(pattern)
    return { re2, names: Object.entries(re2.namedGroups()) }
  } catch (error) {
    if (!(error as Error).message.includes('duplicate capture group name')) throw error
    const { pattern: renamed, originals } = renameGroups(pattern)
    const re2 = RE2JS.compile(renamed)
    const names = Object.entries(re2.namedGroups())
    return { re2, names: names.map(([name, group]) => [originals.get(name) ?? name, group]) }
  }
}

class Re2Regex implements Regex {
  readonly source: string
  readonly groupNames: readonly string[]
  readonly #engine: RE2JS
  readonly literals: LiteralForm | null
  readonly #sequence: Sequence | null
  readonly #walk: SequenceWalk | null
  readonly #templates = new Map<string, Template>()

  constructor(source: string, { re2, names: named }: Engine, isSimplified: boolean) {
    this.source = source
    this.#engine = re2
    this.literals = isSimplified ? readLiteralForm(source) : null
    this.#sequence = isSimplified ? readSequence(source) : null
    this.#walk = this.#sequence === null ? null : new SequenceWalk(this.#sequence)
    const names: string[] = new Array(re2.groupCount() + 1).fill('')
    for (const [name, group] of named) names[group] = name
    this.groupNames = names
  }

  test(text: string): boolean {
    if (this.literals !== null) return testLiterals(this.literals, text)
    const found = this.#walk?.isQuick === true ? this.#walk.run(text, 0) : UNDECIDED
    return found === UNDECIDED ? this.#engine.test(text) : found !== NO_MATCH
  }

  find(text: string, from = 0): RegexMatch | null {
    if (this.literals !== null && !testLiterals(this.literals, text)) return null
    if (this.#walk !== null && this.#sequence !== null) {
      const found = this.#walk.run(text, from)
      if (found === NO_MATCH) return null
      if (found !== UNDECIDED) return matchOf(text, this.#walk.marks, this.#sequence)
    }
    // Whether there is a match costs a fraction of where its groups are, and mostly there is none.
    if (from === 0 && !this.#engine.test(text)) return null
    const matcher = this.#engine.matcher(text)
    if (!matcher.find(from)) return null
    const groups = this.groupNames.map((_, group) => matcher.group(group) ?? undefined)
    return { start: matcher.start(), end: matcher.end(), groups }
  }

  findAll(text: string, limit = Number.POSITIVE_INFINITY): RegexMatch[] {
    const found: RegexMatch[] = []
    let before = -1
    for (let from = 0; from <= text.length && found.length < limit; ) {
      const match = this.find(text, from)
      if (match === null) break
      const isAccepted = match.end !== from || match.start !== before
      from = match.end === from ? from + runeLength(text, from) : match.end
      before = match.end
      if (isAccepted) found.push(match)
    }
    return found
  }

  replaceAll(text: string, template: string): string {
    const parsed = this.#template(template)
    if (this.#walk !== null && this.#sequence?.isAtStart === true) {
      const found = this.#walk.run(text, 0)
      if (found === NO_MATCH) return text
      if (found !== UNDECIDED) return this.#replaceStart(text, parsed)
    }
    return this.replaceAllWith(text, match => parsed.expand(match.groups))
  }

  replaceAllWith(text: string, replacement: (match: RegexMatch) => string): string {
    let out = ''
    let last = 0
    for (let from = 0; from <= text.length; ) {
      const match = this.find(text, from)
      if (match === null) break
      out += text.slice(last, match.start)
      if (match.end > last || match.start === 0) out += replacement(match)
      checkReplaced(out)
      last = match.end
      from = Math.max(match.end, from + runeLength(text, from))
    }
    return last === 0 && out === '' ? text : out + text.slice(last)
  }

  /** Only one match can begin at the start. */
  #replaceStart(text: string, template: Template): string {
    const { marks } = this.#walk!
    const out = template.expandMarks(text, marks, this.#sequence!)
    checkReplaced(out)
    const end = marks[marks.length - 1]
    return end === 0 && out === '' ? text : out + text.slice(end)
  }

  expand(template: string, match: RegexMatch): string {
    return this.#template(template).expand(match.groups)
  }

  bytesReplacer(template: string): BytesReplacer | null {
    if (this.#sequence?.isAtStart !== true) return null
    return new BytesReplacer(this.#sequence, this.#template(template).parts)
  }

  #template(template: string): Template {
    let parsed = this.#templates.get(template)
    if (parsed === undefined) {
      if (this.#templates.size >= MAX_TEMPLATES) this.#templates.clear()
      parsed = parseTemplate(template, this.groupNames)
      this.#templates.set(template, parsed)
    }
    return parsed
  }
}

function checkReplaced(text: string): void {
  if (text.length > MAX_REPLACED_LENGTH) {
    throw new EvaluationError(`the replaced text is longer than ${MAX_REPLACED_LENGTH}`)
  }
}

function testLiterals({ texts, isAtStart, isAtEnd }: LiteralForm, text: string): boolean {
  for (const literal of texts) {
    if (
      isAtStart && isAtEnd
        ? text === literal
        : isAtStart
          ? text.startsWith(literal)
          : isAtEnd
            ? text.endsWith(literal)
            : text.includes(literal)
    )
      return true
  }
  return false
}

function matchOf(text: string, marks: Int32Array, sequence: Sequence): RegexMatch {
  const [start, end] = [marks[0], marks[marks.length - 1]]
  const groups = [text.slice(start, end)]
  for (const group of sequence.groups) groups.push(text.slice(marks[group.first], marks[group.end]))
  return { start, end, groups }
}

/** Units of the code point at `at`; 1 at the end of the text, so that a walk gets beyond it. */
function runeLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
}
