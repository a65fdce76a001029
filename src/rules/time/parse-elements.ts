/** Reads single elements of a layout from the front of a text, as Go's time.Parse does; positions move on as they are read. */
import type { Element } from './layout.ts'
import { DAYS, MONTHS, SHORT_DAYS, SHORT_MONTHS } from './names.ts'

/** What a text said so far; -1 and null stand for nothing. */
export interface Reading {
  text: string
  position: number
  year: number
  month: number
  day: number
  yearDay: number
  hour: number
  minute: number
  second: number
  nanosecond: number
  isAm: boolean
  isPm: boolean
  /** Seconds east of UTC. */
  offset: number | null
  zoneName: string
  isUtc: boolean
}

export function newReading(text: string): Reading {
  return {
    text,
    position: 0,
    year: 0,
    month: -1,
    day: -1,
    yearDay: -1,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    isAm: false,
    isPm: false,
    offset: null,
    zoneName: '',
    isUtc: false,
  }
}

/** `bad`: the text is not that; else what is out of range. */
export type ReadFault = 'bad' | 'month' | 'hour' | 'minute' | 'second' | 'time zone offset'

/** `next` is the element that follows: a fraction after seconds is read even where the layout has none. */
export function readElement(
  reading: Reading,
  element: Element,
  next: Element,
): ReadFault | undefined {
  switch (element.kind) {
    case 'year':
    case 'longYear':
      return readYear(reading, element.kind === 'year')
    case 'month':
    case 'longMonth':
      reading.month = readName(reading, element.kind === 'month' ? SHORT_MONTHS : MONTHS) + 1
      return reading.month === 0 ? 'bad' : undefined
    case 'weekday':
    case 'longWeekday':
      return readName(reading, element.kind === 'weekday' ? SHORT_DAYS : DAYS) < 0
        ? 'bad'
        : undefined
    case 'zoneName':
      return readZoneName(reading)
    case 'zone':
      return readZone(reading, element.text)
    case 'PM':
    case 'pm':
      return readPeriod(reading, element.kind)
    case 'fraction0':
      return readFraction(reading, element.text.length)
    case 'fraction9':
      return hasFraction(reading) ? readFraction(reading, fractionLength(reading)) : undefined
    default:
      return readNumberElement(reading, element, next)
  }
}

function readNumberElement(
  reading: Reading,
  { kind }: Element,
  next: Element,
): ReadFault | undefined {
  switch (kind) {
    case 'numMonth':
    case 'zeroMonth':
      reading.month = readNumber(reading, 2, kind === 'zeroMonth')
      return fault(reading.month, 'month', 1, 12)
    case 'day':
    case 'underDay':
    case 'zeroDay':
      if (kind === 'underDay') skipSpace(reading)
      reading.day = readNumber(reading, 2, kind === 'zeroDay')
      return reading.day < 0 ? 'bad' : undefined
    case 'underYearDay':
    case 'zeroYearDay':
      for (let i = 0; i < 2 && kind === 'underYearDay'; i++) skipSpace(reading)
      reading.yearDay = readNumber(reading, 3, kind === 'zeroYearDay')
      return reading.yearDay < 0 ? 'bad' : undefined
    case 'hour':
      reading.hour = readNumber(reading, 2, false)
      return fault(reading.hour, 'hour', 0, 23)
    case 'hour12':
    case 'zeroHour12':
      reading.hour = readNumber(reading, 2, kind === 'zeroHour12')
      return fault(reading.hour, 'hour', 0, 12)
    case 'minute':
    case 'zeroMinute':
      reading.minute = readNumber(reading, 2, kind === 'zeroMinute')
      return fault(reading.minute, 'minute', 0, 59)
    default:
      return readSecond(reading, kind === 'zeroSecond', next)
  }
}

function fault(value: number, name: ReadFault, low: number, high: number): ReadFault | undefined {
  if (value < 0) return 'bad'
  return value < low || value > high ? name : undefined
}

function readSecond(reading: Reading, isFixed: boolean, next: Element): ReadFault | undefined {
  reading.second = readNumber(reading, 2, isFixed)
  const found = fault(reading.second, 'second', 0, 59)
  if (found !== undefined || !hasFraction(reading)) return found
  if (next.kind === 'fraction0' || next.kind === 'fraction9') return undefined
  return readFraction(reading, fractionLength(reading))
}

function isDigit(text: string, i: number): boolean {
  const code = text.charCodeAt(i)
  return code >= 48 && code <= 57
}

/** -1 when there is no digit, or fewer than `most` where the width is fixed. */
function readNumber(reading: Reading, most: number, isFixed: boolean): number {
  const { text, position } = reading
  let end = position
  while (end < position + most && isDigit(text, end)) end++
  if (end === position || (isFixed && end < position + most)) return -1
  reading.position = end
  return Number(text.slice(position, end))
}

function skipSpace(reading: Reading): void {
  if (reading.text[reading.position] === ' ') reading.position++
}

/** Two digits stand for 1969 to 2068. As Go's Atoi reads them, a sign may take the first place. */
function readYear(reading: Reading, isShort: boolean): ReadFault | undefined {
  const width = isShort ? 2 : 4
  const part = reading.text.slice(reading.position, reading.position + width)
  const isNumber = isShort ? /^(?:\d\d|[-+]\d)$/.test(part) : /^\d{4}$/.test(part)
  if (!isNumber) return 'bad'
  reading.position += width
  const year = Number(part)
  reading.year = !isShort ? year : year + (year >= 69 ? 1900 : 2000)
  return undefined
}

/** Index of the first name that the text begins with, in any case of letters; -1 for none. */
function readName(reading: Reading, names: readonly string[]): number {
  const { text, position } = reading
  const found = names.findIndex(
    name => text.slice(position, position + name.length).toLowerCase() === name.toLowerCase(),
  )
  if (found >= 0) reading.position += names[found].length
  return found
}

function readPeriod(reading: Reading, kind: 'PM' | 'pm'): ReadFault | undefined {
  const part = reading.text.slice(reading.position, reading.position + 2)
  const [pm, am] = kind === 'PM' ? ['PM', 'AM'] : ['pm', 'am']
  if (part === pm) reading.isPm = true
  else if (part === am) reading.isAm = true
  else return 'bad'
  reading.position += 2
  return undefined
}

function hasFraction({ text, position }: Reading): boolean {
  return (text[position] === '.' || text[position] === ',') && isDigit(text, position + 1)
}

/** With its point. */
function fractionLength({ text, position }: Reading): number {
  let end = position + 1
  while (isDigit(text, end)) end++
  return end - position
}

/** Digits after the ninth are left out. */
function readFraction(reading: Reading, length: number): ReadFault | undefined {
  const { text, position } = reading
  const part = text.slice(position, position + length)
  if (part.length < length || !/^[.,]\d+$/.test(part)) return 'bad'
  reading.nanosecond = Number(part.slice(1, 10).padEnd(9, '0'))
  reading.position += length
  return undefined
}

/** Where the digits of each form are: hours, minutes, seconds. */
const ZONE_FORMS: Readonly<Record<string, RegExp>> = {
  '07': /^(.)(\d\d)/s,
  '0700': /^(.)(\d\d)(\d\d)/s,
  '07:00': /^(.)(\d\d):(\d\d)/s,
  '070000': /^(.)(\d\d)(\d\d)(\d\d)/s,
  '07:00:00': /^(.)(\d\d):(\d\d):(\d\d)/s,
}

function readZone(reading: Reading, form: string): ReadFault | undefined {
  const { text, position } = reading
  if (form.startsWith('Z') && text[position] === 'Z') {
    reading.isUtc = true
    reading.position++
    return undefined
  }
  const found = ZONE_FORMS[form.slice(1)].exec(text.slice(position, position + form.length))
  if (found === null) return 'bad'
  const [hours, minutes, seconds] = [found[2], found[3] ?? '0', found[4] ?? '0'].map(Number)
  if (hours > 24 || minutes > 60 || seconds > 60) return 'time zone offset'
  if (found[1] !== '+' && found[1] !== '-') return 'bad'
  const total = (hours * 60 + minutes) * 60 + seconds
  reading.offset = found[1] === '-' ? -total : total
  reading.position += form.length
  return undefined
}

/** Three to five capitals as Go knows abbreviations, GMT with hours, or a sign and hours. */
function readZoneName(reading: Reading): ReadFault | undefined {
  const rest = reading.text.slice(reading.position, reading.position + 64)
  if (rest.startsWith('UTC')) {
    reading.isUtc = true
    reading.position += 3
    return undefined
  }
  const name = zoneNameAt(rest)
  if (name === '') return 'bad'
  reading.zoneName = name
  reading.position += name.length
  return undefined
}

function zoneNameAt(rest: string): string {
  if (rest.length < 3) return ''
  if (rest.startsWith('ChST') || rest.startsWith('MeST')) return rest.slice(0, 4)
  if (rest.startsWith('GMT')) return `GMT${signedHours(rest.slice(3))}`
  if (rest[0] === '+' || rest[0] === '-') return signedHours(rest)
  const capitals = /^[A-Z]{0,6}/.exec(rest)?.[0] ?? ''
  if (capitals.length === 5) return capitals[4] === 'T' ? capitals : ''
  if (capitals.length === 4) return capitals[3] === 'T' || capitals === 'WITA' ? capitals : ''
  return capitals.length === 3 ? capitals : ''
}

/** `+5`, `-03`: at most 23. */
function signedHours(rest: string): string {
  const found = /^[-+](\d+)/.exec(rest)
  return found === null || Number(found[1]) > 23 ? '' : found[0]
}
