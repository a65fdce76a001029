/** The proleptic Gregorian calendar over Unix seconds, for all of int64: Date of JavaScript ends in the year 275760. */
import type { Time } from '../value.ts'
import { offsetAt } from './zone.ts'

const DAY = 86_400
/** Days of 400 years, after which the calendar repeats. */
const ERA = 146_097
/** From 0000-03-01 to 1970-01-01. */
const EPOCH = 719_468
const NANOS = 1_000_000_000n

export interface Civil {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  /** 1 to 366. */
  readonly yearDay: number
  /** Sunday is 0. */
  readonly weekday: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number
  /** Seconds east of UTC. */
  readonly offset: number
}

/** What clock and calendar show at that time in its own zone. */
export function civilOf(time: Time): Civil {
  const nanosecond = Number(((time.unixNano % NANOS) + NANOS) % NANOS)
  const seconds = Number((time.unixNano - BigInt(nanosecond)) / NANOS)
  const offset = offsetAt(time.zone, seconds)
  const days = Math.floor((seconds + offset) / DAY)
  const clock = seconds + offset - days * DAY
  const { year, month, day } = dateOf(days)
  return {
    year,
    month,
    day,
    yearDay: days - daysOf(year, 1, 1) + 1,
    weekday: (((days + 4) % 7) + 7) % 7,
    hour: Math.trunc(clock / 3600),
    minute: Math.trunc(clock / 60) % 60,
    second: clock % 60,
    nanosecond,
    offset,
  }
}

/** Years begin in March here, so that the leap day is the last. */
function dateOf(days: number): { year: number; month: number; day: number } {
  const shifted = days + EPOCH
  const era = Math.floor(shifted / ERA)
  const dayOfEra = shifted - era * ERA
  const yearOfEra = Math.trunc(
    (dayOfEra -
      Math.trunc(dayOfEra / 1460) +
      Math.trunc(dayOfEra / 36_524) -
      Math.trunc(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.trunc(yearOfEra / 4) - Math.trunc(yearOfEra / 100))
  const shiftedMonth = Math.trunc((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.trunc((153 * shiftedMonth + 2) / 5) + 1,
  }
}

/** Days since 1970-01-01; days beyond the month's end run on into the next. */
export function daysOf(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.trunc((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra =
    yearOfEra * 365 + Math.trunc(yearOfEra / 4) - Math.trunc(yearOfEra / 100) + dayOfYear
  return era * ERA + dayOfEra - EPOCH
}

export function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

export function daysIn(month: number, year: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

export interface WallTime {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
}

/** Seconds as if the wall clock were in UTC. */
export function wallSeconds({ year, month, day, hour, minute, second }: WallTime): number {
  return daysOf(year, month, day) * DAY + hour * 3600 + minute * 60 + second
}
