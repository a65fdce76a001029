/** Times as Jaeger's JSON writes them: RFC 3339, durations in seconds or the way of Go. Both directions, exact to the nanosecond. */

const GIGA = 1_000_000_000n
/** Longest text of a time or duration that is looked at. */
export const MAX_TIME_TEXT = 64

/** Nanoseconds of a unit. */
const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: GIGA,
  m: 60n * GIGA,
  h: 3_600n * GIGA,
}

const TIME =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/
const DURATION = /^([+-]?)((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/
const TERM = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g

/** Nanoseconds since 1970; undefined for what is no time. */
export function parseTime(text: string): bigint | undefined {
  const match = TIME.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number)
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  if (month > 12 || hour > 23 || minute > 59 || second > 59 || !isDay) return undefined
  const away = (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)) * 60_000
  const millis = date.getTime() - (match[8] === '-' ? -away : away)
  return BigInt(millis) * 1_000_000n + BigInt((match[7] ?? '').padEnd(9, '0'))
}

/** Nanoseconds; undefined for what is no duration. */
export function parseDuration(text: string): bigint | undefined {
  if (text === '0') return 0n
  const match = DURATION.exec(text)
  if (match === null) return undefined
  let sum = 0n
  for (const [, whole, fraction = '', unit] of text.matchAll(TERM)) {
    const nanos = UNITS[unit] ?? 1n
    sum += BigInt(whole === '' ? 0 : whole) * nanos
    if (fraction !== '') sum += (BigInt(fraction) * nanos) / 10n ** BigInt(fraction.length)
  }
  return match[1] === '-' ? -sum : sum
}

export function timeText(seconds: bigint, nanos: number): string {
  // Beyond the years of four digits there is no such text; OTLP's times end in 2554.
  const date = new Date(Number(seconds) * 1000).toISOString().slice(0, -5)
  return `${date}${fractionText(nanos)}Z`
}

export function durationText(seconds: bigint, nanos: number): string {
  const isNegative = seconds < 0n || nanos < 0
  const whole = seconds < 0n ? -seconds : seconds
  return `${isNegative ? '-' : ''}${whole}${fractionText(Math.abs(nanos))}s`
}

/** With 3, 6 or 9 digits, or none. */
function fractionText(nanos: number): string {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  if (!digits.endsWith('000')) return `.${digits}`
  return digits.endsWith('000000') ? `.${digits.slice(0, 3)}` : `.${digits.slice(0, 6)}`
}
