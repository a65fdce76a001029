/** XPath's functions and comparisons, with the reference's view of types (lengths count bytes of UTF-8, for one). */
import { compileRegex, type Regex } from '../../regex.ts'
import type { EvaluationError } from '../../value.ts'
import { isSpace, trimSpace } from './space.ts'
import {
  isAttribute,
  itemValue,
  localNameOf,
  namespaceOf,
  nextOf,
  prefixOf,
  previousOf,
  type XPathItem,
} from './xpath-nodes.ts'
import {
  ComputedQuery,
  evaluationFault,
  NodeSet,
  type Query,
  type Run,
  toBoolean,
  type XPathValue,
} from './xpath-query.ts'

type Compute = (context: XPathItem, run: Run) => XPathValue

/** `make` gets the arguments; the context is asked for where the reference defaults to it. */
interface XPathFunction {
  readonly min: number
  readonly max: number
  make(args: readonly Query[]): Compute
}

/** Null when there is no such function; throws Error for a wrong count of arguments. */
export function xpathFunction(name: string, args: readonly Query[]): Query | null {
  const found = FUNCTIONS.get(name)
  if (found === undefined) return null
  if (args.length < found.min || args.length > found.max) {
    throw new Error(`${name}() has a wrong number of arguments`)
  }
  return new ComputedQuery(found.make(args))
}

const ANY = Number.POSITIVE_INFINITY

const FUNCTIONS: ReadonlyMap<string, XPathFunction> = new Map([
  ['true', { min: 0, max: ANY, make: () => () => true }],
  ['false', { min: 0, max: ANY, make: () => () => false }],
  ['not', { min: 1, max: ANY, make: ([arg]) => negated(arg) }],
  [
    'boolean',
    {
      min: 1,
      max: 1,
      make:
        ([arg]) =>
        (item, run) =>
          toBoolean(arg.value(item, run)),
    },
  ],
  ['number', { min: 1, max: 1, make: numeric(value => value) }],
  ['string', { min: 0, max: 1, make: ([arg]) => stringOf(arg) }],
  ['name', { min: 0, max: 1, make: named(qualifiedName) }],
  ['local-name', { min: 0, max: 1, make: named(localNameOf) }],
  ['namespace-uri', { min: 0, max: 1, make: named(namespaceOf) }],
  ['count', { min: 1, max: ANY, make: ([arg]) => count(arg) }],
  ['sum', { min: 1, max: ANY, make: ([arg]) => sum(arg) }],
  ['ceiling', { min: 1, max: ANY, make: numeric(Math.ceil) }],
  ['floor', { min: 1, max: ANY, make: numeric(Math.floor) }],
  ['round', { min: 1, max: ANY, make: numeric(value => Math.floor(value + 0.5)) }],
  ['starts-with', { min: 2, max: ANY, make: matching((text, part) => text.startsWith(part)) }],
  ['ends-with', { min: 2, max: ANY, make: matching((text, part) => text.endsWith(part)) }],
  ['contains', { min: 2, max: ANY, make: matching((text, part) => text.includes(part)) }],
  ['matches', { min: 2, max: 2, make: ([text, pattern]) => matches(text, pattern) }],
  ['lower-case', { min: 1, max: ANY, make: texts(([text]) => text.toLowerCase()) }],
  ['concat', { min: 2, max: ANY, make: texts(parts => parts.join('')) }],
  ['translate', { min: 3, max: 3, make: texts(([text, from, to]) => translate(text, from, to)) }],
  ['replace', { min: 3, max: 3, make: texts(([text, from, to]) => replace(text, from, to)) }],
  ['normalize-space', { min: 0, max: ANY, make: ([arg]) => normalizeSpace(arg) }],
  ['string-length', { min: 1, max: ANY, make: ([arg]) => stringLength(arg) }],
  ['string-join', { min: 2, max: 2, make: ([nodes, separator]) => join(nodes, separator) }],
  ['substring', { min: 2, max: ANY, make: args => substring(args) }],
  ['substring-before', { min: 2, max: 2, make: args => part(args, false) }],
  ['substring-after', { min: 2, max: 2, make: args => part(args, true) }],
])

export function toNumber(value: XPathValue): number {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  const text = typeof value === 'string' ? value : value.firstValue()
  return text === undefined ? Number.NaN : parseNumber(text)
}

const NUMBER = /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/
const INFINITE = /^[-+]?inf(?:inity)?$/i

function parseNumber(text: string): number {
  const trimmed = trimSpace(text)
  if (INFINITE.test(trimmed)) return trimmed.startsWith('-') ? -Infinity : Infinity
  const value = NUMBER.test(trimmed) ? Number(trimmed) : Number.NaN
  return Number.isFinite(value) ? value : Number.NaN
}

function toText(value: XPathValue): string {
  if (typeof value === 'string') return value
  if (value instanceof NodeSet) return value.firstValue() ?? ''
  if (typeof value === 'boolean' || !Number.isFinite(value)) return String(value)
  return plainDecimal(value)
}

/** Without an exponent. */
function plainDecimal(value: number): string {
  const text = String(value === 0 ? 0 : value)
  const [mantissa, exponent] = text.split('e')
  if (exponent === undefined) return text
  const sign = mantissa.startsWith('-') ? '-' : ''
  const [whole, fraction = ''] = mantissa.replace('-', '').split('.')
  const shift = Number(exponent)
  const digits = whole + fraction
  if (shift < 0) return `${sign}0.${'0'.repeat(-shift - whole.length)}${digits}`
  return sign + digits.padEnd(whole.length + shift, '0')
}

/** A text, or the value of the first node; undefined without one. Other types are as the empty text. */
function textOf(value: XPathValue): string | undefined {
  if (typeof value === 'string') return value
  return value instanceof NodeSet ? value.firstValue() : ''
}

function texts(compute: (values: string[]) => string): XPathFunction['make'] {
  return args => (item, run) => compute(args.map(arg => toText(arg.value(item, run))))
}

function numeric(compute: (value: number) => number): XPathFunction['make'] {
  return ([arg]) =>
    (item, run) =>
      compute(toNumber(arg.value(item, run)))
}

function named(nameOf: (item: XPathItem) => string): XPathFunction['make'] {
  return ([arg]) => {
    if (arg === undefined) return nameOf
    return (item, run) => {
      const first = new NodeSet(arg, item, run).first()
      return first === undefined ? '' : nameOf(first)
    }
  }
}

function qualifiedName(item: XPathItem): string {
  const prefix = prefixOf(item)
  return prefix === '' ? localNameOf(item) : `${prefix}:${localNameOf(item)}`
}

/** Texts and numbers are neither true nor false here: the answer is always false. */
function negated(arg: Query): Compute {
  return (item, run) => {
    const value = arg.value(item, run)
    if (typeof value === 'boolean') return !value
    return value instanceof NodeSet && value.first() === undefined
  }
}

function stringOf(arg: Query | undefined): Compute {
  if (arg === undefined) return (item, run) => itemValue(item, run.budget)
  return (item, run) => toText(arg.value(item, run))
}

function count(arg: Query): Compute {
  return (item, run) => {
    const value = arg.value(item, run)
    let total = 0
    if (value instanceof NodeSet) for (const _ of value.items()) total++
    return total
  }
}

function sum(arg: Query): Compute {
  return (item, run) => {
    const value = arg.value(item, run)
    if (typeof value === 'number') return value
    if (typeof value === 'boolean') return 0
    if (typeof value === 'string') {
      const number = NUMBER.test(value) ? Number(value) : Number.NaN
      if (Number.isNaN(number)) throw evaluationFault('sum() takes nodes or a number')
      return number
    }
    let total = 0
    for (const node of value.items()) {
      const text = itemValue(node, run.budget)
      if (NUMBER.test(text) || INFINITE.test(text)) total += parseNumber(text)
    }
    return total
  }
}

function matching(compare: (text: string, part: string) => boolean): XPathFunction['make'] {
  return ([subject, wanted]) =>
    (item, run) => {
      const value = subject.value(item, run)
      if (typeof value !== 'string' && !(value instanceof NodeSet)) throw notText()
      const text = textOf(value)
      if (text === undefined) return false
      const partText = wanted.value(item, run)
      if (typeof partText !== 'string') throw notText()
      return compare(text, partText)
    }
}

function notText(): EvaluationError {
  return evaluationFault('the argument must be a string')
}

function matches(subject: Query, pattern: Query): Compute {
  return (item, run) => {
    const text = textOf(subject.value(item, run))
    if (text === undefined) return ''
    const source = pattern.value(item, run)
    if (typeof source !== 'string') throw notText()
    return regexOf(source).test(text)
  }
}

/** Patterns of `matches` and `replace` may be computed: this many are kept. */
const MAX_REGEXES = 50
const regexes = new Map<string, Regex>()

/** Throws EvaluationError for what is no regular expression. */
export function regexOf(source: string): Regex {
  const known = regexes.get(source)
  if (known !== undefined) return known
  if (regexes.size >= MAX_REGEXES) regexes.clear()
  try {
    const regex = compileRegex(source)
    regexes.set(source, regex)
    return regex
  } catch (error) {
    throw evaluationFault((error as Error).message)
  }
}

function replace(text: string, from: string, to: string): string {
  const regex = regexOf(from)
  let template = to
  for (let group = regex.groupNames.length - 1; group > 0; group--) {
    template = template.replaceAll(`$${group}`, () => `\${${group}}`)
  }
  return regex.replaceAll(text, template)
}

/** Characters of `from` become the byte of `to` that has the same place in UTF-8, or nothing. */
function translate(text: string, from: string, to: string): string {
  const bytes = Buffer.from(to)
  const changes = new Map<string, string>()
  let at = 0
  for (const char of from) {
    const change = at < bytes.length ? String.fromCharCode(bytes[at]) : ''
    if (!changes.has(char)) changes.set(char, change)
    at += Buffer.byteLength(char)
  }
  return Array.from(text, char => changes.get(char) ?? char).join('')
}

function normalizeSpace(arg: Query | undefined): Compute {
  return (item, run) => {
    const text = arg === undefined ? itemValue(item, run.budget) : textOf(arg.value(item, run))
    const trimmed = trimSpace(text ?? '')
    let result = ''
    for (let i = 0; i < trimmed.length; i++) {
      if (!isSpace(trimmed.charCodeAt(i))) result += trimmed[i]
      else if (!isSpace(trimmed.charCodeAt(i + 1))) result += ' '
    }
    return result
  }
}

function stringLength(arg: Query): Compute {
  return (item, run) => Buffer.byteLength(textOf(arg.value(item, run)) ?? '')
}

function join(nodes: Query, separator: Query): Compute {
  return (item, run) => {
    const between = textOf(separator.value(item, run)) ?? ''
    const value = nodes.value(item, run)
    if (typeof value === 'string') return value
    if (!(value instanceof NodeSet)) return ''
    return Array.from(value.items(), node => itemValue(node, run.budget)).join(between)
  }
}

function substring([subject, start, length]: readonly Query[]): Compute {
  return (item, run) => {
    const text = textOf(subject.value(item, run))
    if (text === undefined) return ''
    const from = rounded(start.value(item, run))
    const bytes = Buffer.from(text)
    if (from > bytes.length) return ''
    if (length === undefined) return from <= 0 ? text : slice(bytes, from - 1, bytes.length)
    const size = Math.min(rounded(length.value(item, run)), bytes.length)
    if (size <= 0 || (from < 0 && size + from <= 1)) return ''
    if (from <= 0) return slice(bytes, 0, size + from - 1)
    return slice(bytes, from - 1, size + from - 1)
  }
}

function rounded(value: XPathValue): number {
  if (typeof value !== 'number') throw evaluationFault('the argument must be a number')
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5)
}

function slice(bytes: Buffer, start: number, end: number): string {
  if (!(end <= bytes.length)) throw evaluationFault('substring() reaches beyond the end')
  return bytes.subarray(start, end).toString()
}

function part([subject, wanted]: readonly Query[], isAfter: boolean): Compute {
  return (item, run) => {
    const text = textOf(subject.value(item, run)) ?? ''
    const word = textOf(wanted.value(item, run)) ?? ''
    const at = word === '' ? -1 : text.indexOf(word)
    if (at < 0) return ''
    return isAfter ? text.slice(at + word.length) : text.slice(0, at)
  }
}

/** How many siblings up to and with this one the counted step would take. */
export function positionOf(counted: Query | null, item: XPathItem, run: Run): number {
  let total = 1
  for (let at = previousOf(item, run.budget); at !== null; at = previousOf(at, run.budget)) {
    run.budget.visit()
    if (counted === null || counted.test(at)) total++
  }
  return total
}

/** How many of all siblings it would take. */
export function lastOf(counted: Query | null, item: XPathItem, run: Run): number {
  let total = 0
  let at: XPathItem | null = isAttribute(item) ? item : (item.parent?.firstChild ?? item)
  for (; at !== null; at = nextOf(at, run.budget)) {
    run.budget.visit()
    if (counted === null || counted.test(at)) total++
  }
  return total
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}

/** Sets of nodes hold if any of their values does. Booleans compare with nothing in the reference. */
export function compareValues(op: string, left: XPathValue, right: XPathValue, run: Run): boolean {
  if (typeof left === 'boolean' || typeof right === 'boolean') {
    if (typeof left === typeof right) return false
    throw evaluationFault('a boolean cannot be compared with another type')
  }
  for (const a of scalars(left, run)) {
    for (const b of scalars(right, run)) if (compareScalars(op, a, b)) return true
  }
  return false
}

function* scalars(value: number | string | NodeSet, run: Run): Generator<number | string> {
  if (!(value instanceof NodeSet)) yield value
  else for (const item of value.items()) yield itemValue(item, run.budget)
}

function compareScalars(op: string, a: number | string, b: number | string): boolean {
  if (typeof a === 'string' && typeof b === 'string') {
    if (op === '=') return a === b
    if (op === '!=') return a !== b
  }
  return COMPARISONS[op](toNumber(a), toNumber(b))
}
