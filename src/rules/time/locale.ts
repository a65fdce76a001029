/** Times in other languages: names of months, days and halves of the day are put into English before a layout is applied. */

import { DAYS, MONTHS, SHORT_DAYS, SHORT_MONTHS } from './names.ts'
import type { ParseFault } from './parse.ts'

interface Words {
  readonly foreign: readonly string[]
  readonly english: readonly string[]
}

/** By the element of the layout. */
type LocaleWords = Readonly<Record<string, Words>>

/** A Sunday in a January. */
const FIRST_DAY = Date.UTC(2023, 0, 1, 9)
const HALF_DAY = 12 * 3_600_000

/** Throws Error for a language tag that is malformed or not known. */
export function localeWords(tag: string): LocaleWords {
  if (!isKnown(tag)) {
    throw new Error(
      `unsupported locale ${JSON.stringify(tag)}, value must be a supported BCP 47 language tag`,
    )
  }
  const months = (style: 'short' | 'long') => MONTHS.map((_, i) => monthName(tag, style, i))
  const days = (style: 'short' | 'long') => DAYS.map((_, i) => dayName(tag, style, i))
  const halves = [0, HALF_DAY].map(later =>
    part(tag, { hour: 'numeric', hour12: true }, FIRST_DAY + later, 'dayPeriod'),
  )
  // Spaces inside (`p. m.`) are seldom written.
  const periods = [...halves, ...halves.map(half => half.replace(/\s/g, ''))]
  return {
    January: { foreign: months('long'), english: MONTHS },
    Jan: { foreign: months('short'), english: SHORT_MONTHS },
    Monday: { foreign: days('long'), english: DAYS },
    Mon: { foreign: days('short'), english: SHORT_DAYS },
    PM: { foreign: periods, english: ['AM', 'PM', 'AM', 'PM'] },
    pm: { foreign: periods, english: ['am', 'pm', 'am', 'pm'] },
  }
}

function isKnown(tag: string): boolean {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(tag).length > 0 && /^[a-z]/.test(tag)
  } catch {
    return false
  }
}

function part(
  tag: string,
  options: Intl.DateTimeFormatOptions,
  at: number,
  type: Intl.DateTimeFormatPartTypes,
): string {
  const all = { ...options, timeZone: 'UTC', calendar: 'gregory', numberingSystem: 'latn' }
  const parts = new Intl.DateTimeFormat(tag, all).formatToParts(at)
  return parts.find(found => found.type === type)?.value ?? ''
}

/** In the form that stands beside a day, which many languages inflect; alone where that is a number. */
function monthName(tag: string, style: 'short' | 'long', month: number): string {
  const at = Date.UTC(2023, month, 1, 9)
  const name = part(tag, { day: 'numeric', month: style }, at, 'month')
  if (!/^\d*$/.test(name)) return name
  return new Intl.DateTimeFormat(tag, {
    month: style,
    timeZone: 'UTC',
    calendar: 'gregory',
    numberingSystem: 'latn',
  }).format(at)
}

function dayName(tag: string, style: 'short' | 'long', day: number): string {
  const options: Intl.DateTimeFormatOptions = { weekday: style, day: 'numeric', month: style }
  return part(tag, options, FIRST_DAY + day * 2 * HALF_DAY, 'weekday')
}

/**
 * Walks layout and text side by side. As in the reference every other character of the layout stands for one of the
 * text, so that elements of changing width before a name (`2`) can throw it off.
 */
export function translate(words: LocaleWords, layout: string, text: string): string | ParseFault {
  let out = ''
  let at = 0
  for (let i = 0; i < layout.length; ) {
    const element = elementAt(layout, i)
    const step = readTranslated(words, element, text, at)
    if (step === undefined) {
      return {
        message: `value ${JSON.stringify(text.slice(0, 100))} does not match the layout element "${element}"`,
        element,
        rest: 'unknown',
      }
    }
    out += step.english
    at = step.end
    i += Math.max(element.length, 1)
  }
  return out + text.slice(at)
}

/** '' for a literal character. */
function elementAt(layout: string, i: number): string {
  const rest = layout.slice(i, i + 8)
  const name = /^(?:January|Jan(?![a-z])|Monday|Mon(?![a-z])|__2)/.exec(rest)?.[0]
  if (name !== undefined) return name
  const period = /^([Pp])[Mm]/.exec(rest)
  if (period !== null) return period[1] === 'P' ? 'PM' : 'pm'
  if (rest.startsWith('_2')) return rest.startsWith('_2006') ? '_2006' : '_2'
  return /^[345]/.test(rest) && layout[i - 1] !== '0' ? rest[0] : ''
}

interface Step {
  readonly english: string
  readonly end: number
}

function readTranslated(
  words: LocaleWords,
  element: string,
  text: string,
  at: number,
): Step | undefined {
  if (element === '') return { english: text.slice(at, at + 1), end: Math.min(at + 1, text.length) }
  let start = at
  while (/\s/.test(text[start] ?? '')) start++
  const spaces = ' '.repeat(start - at)
  if (element in words) return readWord(words[element], text, start, spaces)
  const width = element.length
  const wanted = width === 1 ? /^\d{1,2}/ : new RegExp(`^\\S{1,${width}}`)
  const found = wanted.exec(text.slice(start, start + 8))?.[0]
  return found === undefined ? undefined : { english: spaces + found, end: start + found.length }
}

/** The longest word that stands there. */
function readWord(
  { foreign, english }: Words,
  text: string,
  start: number,
  spaces: string,
): Step | undefined {
  let best = -1
  for (const [i, word] of foreign.entries()) {
    if (word === '' || (best >= 0 && word.length <= foreign[best].length)) continue
    const candidate = text.slice(start, start + word.length)
    if (candidate.toLowerCase() === word.toLowerCase()) best = i
  }
  if (best < 0) return undefined
  return { english: spaces + english[best], end: start + foreign[best].length }
}
