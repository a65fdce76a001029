/** Editors that replace text found by regular expressions and globs. */
import { constantOf } from '../constant.ts'
import {
  type ConverterFactory,
  defineFunction,
  type FunctionSpec,
  type Getter,
  type Param,
  type Target,
  type TextChange,
} from '../function.ts'
import { compileRegex, type Regex } from '../regex.ts'
import { EvaluationError, type Value, type ValueMap } from '../value.ts'
import { compileGlob } from './glob.ts'
import { changeValues, checkMap, removeKeys } from './map-editing.ts'
import { regexArgument } from './regex-argument.ts'
import { type TextReplacer, textReplacer, wholeReplacement } from './replacement.ts'

const REPLACEMENT: readonly Param[] = [
  { name: 'Replacement', type: 'string' },
  { name: 'Function', type: 'function', optional: true },
  { name: 'ReplacementFormat', type: 'string', optional: true },
]

type ReplaceArgs = readonly [Target, Getter, Getter, ConverterFactory?, Getter?]
type ReplaceAllArgs = readonly [Target, string, Getter, Getter, ConverterFactory?, Getter?]

export const replaceEditors: readonly FunctionSpec[] = [
  defineFunction({
    name: 'replace_pattern',
    kind: 'editor',
    params: [
      { name: 'Target', type: 'target' },
      { name: 'RegexPattern', type: 'string' },
      ...REPLACEMENT,
    ],
    summary:
      'Replaces what a regular expression finds in a text; $1 is a group, a converter and a format may be applied.',
    example: {
      before: '{"card": "4111111111111111"}',
      expr: 'replace_pattern(attributes["card"], "\\\\d{12}(\\\\d{4})", "****$1")',
      result: '{"card": "****1111"}',
    },
    make([target, pattern, replacement, convert, format]: ReplaceArgs) {
      const regexOf = regexArgument(pattern)
      const replace = textReplacer(convert, format)
      const change = convert === undefined ? changeInPlace(pattern, replacement) : null
      const { changeText } = target
      return scope => {
        if (change !== null && changeText?.(scope, change) === true) return null
        const text = target.get(scope)
        if (text === null) return null
        const template = replacement(scope) as string
        if (typeof text !== 'string') return null
        const regex = regexOf(scope)
        if (regex.test(text)) target.set(scope, replace(scope, regex, text, template))
        return null
      }
    },
  }),
  defineFunction({
    name: 'replace_all_patterns',
    kind: 'editor',
    params: [
      { name: 'Target', type: 'mapTarget' },
      { name: 'Mode', type: 'literalString' },
      { name: 'RegexPattern', type: 'string' },
      ...REPLACEMENT,
    ],
    summary:
      'Replaces what a regular expression finds in all text values ("value") or all keys ("key") of a map.',
    example: {
      before: '{"http_method": "GET", "http_path": "/"}',
      expr: 'replace_all_patterns(attributes, "key", "^http_", "http.")',
      result: '{"http.method": "GET", "http.path": "/"}',
    },
    make([target, mode, pattern, replacement, convert, format]: ReplaceAllArgs) {
      if (mode !== 'key' && mode !== 'value') throw new Error('Mode must be "key" or "value"')
      const regexOf = regexArgument(pattern)
      const replace = textReplacer(convert, format)
      const edit = mode === 'key' ? replaceInKeys : replaceInValues
      return scope => {
        checkMap(target, scope)
        const template = replacement(scope) as string
        edit(target, scope, regexOf(scope), template, replace)
        return null
      }
    },
  }),
  defineFunction({
    name: 'replace_match',
    kind: 'editor',
    params: [
      { name: 'Target', type: 'target' },
      { name: 'Pattern', type: 'string' },
      ...REPLACEMENT,
    ],
    summary: 'Replaces a text that matches a glob as a whole.',
    example: {
      before: '{"url.path": "/user/42/list"}',
      expr: 'replace_match(attributes["url.path"], "/user/*/list", "/user/{id}/list")',
      result: '{"url.path": "/user/{id}/list"}',
    },
    make([target, pattern, replacement, convert, format]: ReplaceArgs) {
      const globOf = regexArgument(pattern, compileGlob)
      const replaced = wholeReplacement(replacement, convert, format)
      return scope => {
        const glob = globOf(scope)
        const text = target.get(scope)
        const value = replaced(scope)
        if (typeof text === 'string' && glob.test(text)) target.set(scope, value)
        return null
      }
    },
  }),
  defineFunction({
    name: 'replace_all_matches',
    kind: 'editor',
    params: [
      { name: 'Target', type: 'mapTarget' },
      { name: 'Pattern', type: 'string' },
      ...REPLACEMENT,
    ],
    summary: 'Replaces all text values of a map that match a glob as a whole.',
    example: {
      before: '{"a": "/user/1", "b": "/cart"}',
      expr: 'replace_all_matches(attributes, "/user/*", "/user/{id}")',
      result: '{"a": "/user/{id}", "b": "/cart"}',
    },
    make([target, pattern, replacement, convert, format]: ReplaceArgs) {
      const globOf = regexArgument(pattern, compileGlob)
      const replaced = wholeReplacement(replacement, convert, format)
      return scope => {
        const glob = globOf(scope)
        checkMap(target, scope)
        const value = replaced(scope)
        changeValues(target, scope, before =>
          typeof before === 'string' && glob.test(before) ? value : undefined,
        )
        return null
      }
    },
  }),
  keysEditor('delete_matching_keys', false, {
    before: '{"http.method": "GET", "user": "u"}',
    expr: 'delete_matching_keys(attributes, "^http")',
    result: '{"user": "u"}',
  }),
  keysEditor('keep_matching_keys', true, {
    before: '{"http.method": "GET", "user": "u"}',
    expr: 'keep_matching_keys(attributes, "^http")',
    result: '{"http.method": "GET"}',
  }),
]

/** For literals; null when the pattern is none of those that replace in place. */
function changeInPlace(pattern: Getter, replacement: Getter): TextChange | null {
  const template = constantOf(replacement)
  const source = constantOf(pattern)
  if (template === undefined || source === undefined) return null
  return compileRegex(source.value as string).bytesReplacer(template.value as string)
}

function keysEditor(name: string, keeps: boolean, example: FunctionSpec['example']): FunctionSpec {
  return defineFunction({
    name,
    kind: 'editor',
    params: [
      { name: 'Target', type: 'mapTarget' },
      { name: 'Pattern', type: 'string' },
    ],
    summary: `${keeps ? 'Keeps only' : 'Removes'} the keys of a map in which a regular expression is found.`,
    example,
    make([target, pattern]: readonly [Target, Getter]) {
      const regexOf = regexArgument(pattern)
      return scope => {
        const regex = regexOf(scope)
        removeKeys(target, scope, key => regex.test(key) === keeps)
        return null
      }
    },
  })
}

/** A value whose replacement fails stays as it is, as in the reference. */
function replaceInValues(
  target: Target,
  scope: unknown,
  regex: Regex,
  template: string,
  replace: TextReplacer,
): void {
  changeValues(target, scope, value => {
    if (typeof value !== 'string' || !regex.test(value)) return undefined
    return replaceOrNothing(scope, regex, value, template, replace)
  })
}

/** The later of two keys that become equal wins; one whose replacement fails is lost, as in the reference. */
function replaceInKeys(
  target: Target,
  scope: unknown,
  regex: Regex,
  template: string,
  replace: TextReplacer,
): void {
  if (target.keyed?.keys(scope).some(key => regex.test(key)) === false) return
  const after = new Map<string, Value>()
  for (const [key, value] of target.get(scope) as ValueMap) {
    const renamed = regex.test(key) ? replaceOrNothing(scope, regex, key, template, replace) : key
    if (renamed !== undefined) after.set(renamed, value)
  }
  target.set(scope, after)
}

function replaceOrNothing(
  scope: unknown,
  regex: Regex,
  text: string,
  template: string,
  replace: TextReplacer,
): string | undefined {
  try {
    return replace(scope, regex, text, template)
  } catch (error) {
    if (error instanceof EvaluationError) return undefined
    throw error
  }
}
