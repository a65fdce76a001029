/** Functions of times and durations at their edges, with what the reference gives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { civilOf, wallSeconds } from '../../../src/rules/time/calendar.ts'
import { timeFormatter, timeParser } from '../../../src/rules/time/strptime.ts'
import { abbreviationAt, instantOf, loadZone, offsetAt } from '../../../src/rules/time/zone.ts'
import { Time } from '../../../src/rules/value.ts'
import { give } from './given.ts'

/** Text, format, what comes; in UTC. */
const READ: readonly (readonly [string, string, string])[] = [
  ['2023-4-2', '%Y-%m-%d', '2023-04-02T00:00:00Z'],
  ['2023- 4- 2', '%Y-%m-%d', '2023-04-02T00:00:00Z'],
  ['2023-02-30', '%Y-%m-%d', 'error'],
  ['2024-02-29', '%F', '2024-02-29T00:00:00Z'],
  ['69-01-01', '%y-%m-%d', '1969-01-01T00:00:00Z'],
  ['68-01-01', '%y-%m-%d', '2068-01-01T00:00:00Z'],
  ['04/02/23', '%D', '2023-04-02T00:00:00Z'],
  ['04/02/2023', '%D', '2023-04-02T00:00:00Z'],
  ['01/02/23 01/02/2023', '%D %D', '2023-01-02T00:00:00Z'],
  ['2023-04-12 08:30:00.1234567891', '%F %T.%s', '2023-04-12T08:30:00.123456789Z'],
  ['2023-04-12 08:30:00.55', '%F %T', '2023-04-12T08:30:00.55Z'],
  ['2023-04-12 08:30:00', '%F %T.%L', '2023-04-12T08:30:00Z'],
  ['2023-04-12 08:30:00,5', '%F %T,%f', '2023-04-12T08:30:00.5Z'],
  ['2023-04-12 24:00:00', '%F %T', 'error'],
  ['2023-04-12 23:59:60', '%F %T', 'error'],
  ['2023-04-12T08:30:00Z', '%FT%T%z', '2023-04-12T08:30:00Z'],
  ['2023-04-12T08:30:00+0200', '%FT%T%z', '2023-04-12T08:30:00+02:00'],
  ['2023-04-12T08:30:00+02:00', '%FT%T%z', '2023-04-12T08:30:00+02:00'],
  ['2023-04-12T08:30:00-07', '%FT%T%z', '2023-04-12T08:30:00-07:00'],
  ['2023-04-12T08:30:00 +02:30', '%FT%T%z', '2023-04-12T08:30:00+02:30'],
  ['2023-04-12T08:30:00x', '%FT%T%z', 'error'],
  ['2023-04-12 08:30:00 EST', '%F %T %Z', '2023-04-12T08:30:00-05:00'],
  ['2023-04-12 08:30:00 CET', '%F %T %Z', '2023-04-12T09:30:00+02:00'],
  ['2023-04-12 08:30:00 PST', '%F %T %Z', 'error'],
  ['2023-04-12 08:30:00 GMT+2', '%F %T %Z', '2023-04-12T10:30:00+02:00'],
  ['12:00:00 AM 2023', '%I:%M:%S %p %Y', '2023-01-01T00:00:00Z'],
  ['13:00:00 AM 2023', '%I:%M:%S %p %Y', 'error'],
  ['Wed Apr  2 8:3:0 2023', '%c', '2023-04-02T08:03:00Z'],
  ['april 2 2023', '%B %d %Y', '2023-04-02T00:00:00Z'],
  ['20230412083000', '%Y%m%d%H%M%S', '2023-04-12T08:30:00Z'],
  ['2023 ', '%Y', 'error'],
  ['', '%Y', 'error'],
  ['2023', '', 'refused'],
  ['2023', '%Q', 'refused'],
  ['2023', '%Y2', 'refused'],
  ['20235', '%Y%L', 'refused'],
]

test('texts are read as times by their format', () => {
  for (const [text, format, expected] of READ) {
    assert.equal(give(`Time("${text}", "${format}", "UTC")`), expected, `${text} by ${format}`)
  }
})

test('a time without a zone is in the location, with its summer time', () => {
  const in_ = (text: string, zone: string) => give(`Time("${text}", "%F %T", "${zone}")`)
  assert.equal(in_('2023-04-12 08:30:00', 'America/New_York'), '2023-04-12T08:30:00-04:00')
  assert.equal(in_('2023-01-12 08:30:00', 'America/New_York'), '2023-01-12T08:30:00-05:00')
  // An hour that is left out, and one that comes twice.
  assert.equal(in_('2023-03-26 02:30:00', 'Europe/Berlin'), '2023-03-26T03:30:00+02:00')
  assert.equal(in_('2023-10-29 02:30:00', 'Europe/Berlin'), '2023-10-29T02:30:00+01:00')
  for (const zone of ['Nowhere/City', 'PST', '+01:00', 'us/eastern', '../etc']) {
    assert.equal(in_('2023-04-12 08:30:00', zone), 'refused', zone)
  }
})

test('names of months and days are read in other languages', () => {
  const read = (text: string, format: string, locale: string) =>
    give(`Time("${text}", "${format}", "UTC", "${locale}")`)
  assert.equal(read('mercredi 12 avril 2023', '%A %d %B %Y', 'fr'), '2023-04-12T00:00:00Z')
  assert.equal(read('12. März 2023', '%d. %B %Y', 'de'), '2023-03-12T00:00:00Z')
  assert.equal(read('12 апреля 2023', '%d %B %Y', 'ru'), '2023-04-12T00:00:00Z')
  assert.equal(read('4月 12 2023', '%B %d %Y', 'ja'), '2023-04-12T00:00:00Z')
  assert.equal(read('12 April 2023', '%d %B %Y', 'fr'), 'error')
  assert.equal(read('2023', '%Y', 'xx'), 'refused')
  assert.equal(read('2023', '%Y', 'en_US'), 'refused')
})

test('a date without a year is of this year, or of the last when it would lie ahead', () => {
  const parse = timeParser('%m-%d', 'UTC', undefined)
  const now = Date.now()
  const day = (ahead: number) => new Date(now + ahead * 86_400_000).toISOString()
  const yearOf = (ahead: number) => civilOf(parse(day(ahead).slice(5, 10))).year
  assert.equal(yearOf(0), new Date(now).getUTCFullYear())
  const later = day(30)
  assert.equal(yearOf(30), Number(later.slice(0, 4)) - 1)
})

test('every token writes what it reads', () => {
  const text = 'Wed|Wednesday|Apr|April|04|12|2023|23|08|30|15|250|+0530|IST|AM'
  const format = '%a|%A|%b|%B|%m|%d|%Y|%y|%H|%M|%S|.%L|%z|%Z|%p'
  const time = timeParser('%F %T.%L', 'Asia/Kolkata', undefined)('2023-04-12 08:30:15.250')
  assert.equal(timeFormatter(format)(time), text.replace('|250', '|.25'))
})

test('writing tells zones by name, by offset and by Z', () => {
  const write = (zone: string) => {
    return give(`FormatTime(Time("2023-07-04 03:04:05", "%F %T", "${zone}"), "%z %Z %j %w")`)
  }
  assert.equal(write('UTC'), '"Z UTC +00:00 +000000"')
  assert.equal(write('America/New_York'), '"-0400 EDT -04:00 -040000"')
  assert.equal(write('Europe/Dublin'), '"+0100 IST +01:00 +010000"')
  assert.equal(write('Asia/Kathmandu'), '"+0545 +0545 +05:45 +054500"')
})

test('durations are read as Go reads them', () => {
  const given: readonly (readonly [string, string])[] = [
    ['1h15m30.5s', '4530500000000'],
    ['-1.5h', '-5400000000000'],
    ['0', '0'],
    ['.5h', '1800000000000'],
    ['1µs', '1000'],
    ['0.9ns', '0'],
    ['9223372036854775807ns', '9223372036854775807'],
    ['9223372036854775808ns', 'error'],
    ['-9223372036854775808ns', '-9223372036854775808'],
    ['', 'error'],
    ['1', 'error'],
    ['1 h', 'error'],
    ['1d', 'error'],
    ['1m-1s', 'error'],
    ['.s', 'error'],
    [`${'9'.repeat(100_000)}h`, 'error'],
  ]
  for (const [text, expected] of given) {
    assert.equal(give(`Nanoseconds(Duration("${text}"))`), expected, text.slice(0, 30))
  }
})

test('times are rounded down from the year 1, also before 1970', () => {
  const cut = (seconds: number, duration: string) =>
    give(`UnixNano(TruncateTime(Unix(${seconds}), Duration("${duration}")))`)
  assert.equal(cut(1_700_000_000, '168h'), '1699833600000000000')
  assert.equal(cut(-1, '1h'), '-3600000000000')
  assert.equal(cut(5, '0s'), '5000000000')
  assert.equal(cut(5, '-1s'), '5000000000')
})

test('the calendar agrees with that of JavaScript, and wall clocks find back', () => {
  const zones = ['UTC', 'America/Sao_Paulo', 'Australia/Lord_Howe', 'Europe/London', '+05:45']
  fc.assert(
    fc.property(
      fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }),
      fc.constantFrom(...zones),
      (seconds, zone) => {
        const civil = civilOf(new Time(BigInt(seconds) * 1_000_000_000n, zone))
        const date = new Date((seconds + civil.offset) * 1000)
        assert.equal(civil.year, date.getUTCFullYear())
        assert.equal(civil.month, date.getUTCMonth() + 1)
        assert.equal(civil.day, date.getUTCDate())
        assert.equal(civil.weekday, date.getUTCDay())
        const again = instantOf(zone, wallSeconds(civil))
        assert.equal(again + offsetAt(zone, again), seconds + civil.offset)
      },
    ),
  )
})

test('what is written is read again', () => {
  const parse = timeParser('%F %T.%s %j', 'UTC', undefined)
  const write = timeFormatter('%F %T.%s %j')
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n }),
      fc.constantFrom('UTC', 'Asia/Tokyo', '-03:30'),
      (unixNano, zone) => {
        assert.equal(parse(write(new Time(unixNano, zone))).unixNano, unixNano)
      },
    ),
  )
})

test('a zone is known by the tz database, not by what Intl takes besides', () => {
  assert.equal(loadZone('US/Eastern'), 'US/Eastern')
  assert.equal(loadZone(''), 'UTC')
  assert.throws(() => loadZone('JST'), /unknown time zone JST/)
  assert.equal(abbreviationAt('Europe/Berlin', 1_681_288_200), 'CEST')
  assert.equal(abbreviationAt('Europe/Berlin', 1_673_512_200), 'CET')
})
