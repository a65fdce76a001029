/**
 * The `%` tokens of rules (40 of them). Writing turns each into one element of a Go layout. Reading is more lenient:
 * numbers may lack leading zeros or have spaces before them, and `%z` takes several forms; so forms are tried in turn
 * where the text does not match, and what matched last is tried first for the next text.
 */
import { EvaluationError, type Time } from '../value.ts'
import { formatTime } from './format.ts'
import { type Element, parseLayout } from './layout.ts'
import { localeWords, translate } from './locale.ts'
import { type ParseFault, parseTime } from './parse.ts'

const WRITTEN: Readonly<Record<string, string>> = {
  '%Y': '2006',
  '%y': '06',
  '%m': '01',
  '%o': '_1',
  '%q': '1',
  '%b': 'Jan',
  '%h': 'Jan',
  '%B': 'January',
  '%d': '02',
  '%e': '_2',
  '%g': '2',
  '%a': 'Mon',
  '%A': 'Monday',
  '%H': '15',
  '%l': '3',
  '%I': '03',
  '%p': 'PM',
  '%P': 'pm',
  '%M': '04',
  '%S': '05',
  '%L': '999',
  '%f': '999999',
  '%s': '999999999',
  '%Z': 'MST',
  '%z': 'Z0700',
  '%w': '-070000',
  '%i': '-07',
  '%j': '-07:00',
  '%k': '-07:00:00',
  '%D': '01/02/2006',
  '%x': '01/02/2006',
  '%F': '2006-01-02',
  '%T': '15:04:05',
  '%X': '15:04:05',
  '%r': '03:04:05 pm',
  '%R': '15:04',
  '%n': '\n',
  '%t': '\t',
  '%%': '%',
  '%c': 'Mon Jan 02 15:04:05 2006',
}

/** Forms tried in order, each in its single elements and the literals between them. */
const READ: Readonly<Record<string, readonly (readonly string[])[]>> = {
  '%m': [['1']],
  '%o': [['1']],
  '%q': [['1']],
  '%d': [['2']],
  '%e': [['2']],
  '%g': [['2']],
  '%I': [['3']],
  '%M': [['4']],
  '%S': [['5']],
  '%D': [
    ['1', '/', '2', '/', '2006'],
    ['1', '/', '2', '/', '06'],
  ],
  '%x': [
    ['1', '/', '2', '/', '2006'],
    ['1', '/', '2', '/', '06'],
  ],
  '%F': [['2006', '-', '1', '-', '2']],
  '%T': [['15', ':', '4', ':', '5']],
  '%X': [['15', ':', '4', ':', '5']],
  '%r': [['3', ':', '4', ':', '5', ' ', 'pm']],
  '%R': [['15', ':', '4']],
  '%c': [['Mon', ' ', 'Jan', ' ', '2', ' ', '15', ':', '4', ':', '5', ' ', '2006']],
  '%z': [['Z0700'], ['Z07:00'], ['Z07']],
}

/** Layouts kept for each format; texts of one source have few. */
const MAX_LAYOUTS = 64

/** Throws Error for a format that cannot be. */
function checkFormat(format: string): void {
  if (format === '') throw new Error('format cannot be nil')
  if (/\d/.test(format)) throw new Error('format string should not contain decimals')
  const fraction = /[^.,\n]%[Lfs]|\n%[Lfs]/.exec(format)
  if (fraction !== null) {
    throw new Error(
      `invalid fractional seconds directive: '${fraction[0]}'. must be preceded with '.' or ','`,
    )
  }
  const unknown = [...format.matchAll(/%[^\n]/gu)].find(([token]) => WRITTEN[token] === undefined)
  if (unknown !== undefined) throw new Error(`invalid strptime format: unsupported ${unknown[0]}`)
}

export function timeFormatter(format: string): (time: Time) => string {
  checkFormat(format)
  const layout = format.replace(/%[^\n]/gu, token => WRITTEN[token])
  const elements = parseLayout(layout)
  return time => formatTime(elements, time)
}

/** A token, or the text between two. */
interface Piece {
  readonly token: string | null
  readonly text: string
}

/** Throws Error for a format or a locale that cannot be; what is given throws EvaluationError. */
export function timeParser(
  format: string,
  zone: string,
  locale: string | undefined,
): (text: string) => Time {
  checkFormat(format)
  const attempt = attempts(zone, locale)
  const pieces = piecesOf(format)
  let last: string | undefined
  return text => {
    if (last !== undefined) {
      const time = attempt(last, text)
      if (!('message' in time)) return time
    }
    const { time, layout } = tryForms('', pieces, 0, of => attempt(of, text))
    if ('message' in time) throw new EvaluationError(time.message)
    last = layout
    return time
  }
}

type Attempt = (layout: string, text: string) => Time | ParseFault

function attempts(zone: string, locale: string | undefined): Attempt {
  const layouts = new Map<string, Element[]>()
  const elementsOf = (layout: string): Element[] => {
    let elements = layouts.get(layout)
    if (elements === undefined) {
      if (layouts.size >= MAX_LAYOUTS) layouts.clear()
      elements = parseLayout(layout)
      layouts.set(layout, elements)
    }
    return elements
  }
  if (locale === undefined) return (layout, text) => parseTime(elementsOf(layout), text, zone)
  const words = localeWords(locale)
  return (layout, text) => {
    const english = translate(words, layout, text)
    return typeof english === 'string' ? parseTime(elementsOf(layout), english, zone) : english
  }
}

function piecesOf(format: string): Piece[] {
  return (format.match(/%[^\n]|(?:(?!%[^\n])[\s\S])+/gu) ?? []).map(text => ({
    token: WRITTEN[text] === undefined ? null : text,
    text,
  }))
}

interface Tried {
  readonly time: Time | ParseFault
  readonly layout: string
}

/** Only the token whose element failed is tried in another form; a fault that no form heals goes up under the token's name. */
function tryForms(
  before: string,
  pieces: readonly Piece[],
  i: number,
  attempt: (layout: string) => Time | ParseFault,
): Tried {
  if (i === pieces.length) return { time: attempt(before), layout: before }
  const { token, text } = pieces[i]
  if (token === null) return tryForms(before + text, pieces, i + 1, attempt)
  let tried: Tried | undefined
  for (const form of READ[token] ?? [[WRITTEN[token]]]) {
    const outcome = tryForm(form, token, of => tryForms(before + of, pieces, i + 1, attempt))
    if (!outcome.isOwnFault) return outcome.tried
    tried = outcome.tried
  }
  return tried as Tried
}

interface Outcome {
  readonly tried: Tried
  /** Whether it was this form that the text did not match. */
  readonly isOwnFault: boolean
}

/** Where a number or a zone has spaces before it, those are put into the layout. */
function tryForm(form: readonly string[], token: string, rest: (layout: string) => Tried): Outcome {
  let elements = form
  for (;;) {
    const tried = rest(elements.join(''))
    if (!('message' in tried.time) || tried.time.element === '') return { tried, isOwnFault: false }
    const at = elements.indexOf(tried.time.element)
    if (at < 0) return { tried, isOwnFault: false }
    tried.time.element = token
    const spaces = /^[\t\n\f\r ]+/.exec(tried.time.rest)?.[0]
    if (spaces === undefined || !/^[\dZ]/.test(elements[at])) return { tried, isOwnFault: true }
    elements = elements.toSpliced(at, 0, spaces)
  }
}
