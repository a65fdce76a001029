/** Writes a time by a layout of Go (time.Time.Format). */
import type { Time } from '../value.ts'
import { type Civil, civilOf } from './calendar.ts'
import type { Element } from './layout.ts'
import { DAYS, MONTHS, SHORT_DAYS, SHORT_MONTHS } from './names.ts'
import { abbreviationAt } from './zone.ts'

export function formatTime(elements: readonly Element[], time: Time): string {
  const civil = civilOf(time)
  let out = ''
  for (const element of elements) {
    out += element.prefix
    if (element.kind !== null) out += elementText(element, civil, time)
  }
  return out
}

function elementText({ kind, text }: Element, civil: Civil, time: Time): string {
  switch (kind) {
    case 'year':
      return padded(Math.abs(civil.year) % 100, 2)
    case 'longYear':
      return padded(civil.year, 4)
    case 'month':
      return SHORT_MONTHS[civil.month - 1]
    case 'longMonth':
      return MONTHS[civil.month - 1]
    case 'weekday':
      return SHORT_DAYS[civil.weekday]
    case 'longWeekday':
      return DAYS[civil.weekday]
    case 'underDay':
      return String(civil.day).padStart(2)
    case 'underYearDay':
      return String(civil.yearDay).padStart(3)
    case 'zeroYearDay':
      return padded(civil.yearDay, 3)
    case 'PM':
      return civil.hour >= 12 ? 'PM' : 'AM'
    case 'pm':
      return civil.hour >= 12 ? 'pm' : 'am'
    case 'zone':
      return zoneText(text, civil.offset)
    case 'zoneName':
      return abbreviationAt(time.zone, secondsOf(time)) || zoneText('-0700', civil.offset)
    case 'fraction0':
    case 'fraction9':
      return fractionText(text, civil.nanosecond)
    default:
      return numberText(kind, civil)
  }
}

function numberText(kind: Element['kind'], civil: Civil): string {
  switch (kind) {
    case 'numMonth':
      return String(civil.month)
    case 'zeroMonth':
      return padded(civil.month, 2)
    case 'day':
      return String(civil.day)
    case 'zeroDay':
      return padded(civil.day, 2)
    case 'hour':
      return padded(civil.hour, 2)
    case 'hour12':
      return String(civil.hour % 12 || 12)
    case 'zeroHour12':
      return padded(civil.hour % 12 || 12, 2)
    case 'minute':
      return String(civil.minute)
    case 'zeroMinute':
      return padded(civil.minute, 2)
    case 'second':
      return String(civil.second)
    default:
      return padded(civil.second, 2)
  }
}

/** `Z…` forms write UTC as Z; the others always as numbers. */
function zoneText(form: string, offset: number): string {
  if (offset === 0 && form.startsWith('Z')) return 'Z'
  const total = Math.abs(offset)
  const minutes = Math.trunc(total / 60)
  const colon = form.includes(':') ? ':' : ''
  // The sign is that of whole minutes, as in Go.
  let out = (Math.trunc(offset / 60) < 0 ? '-' : '+') + padded(Math.trunc(minutes / 60), 2)
  if (form.length > 3) out += colon + padded(minutes % 60, 2)
  if (form.length > 6) out += colon + padded(total % 60, 2)
  return out
}

/** `.000` writes all its digits, `.999` leaves off trailing zeros and then the point. */
function fractionText(form: string, nanosecond: number): string {
  const digits = padded(nanosecond, 9).slice(0, form.length - 1)
  const kept = form[1] === '9' ? digits.replace(/0+$/, '') : digits
  return kept === '' ? '' : form[0] + kept
}

function padded(value: number, width: number): string {
  const text = String(Math.abs(value)).padStart(width, '0')
  return value < 0 ? `-${text}` : text
}

function secondsOf({ unixNano }: Time): number {
  return Math.floor(Number(unixNano / 1_000_000n) / 1000)
}
