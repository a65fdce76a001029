/** Functions that take a time or a duration apart. */
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { type Civil, civilOf } from '../time/calendar.ts'
import type { Duration, Time, Value } from '../value.ts'

const SAMPLE = 'Time("2023-04-12 08:30:15.250", "%Y-%m-%d %H:%M:%S.%L", "UTC")'

function ofTime(name: string, summary: string, result: string, read: (time: Time) => Value) {
  return defineFunction({
    name,
    kind: 'converter',
    params: [{ name: 'Time', type: 'time' }],
    summary,
    example: { expr: `${name}(${SAMPLE})`, result },
    make([time]: readonly Getter[]) {
      return scope => read(time(scope) as Time)
    },
  })
}

function calendarPart(name: string, part: keyof Civil, summary: string, result: string) {
  return ofTime(name, summary, result, time => BigInt(civilOf(time)[part]))
}

/** Rounded down, in int64 as Go's arithmetic wraps. */
function sinceEpoch(name: string, nanos: bigint, summary: string, result: string) {
  return ofTime(name, summary, result, ({ unixNano }) => {
    const rest = ((unixNano % nanos) + nanos) % nanos
    return BigInt.asIntN(64, (unixNano - rest) / nanos)
  })
}

function ofDuration(name: string, summary: string, result: string, read: (nanos: bigint) => Value) {
  return defineFunction({
    name,
    kind: 'converter',
    params: [{ name: 'Duration', type: 'duration' }],
    summary,
    example: { expr: `${name}(Duration("1h30m"))`, result },
    make([duration]: readonly Getter[]) {
      return scope => read((duration(scope) as Duration).nanos)
    },
  })
}

/** Whole units and the fraction are divided apart, as Go does, so that the last digit is the same. */
function asFloat(name: string, unit: bigint, summary: string, result: string) {
  return ofDuration(name, summary, result, nanos => {
    return Number(nanos / unit) + Number(nanos % unit) / Number(unit)
  })
}

function asInt(name: string, unit: bigint, summary: string, result: string) {
  return ofDuration(name, summary, result, nanos => nanos / unit)
}

export const timePartFunctions: readonly FunctionSpec[] = [
  calendarPart('Year', 'year', 'The year of a time.', '2023'),
  calendarPart('Month', 'month', 'The month of a time, 1 to 12.', '4'),
  calendarPart('Day', 'day', 'The day of the month of a time.', '12'),
  calendarPart('Hour', 'hour', 'The hour of a time, 0 to 23.', '8'),
  calendarPart('Minute', 'minute', 'The minute of a time.', '30'),
  calendarPart('Second', 'second', 'The second of a time.', '15'),
  calendarPart('Nanosecond', 'nanosecond', 'The nanoseconds within the second.', '250000000'),
  calendarPart('Weekday', 'weekday', 'The day of the week of a time; Sunday is 0.', '3'),
  sinceEpoch('UnixSeconds', 1_000_000_000n, 'Seconds since 1970-01-01.', '1681288215'),
  sinceEpoch('UnixMilli', 1_000_000n, 'Milliseconds since 1970-01-01.', '1681288215250'),
  sinceEpoch('UnixMicro', 1_000n, 'Microseconds since 1970-01-01.', '1681288215250000'),
  sinceEpoch('UnixNano', 1n, 'Nanoseconds since 1970-01-01.', '1681288215250000000'),
  asFloat('Hours', 3_600_000_000_000n, 'A duration in hours, with their fraction.', '1.5'),
  asFloat('Minutes', 60_000_000_000n, 'A duration in minutes, with their fraction.', '90.0'),
  asFloat('Seconds', 1_000_000_000n, 'A duration in seconds, with their fraction.', '5400.0'),
  asInt('Milliseconds', 1_000_000n, 'A duration in whole milliseconds.', '5400000'),
  asInt('Microseconds', 1_000n, 'A duration in whole microseconds.', '5400000000'),
  asInt('Nanoseconds', 1n, 'A duration in nanoseconds.', '5400000000000'),
]
