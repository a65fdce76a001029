/** Integers and floats as Go's fmt prints them for one verb, padded. */
import { type FloatVerb, formatFloat } from './go-float.ts'
import { type Flags, pad, padPlain } from './go-pad.ts'
import { isPrintable, quoteGo } from './go-quote.ts'

const MAX_RUNE = 0x10ffffn

/** Undefined for verbs that integers do not have. */
export function integerText(
  value: bigint,
  verb: string,
  flags: Flags,
  isByte: boolean,
): string | undefined {
  switch (verb) {
    case 'v':
      return flags.sharpV && isByte
        ? digitsText(value, 16, 'x', { ...flags, sharp: true })
        : digitsText(value, 10, verb, flags)
    case 'd':
      return digitsText(value, 10, verb, flags)
    case 'b':
      return digitsText(value, 2, verb, flags)
    case 'o':
    case 'O':
      return digitsText(value, 8, verb, flags)
    case 'x':
    case 'X':
      return digitsText(value, 16, verb, flags)
    case 'c':
      return pad(runeOf(value), flags)
    case 'q':
      return pad(quoteGo(runeOf(value), "'", flags.plus), flags)
    case 'U':
      return unicodeText(BigInt.asUintN(64, value), flags)
    default:
      return undefined
  }
}

function digitsText(value: bigint, base: number, verb: string, flags: Flags): string {
  if (flags.precision === 0 && value === 0n) return padPlain('', flags)
  let digits = (value < 0n ? -value : value).toString(base)
  if (verb === 'X') digits = digits.toUpperCase()
  const sign = value < 0n ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  let least = flags.precision ?? 0
  if (flags.precision === undefined && flags.zero && !flags.minus && flags.width !== undefined) {
    least = flags.width - sign.length
  }
  digits = digits.padStart(least, '0')
  return padPlain(sign + basePrefix(digits, base, verb, flags) + digits, flags)
}

function basePrefix(digits: string, base: number, verb: string, flags: Flags): string {
  const octal = verb === 'O' ? '0o' : ''
  if (!flags.sharp || base === 10) return octal
  if (base === 2) return '0b'
  if (base === 8) return digits[0] === '0' ? octal : `${octal}0`
  return verb === 'X' ? '0X' : '0x'
}

function unicodeText(code: bigint, flags: Flags): string {
  const digits = code.toString(16).toUpperCase()
  const shown = `U+${digits.padStart(Math.max(4, flags.precision ?? 0), '0')}`
  const rune = isRune(code) ? runeOf(code) : ''
  const isShown = flags.sharp && rune !== '' && isPrintable(rune)
  return padPlain(isShown ? `${shown} '${rune}'` : shown, flags)
}

function isRune(code: bigint): boolean {
  return code >= 0n && code <= MAX_RUNE && !(code >= 0xd800n && code <= 0xdfffn)
}

function runeOf(code: bigint): string {
  return isRune(code) ? String.fromCodePoint(Number(code)) : '\ufffd'
}

const FLOAT_VERBS: ReadonlyMap<string, FloatVerb> = new Map([
  ['v', 'g'],
  ['b', 'b'],
  ['g', 'g'],
  ['G', 'g'],
  ['x', 'x'],
  ['X', 'x'],
  ['f', 'f'],
  ['F', 'f'],
  ['e', 'e'],
  ['E', 'e'],
])

/** Undefined for verbs that floats do not have. */
export function floatText(value: number, verb: string, flags: Flags): string | undefined {
  const kind = FLOAT_VERBS.get(verb)
  if (kind === undefined) return undefined
  const precision = flags.precision ?? (kind === 'f' || kind === 'e' ? 6 : -1)
  const text = formatFloat(value, kind, precision)
  const isNegative = text[0] === '-'
  const sign = isNegative ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  const bare = text.replace(/^[-+]/, '')
  if (!Number.isFinite(value)) {
    const always = sign === '' && !Number.isNaN(value) ? '+' : sign
    return padPlain(always + bare, flags)
  }
  const isUpper = verb === 'G' || verb === 'E' || verb === 'X'
  const cased = isUpper ? bare.toUpperCase() : bare
  const digits = flags.sharp && verb !== 'b' ? withPoint(cased, verb, precision) : cased
  const missing = (flags.width ?? 0) - digits.length - sign.length
  if (sign !== '' && flags.zero && !flags.minus && missing > 0) {
    return sign + '0'.repeat(missing) + digits
  }
  return pad(sign + digits, flags)
}

/** `#`: always a decimal point; %g and %x keep their trailing zeros. */
function withPoint(text: string, verb: string, precision: number): string {
  const isHex = verb === 'x' || verb === 'X'
  const end = text.search(isHex ? /p/i : /e/i)
  const digits = end < 0 ? text : text.slice(0, end)
  const tail = end < 0 ? '' : text.slice(end)
  const wanted = 'vgGx'.includes(verb) ? (precision < 0 ? 6 : precision) : 0
  const significant = digits.replace('.', '').replace(/^0+/, '').length
  const missing = wanted - significant - (digits === '0' ? 1 : 0)
  const point = digits.includes('.') ? '' : '.'
  return digits + point + '0'.repeat(Math.max(missing, 0)) + tail
}
