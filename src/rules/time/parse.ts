/** Reads a time by a layout of Go (time.ParseInLocation), with the reference's corrections: zone abbreviations, years left out. */
import { Time } from '../value.ts'
import { civilOf, daysIn, daysOf, isLeap, wallSeconds } from './calendar.ts'
import type { Element } from './layout.ts'
import { newReading, type Reading, readElement } from './parse-elements.ts'
import {
  abbreviationAt,
  fixedZone,
  instantOf,
  loadZone,
  localZone,
  offsetAt,
  offsetOfName,
} from './zone.ts'

/** Why and where a text is not of the layout. */
export interface ParseFault {
  readonly message: string
  /** The element or the literal text of the layout that did not match; '' for the whole. */
  element: string
  /** What the text had there. */
  readonly rest: string
}

const DAY = 86_400
const NANOS = 1_000_000_000n
/** Texts without a year that would lie further ahead than this are of the last year. */
const AHEAD_DAYS = 7

export function parseTime(
  elements: readonly Element[],
  text: string,
  zone: string,
): Time | ParseFault {
  const found = parseIn(elements, text, zone)
  if (!('time' in found)) return found
  const corrected = withZone(elements, text, found)
  return corrected instanceof Time ? withYear(corrected) : corrected
}

/** A zone abbreviation that was not found in the location has no offset yet: it may name a location of its own. */
function withZone(
  elements: readonly Element[],
  text: string,
  { time, zoneName }: Parsed,
): Time | ParseFault {
  if (zoneName === '') return time
  let named: string
  try {
    named = loadZone(zoneName)
  } catch (error) {
    return { message: (error as Error).message, element: '', rest: '' }
  }
  const again = parseIn(elements, text, named)
  return 'time' in again ? again.time : time
}

interface Parsed {
  readonly time: Time
  /** An abbreviation whose offset is not known. */
  readonly zoneName: string
}

function parseIn(elements: readonly Element[], text: string, zone: string): Parsed | ParseFault {
  const reading = newReading(text)
  for (const [i, element] of elements.entries()) {
    const isSkipped = skipLiteral(reading, element.prefix)
    if (!isSkipped) return faultOf(reading, element.prefix, reading.position)
    if (element.kind === null) break
    const start = reading.position
    const fault = readElement(reading, element, elements[i + 1])
    if (fault === 'bad') return faultOf(reading, element.text, start)
    if (fault !== undefined) return faultOf(reading, element.text, reading.position, fault)
  }
  if (reading.position < text.length) return faultOf(reading, '', reading.position, 'extra text')
  return resolve(reading, zone)
}

function faultOf({ text }: Reading, element: string, at: number, outOfRange?: string): ParseFault {
  const rest = text.slice(at)
  const shown = JSON.stringify(text.slice(0, 100))
  const what =
    outOfRange === 'extra text'
      ? `extra text: ${JSON.stringify(rest.slice(0, 100))}`
      : outOfRange === undefined
        ? `cannot parse ${JSON.stringify(rest.slice(0, 100))} as ${JSON.stringify(element)}`
        : `${outOfRange} out of range`
  return { message: `parsing time ${shown}: ${what}`, element, rest }
}

/** Runs of spaces match runs of spaces, and the end. */
function skipLiteral(reading: Reading, literal: string): boolean {
  const { text } = reading
  for (let i = 0; i < literal.length; ) {
    if (literal[i] === ' ') {
      if (reading.position < text.length && text[reading.position] !== ' ') return false
      while (literal[i] === ' ') i++
      while (text[reading.position] === ' ') reading.position++
      continue
    }
    if (text[reading.position] !== literal[i]) return false
    reading.position++
    i++
  }
  return true
}

function resolve(reading: Reading, zone: string): Parsed | ParseFault {
  const date = dateOf(reading)
  if (typeof date === 'string') return faultOf(reading, '', reading.position, date)
  let { hour } = reading
  if (reading.isPm && hour < 12) hour += 12
  else if (reading.isAm && hour === 12) hour = 0
  const { year, minute, second } = reading
  const wall = wallSeconds({ year, ...date, hour, minute, second })
  const at = (seconds: number, in_: string, zoneName = ''): Parsed => {
    const unixNano = BigInt(seconds) * NANOS + BigInt(reading.nanosecond)
    return { time: new Time(unixNano, in_), zoneName }
  }
  if (reading.isUtc) return at(wall, 'UTC')
  if (reading.offset !== null) {
    const seconds = wall - reading.offset
    const isHere = offsetAt(zone, seconds) === reading.offset
    const isNamed = reading.zoneName === '' || abbreviationAt(zone, seconds) === reading.zoneName
    return at(seconds, isHere && isNamed ? zone : fixedZone(reading.offset))
  }
  if (reading.zoneName === '') return at(instantOf(zone, wall), zone)
  const known = offsetOfName(zone, reading.zoneName, wall)
  if (known !== undefined) return at(wall - known, zone)
  const hours = /^GMT([-+]\d+)$/.exec(reading.zoneName)
  const offset = hours === null ? 0 : Number(hours[1]) * 3600
  if (offset !== 0) return at(wall, fixedZone(offset))
  return at(wall, 'UTC', reading.zoneName)
}

/** What is out of range, as text, when the calendar has no such day. */
function dateOf(reading: Reading): { month: number; day: number } | string {
  const { year, yearDay } = reading
  let month = reading.month < 0 ? 1 : reading.month
  let day = reading.day < 0 ? 1 : reading.day
  if (yearDay >= 0) {
    if (yearDay < 1 || yearDay > (isLeap(year) ? 366 : 365)) return 'day-of-year'
    const found = civilOf(new Time(BigInt((daysOf(year, 1, 1) + yearDay - 1) * DAY) * NANOS))
    if (reading.month >= 0 && reading.month !== found.month) return 'day-of-year'
    if (reading.day >= 0 && reading.day !== found.day) return 'day-of-year'
    month = found.month
    day = found.day
  }
  return day < 1 || day > daysIn(month, year) ? 'day' : { month, day }
}

/** Some formats (RFC 3164) leave out the year: the one that makes the time recent. */
function withYear(time: Time): Time {
  const civil = civilOf(time)
  if (civil.year > 0) return time
  const now = BigInt(Date.now()) * 1_000_000n
  const year = civilOf(new Time(now, localZone())).year
  const dated = (of: number): Time => {
    const seconds = instantOf(time.zone, wallSeconds({ ...civil, year: of }))
    return new Time(BigInt(seconds) * NANOS + BigInt(civil.nanosecond), time.zone)
  }
  const found = dated(year)
  const limit = now + BigInt(AHEAD_DAYS * DAY) * NANOS
  return found.unixNano > limit ? dated(year - 1) : found
}
