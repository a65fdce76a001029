/** Floats as Go's strconv.FormatFloat writes them: exact decimals, rounded half to even. */

/** The value is 0.d1d2d3... times 10 to the power of `point`; no digits for zero. */
interface Decimal {
  readonly digits: string
  readonly point: number
}

export type FloatVerb = 'e' | 'f' | 'g' | 'b' | 'x'

/** With its sign only if negative; precision -1 is the shortest text that reads back as the same number. */
export function formatFloat(value: number, verb: FloatVerb, precision: number): string {
  if (Number.isNaN(value)) return 'NaN'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const magnitude = Math.abs(value)
  if (magnitude === Number.POSITIVE_INFINITY) return sign === '' ? '+Inf' : '-Inf'
  return sign + formatMagnitude(magnitude, verb, precision)
}

function formatMagnitude(value: number, verb: FloatVerb, precision: number): string {
  if (verb === 'b') return formatBinary(value)
  if (verb === 'x') return formatHex(value, precision)
  const exact = precision < 0 ? shortest(value) : exactly(value)
  if (verb === 'e') {
    const digits = precision < 0 ? Math.max(exact.digits.length, 1) : precision + 1
    return scientific(rounded(exact, digits), digits - 1)
  }
  if (verb === 'f') {
    const places = precision < 0 ? Math.max(exact.digits.length - exact.point, 0) : precision
    return fixed(rounded(exact, exact.point + places), places)
  }
  return general(exact, precision)
}

/** From this exponent on, %g of the shortest digits is scientific. */
const SHORTEST_LIMIT = 6

function general(exact: Decimal, precision: number): string {
  const wanted = precision === 0 ? 1 : precision
  const decimal = precision < 0 ? exact : rounded(exact, wanted)
  const count = decimal.digits.length
  const isWhole = wanted > count && count >= decimal.point
  const limit = precision < 0 ? SHORTEST_LIMIT : isWhole ? count : wanted
  const exponent = decimal.point - 1
  if (exponent < -4 || exponent >= limit) return scientific(decimal, Math.max(count - 1, 0))
  return fixed(decimal, Math.max(count - decimal.point, 0))
}

function shortest(value: number): Decimal {
  if (value === 0) return { digits: '', point: 0 }
  const [mantissa, exponent] = value.toExponential().split('e')
  return { digits: mantissa.replace('.', ''), point: Number(exponent) + 1 }
}

const bits = new DataView(new ArrayBuffer(8))

/** The value is `mantissa` times 2 to the power of `exponent`. */
function parts(value: number): { mantissa: bigint; exponent: number } {
  bits.setFloat64(0, value)
  const raw = bits.getBigUint64(0)
  const biased = Number(raw >> 52n) & 0x7ff
  const fraction = raw & 0xf_ffff_ffff_ffffn
  if (biased === 0) return { mantissa: fraction, exponent: -1074 }
  return { mantissa: fraction | (1n << 52n), exponent: biased - 1075 }
}

function exactly(value: number): Decimal {
  if (value === 0) return { digits: '', point: 0 }
  const { mantissa, exponent } = parts(value)
  const digits = exponent >= 0 ? mantissa << BigInt(exponent) : mantissa * 5n ** BigInt(-exponent)
  const text = digits.toString()
  const point = text.length - Math.max(-exponent, 0)
  return { digits: text.replace(/0+$/, ''), point }
}

/** To so many digits; none or less rounds the whole number away, or up to one. */
function rounded(decimal: Decimal, count: number): Decimal {
  const { digits, point } = decimal
  if (count < 0) return { digits: '', point: 0 }
  if (count >= digits.length) return decimal
  const kept = digits.slice(0, count)
  const isTie = digits.length === count + 1 && digits[count] === '5'
  const isOdd = count > 0 && (kept.charCodeAt(count - 1) & 1) === 1
  if (isTie ? !isOdd : digits[count] < '5') {
    const trimmed = kept.replace(/0+$/, '')
    return { digits: trimmed, point: trimmed === '' ? 0 : point }
  }
  const up = (BigInt(kept === '' ? '0' : kept) + 1n).toString()
  const grown =
    point + up.length - Math.max(kept.length, up.length > kept.length ? up.length - 1 : 0)
  return { digits: up.replace(/0+$/, ''), point: grown }
}

function scientific({ digits, point }: Decimal, places: number): string {
  const padded = digits.padEnd(places + 1, '0')
  const fraction = places > 0 ? `.${padded.slice(1, places + 1)}` : ''
  return `${padded[0]}${fraction}e${exponentText(digits === '' ? 0 : point - 1)}`
}

function exponentText(exponent: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

function fixed({ digits, point }: Decimal, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0'
  if (places <= 0) return whole
  const fraction = point > 0 ? digits.slice(point) : '0'.repeat(-point) + digits
  return `${whole}.${fraction.slice(0, places).padEnd(places, '0')}`
}

function formatBinary(value: number): string {
  const { mantissa, exponent } = parts(value)
  return `${mantissa}p${exponent < 0 ? '' : '+'}${exponent}`
}

/** 0x1.8p+01: one digit before the point, as many after it as needed or wanted. */
function formatHex(value: number, precision: number): string {
  let { mantissa, exponent } = parts(value)
  if (mantissa === 0n) exponent = 0
  else {
    while (mantissa < 1n << 52n) {
      mantissa <<= 1n
      exponent--
    }
    exponent += 52
  }
  if (precision >= 0 && precision < 13) {
    const drop = BigInt(52 - precision * 4)
    const rest = mantissa & ((1n << drop) - 1n)
    mantissa >>= drop
    const half = 1n << (drop - 1n)
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa++
    mantissa <<= drop
    if (mantissa >= 1n << 53n) {
      mantissa >>= 1n
      exponent++
    }
  }
  const fraction = (mantissa & 0xf_ffff_ffff_ffffn).toString(16).padStart(13, '0')
  const shown =
    precision < 0
      ? fraction.replace(/0+$/, '')
      : fraction.slice(0, precision).padEnd(precision, '0')
  return `0x${mantissa >> 52n}${shown === '' ? '' : `.${shown}`}p${exponentText(exponent)}`
}
