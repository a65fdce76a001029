/** Functions that make times and durations, and that write them. */
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { timeFormatter, timeParser } from '../time/strptime.ts'
import { loadZone, localZone } from '../time/zone.ts'
import { type Duration, EvaluationError, Time } from '../value.ts'
import { parseDuration } from './go-duration.ts'

const SECOND = 1_000_000_000n
/** Go counts the nanoseconds of a time from here when it truncates: 0001-01-01. */
const YEAR_ONE = -62_135_596_800n * SECOND

const time = defineFunction({
  name: 'Time',
  kind: 'converter',
  params: [
    { name: 'Time', type: 'string' },
    { name: 'Format', type: 'literalString' },
    { name: 'Location', type: 'literalString', optional: true },
    { name: 'Locale', type: 'literalString', optional: true },
  ],
  summary:
    'A time read from text by a format of % tokens, in a time zone and in the names of a language.',
  example: {
    expr: 'Time("2023-04-12 08:30:00", "%Y-%m-%d %H:%M:%S", "America/New_York")',
    result: '2023-04-12T08:30:00-04:00',
  },
  make([text, format, location, locale]: readonly [Getter, string, string?, string?]) {
    const parse = timeParser(format, zoneFor(location, format), locale)
    return scope => {
      const value = text(scope) as string
      if (value === '') throw new EvaluationError('time cannot be nil')
      return parse(value)
    }
  },
})

/** A format that ends in Z means UTC, another one the machine's zone. */
function zoneFor(location: string | undefined, format: string): string {
  if (location !== undefined && location !== '') return loadZone(location)
  return format.endsWith('Z') ? 'UTC' : localZone()
}

const formatTime = defineFunction({
  name: 'FormatTime',
  kind: 'converter',
  params: [
    { name: 'Time', type: 'time' },
    { name: 'Format', type: 'literalString' },
  ],
  summary: 'A time as text, by a format of % tokens.',
  example: {
    expr: 'FormatTime(Time("2023-11-14", "%Y-%m-%d"), "%A %d %B %Y")',
    result: '"Tuesday 14 November 2023"',
  },
  make([value, format]: readonly [Getter, string]) {
    const write = timeFormatter(format)
    return scope => write(value(scope) as Time)
  },
})

const truncateTime = defineFunction({
  name: 'TruncateTime',
  kind: 'converter',
  params: [
    { name: 'Time', type: 'time' },
    { name: 'Duration', type: 'duration' },
  ],
  summary: 'A time rounded down to a multiple of a duration.',
  example: {
    expr: 'TruncateTime(Time("2023-11-14 22:13:20", "%Y-%m-%d %H:%M:%S", "UTC"), Duration("1h"))',
    result: '2023-11-14T22:00:00Z',
  },
  make([value, duration]: readonly Getter[]) {
    return scope => {
      const { unixNano, zone } = value(scope) as Time
      const { nanos } = duration(scope) as Duration
      if (nanos <= 0n) return new Time(unixNano, zone)
      const rest = (((unixNano - YEAR_ONE) % nanos) + nanos) % nanos
      return new Time(unixNano - rest, zone)
    }
  },
})

const duration = defineFunction({
  name: 'Duration',
  kind: 'converter',
  params: [{ name: 'Duration', type: 'string' }],
  summary: 'A duration read from text such as 1h15m30.5s (units ns, us, ms, s, m, h).',
  example: { expr: 'Duration("1h15m")', result: '1h15m0s' },
  make([text]: readonly Getter[]) {
    return scope => parseDuration(text(scope) as string)
  },
})

const unix = defineFunction({
  name: 'Unix',
  kind: 'converter',
  params: [
    { name: 'Seconds', type: 'int' },
    { name: 'Nanoseconds', type: 'int', optional: true },
  ],
  summary: 'The time that many seconds (and nanoseconds) after 1970-01-01T00:00:00Z.',
  example: { expr: 'UnixMilli(Unix(1700000000, 5000000))', result: '1700000000005' },
  make([seconds, nanoseconds]: readonly [Getter, Getter?]) {
    const zone = localZone()
    return scope => {
      const extra = nanoseconds === undefined ? 0n : (nanoseconds(scope) as bigint)
      return new Time(wrappedNanos((seconds(scope) as bigint) * SECOND + extra), zone)
    }
  },
})

/** Go counts whole seconds from the year 1 in 64 bits. */
function wrappedNanos(nanos: bigint): bigint {
  const sinceYearOne = nanos - YEAR_ONE
  const rest = ((sinceYearOne % SECOND) + SECOND) % SECOND
  return BigInt.asIntN(64, (sinceYearOne - rest) / SECOND) * SECOND + rest + YEAR_ONE
}

const now = defineFunction({
  name: 'Now',
  kind: 'converter',
  params: [],
  summary: 'The current time.',
  example: { expr: 'Now()', result: '<the current time>' },
  make() {
    const zone = localZone()
    return () => new Time(BigInt(Date.now()) * 1_000_000n, zone)
  },
})

export const timeFunctions: readonly FunctionSpec[] = [
  time,
  formatTime,
  truncateTime,
  duration,
  unix,
  now,
]
