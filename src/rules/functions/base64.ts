/** Base64 in Go's four variants, strict as Go is: Node's own decoder takes anything. */
import { EvaluationError } from '../value.ts'

interface Variant {
  readonly isUrl: boolean
  readonly isPadded: boolean
}

const VARIANTS: ReadonlyMap<string, Variant> = new Map([
  ['base64', { isUrl: false, isPadded: true }],
  ['base64-raw', { isUrl: false, isPadded: false }],
  ['base64-url', { isUrl: true, isPadded: true }],
  ['base64-raw-url', { isUrl: true, isPadded: false }],
])

/** Undefined when there is no such variant. */
export function base64Variant(name: string): Variant | undefined {
  return VARIANTS.get(name)
}

export function encodeBase64(input: Buffer, { isUrl, isPadded }: Variant): string {
  const text = input.toString(isUrl ? 'base64url' : 'base64')
  if (isUrl === !isPadded) return text
  return isPadded ? text.padEnd(Math.ceil(text.length / 4) * 4, '=') : text.replace(/=+$/, '')
}

/** Line ends anywhere are skipped; throws EvaluationError with the place of the first wrong byte. */
export function decodeBase64(input: string, { isUrl, isPadded }: Variant): Buffer {
  const text = /[\r\n]/.test(input) ? input.replace(/[\r\n]/g, '') : input
  const padding = isPadded ? paddingOf(text) : 0
  const digits = text.length - padding
  const wrong = text.search(isUrl ? /[^A-Za-z0-9_-]/ : /[^A-Za-z0-9+/]/)
  const isWhole = isPadded ? text.length % 4 === 0 : digits % 4 !== 1
  if ((wrong >= 0 && wrong < digits) || !isWhole) {
    const at = wrong >= 0 && wrong < digits ? wrong : digits
    throw new EvaluationError(`illegal base64 data at input byte ${at}`)
  }
  return Buffer.from(text.slice(0, digits), isUrl ? 'base64url' : 'base64')
}

function paddingOf(text: string): number {
  if (text.endsWith('==')) return 2
  return text.endsWith('=') ? 1 : 0
}
