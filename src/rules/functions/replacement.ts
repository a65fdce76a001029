/** What stands in for a match: the replacement itself, or what a converter and a format make of it. */
import type { ConverterFactory, Getter } from '../function.ts'
import type { Regex } from '../regex.ts'
import { EvaluationError, type Value } from '../value.ts'

/** Replaces all matches in a text; `replacement` is the template, with `$1` and the like. */
export type TextReplacer = (scope: unknown, regex: Regex, text: string, template: string) => string

export function textReplacer(convert?: ConverterFactory, format?: Getter): TextReplacer {
  if (convert === undefined) return (_, regex, text, template) => regex.replaceAll(text, template)
  const cell = { value: '' as Value }
  const converted = convert(() => cell.value)
  return (scope, regex, text, template) =>
    regex.replaceAllWith(text, match => {
      cell.value = regex.expand(template, match)
      return formatted(scope, textOf(converted(scope)), format)
    })
}

/** For a whole value: nothing of it can be put into the replacement. */
export function wholeReplacement(
  replacement: Getter,
  convert?: ConverterFactory,
  format?: Getter,
): Getter {
  if (convert === undefined) return replacement
  const converted = convert(replacement)
  return scope => formatted(scope, textOf(converted(scope)), format)
}

function textOf(value: Value): string {
  if (typeof value === 'string') return value
  throw new EvaluationError('replacement value is not a string')
}

function formatted(scope: unknown, text: string, format: Getter | undefined): string {
  if (format === undefined) return text
  const template = format(scope) as string
  const parts = template.split('%s')
  if (parts.length < 2 || template.includes('\n') || /%[^s]/.test(template)) {
    throw new EvaluationError('ReplacementFormat must hold a single %s and no other verb')
  }
  // A second %s and a % at the end are let through by the reference, which then prints Go's complaints.
  const [before, ...after] = parts
  return `${before}${text}${after.join('%!s(MISSING)')}`.replace(/%$/, '%!(NOVERB)')
}
