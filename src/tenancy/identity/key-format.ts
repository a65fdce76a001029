/**
 * How an API key looks: `mr_<id>_<secret>`. The id finds the key in the file and may be shown; the secret is 256 random bits,
 * so a plain SHA-256 of it is enough at rest: there is nothing to guess.
 */
import { hash, randomBytes } from 'node:crypto'

const PREFIX = 'mr_'
const ID_CHARS = 12
const SECRET_BYTES = 32
/** 256 bits in base 62. */
const SECRET_CHARS = 43
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const ID_DIGITS = '0123456789abcdefghijkmnpqrstuvwxyz'

export interface ApiKeyParts {
  readonly id: string
  readonly secret: string
}

/** What a sender shows is meant as an API key, well-formed or not. */
export function looksLikeApiKey(text: string): boolean {
  return text.startsWith(PREFIX)
}

export function parseApiKey(text: string): ApiKeyParts | null {
  const found = /^mr_([0-9a-z]{12})_([0-9A-Za-z]{43})$/.exec(text)
  return found === null ? null : { id: found[1], secret: found[2] }
}

export function formatApiKey({ id, secret }: ApiKeyParts): string {
  return `${PREFIX}${id}_${secret}`
}

export function createApiKey(random: (bytes: number) => Uint8Array = randomBytes): ApiKeyParts {
  return { id: createId(random), secret: encodeSecret(random(SECRET_BYTES)) }
}

/** SHA-256, hexadecimal. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'hex')
}

export function isKeyId(text: string): boolean {
  return /^[0-9a-z]{12}$/.test(text)
}

function createId(random: (bytes: number) => Uint8Array): string {
  let id = ''
  while (id.length < ID_CHARS) {
    const [byte] = random(1)
    // What does not divide evenly is drawn again, so that all letters are equally likely.
    if (byte < 256 - (256 % ID_DIGITS.length)) id += ID_DIGITS[byte % ID_DIGITS.length]
  }
  return id
}

function encodeSecret(bytes: Uint8Array): string {
  let rest = BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
  let text = ''
  for (let i = 0; i < SECRET_CHARS; i++) {
    text = DIGITS[Number(rest % 62n)] + text
    rest /= 62n
  }
  return text
}
