/** Text to float64 as Go's strconv.ParseFloat reads it: decimal, hexadecimal with a binary exponent, underscores, inf, nan. */

const DECIMAL = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i
const HEX = /^([-+]?)0x([0-9a-f]*)\.?([0-9a-f]*)p([-+]?\d+)$/i
const INFINITY = /^([-+]?)inf(?:inity)?$/i
/** An underscore stands between digits, or after the base prefix. */
const MISPLACED = /_(?![0-9a-f])|(?<![0-9a-fx])_/i

/** Undefined when it is no number or beyond float64. */
export function parseFloat64(text: string): number | undefined {
  const word = INFINITY.exec(text)
  if (word !== null) return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^nan$/i.test(text)) return Number.NaN
  const isHex = /^[-+]?0x/i.test(text)
  if (text.includes('_')) {
    if (MISPLACED.test(text) || (!isHex && /_[a-f]|[a-f]_/i.test(text))) return undefined
    text = text.replaceAll('_', '')
  }
  const value = isHex ? parseHex(text) : DECIMAL.test(text) ? Number(text) : undefined
  return value === undefined || !Number.isFinite(value) ? undefined : value
}

function parseHex(text: string): number | undefined {
  const [, sign, whole, fraction, exponentText] = HEX.exec(text) ?? []
  const digits = `${whole ?? ''}${fraction ?? ''}`
  if (digits === '') return undefined
  const mantissa = BigInt(`0x${digits}`)
  const magnitude = scale(mantissa, Number(exponentText) - 4 * fraction.length)
  return sign === '-' ? -magnitude : magnitude
}

/** `mantissa` times 2 to the power of `exponent`, rounded half to even once. */
function scale(mantissa: bigint, exponent: number): number {
  if (mantissa === 0n) return 0
  const bits = mantissa.toString(2).length
  if (bits + exponent > 1100) return Number.POSITIVE_INFINITY
  if (bits + exponent < -1200) return 0
  // The lowest bit that a float of this size (subnormals end at -1074) can hold.
  const lowest = Math.max(bits + exponent - 53, -1074)
  const drop = lowest - exponent
  if (drop <= 0) return toPower(Number(mantissa), exponent)
  const kept = mantissa >> BigInt(drop)
  const rest = mantissa - (kept << BigInt(drop))
  const half = 1n << BigInt(drop - 1)
  const isUp = rest > half || (rest === half && (kept & 1n) === 1n)
  return toPower(Number(isUp ? kept + 1n : kept), lowest)
}

/** In two steps, since 2 ** exponent alone may be out of range; exact, as the value fits. */
function toPower(value: number, exponent: number): number {
  const half = Math.trunc(exponent / 2)
  return value * 2 ** half * 2 ** (exponent - half)
}
