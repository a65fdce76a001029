/** Durations as Go reads them (time.ParseDuration): `1h15m30.5s`, units ns, us, ms, s, m, h. */
import { Duration, EvaluationError } from '../value.ts'

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  // Both the micro sign and the Greek letter.
  '\u00b5s': 1_000n,
  '\u03bcs': 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
}

const LIMIT = 2n ** 63n
/** Digits after the point beyond these cannot change it. */
const MAX_FRACTION = (LIMIT - 1n) / 10n

export function parseDuration(text: string): Duration {
  const isNegative = text[0] === '-'
  const unsigned = isNegative || text[0] === '+' ? text.slice(1) : text
  if (unsigned === '0') return new Duration(0n)
  if (unsigned === '') throw fault(text)
  let total = 0n
  const part = /(\d*)(?:(\.)(\d*))?([^.\d]*)/y
  while (part.lastIndex < unsigned.length) {
    const found = part.exec(unsigned)
    if (found === null || ((found[1] ?? '') === '' && (found[3] ?? '') === '')) throw fault(text)
    total += nanosOf(found[1], found[3] ?? '', found[4], text)
    if (total > LIMIT) throw fault(text)
  }
  if (!isNegative && total === LIMIT) throw fault(text)
  return new Duration(isNegative ? -total : total)
}

function fault(text: string, reason = 'invalid duration'): EvaluationError {
  return new EvaluationError(`time: ${reason} ${JSON.stringify(text.slice(0, 100))}`)
}

function nanosOf(whole: string, fraction: string, unit: string, text: string): bigint {
  // More digits than these are out of range, and costly to turn into a number.
  if (whole.replace(/^0+/, '').length > 19) throw fault(text)
  if (unit === '') throw fault(text, 'missing unit in duration')
  const nanos = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined
  if (nanos === undefined) throw fault(text, `unknown unit ${JSON.stringify(unit)} in duration`)
  const value = BigInt(whole === '' ? '0' : whole)
  if (value > LIMIT / nanos) throw fault(text)
  const sum = value * nanos + fractionNanos(fraction, nanos)
  if (sum > LIMIT) throw fault(text)
  return sum
}

/** In floating point as Go has it: exact for fractions of hours to the nanosecond. */
function fractionNanos(digits: string, unit: bigint): bigint {
  let value = 0n
  let scale = 1
  for (const digit of digits.slice(0, 19)) {
    if (value > MAX_FRACTION) break
    const next = value * 10n + BigInt(digit)
    if (next > LIMIT) break
    value = next
    scale *= 10
  }
  return value === 0n ? 0n : BigInt(Math.trunc(Number(value) * (Number(unit) / scale)))
}
