/**
 * The password hashes of crypt(3) that htpasswd files carry beside bcrypt: MD5 (`$1$`, Apache's `$apr1$`) and SHA (`$5$`, `$6$`,
 * https://www.akkadia.org/drepper/SHA-crypt.txt). Weak by today's measure; read because such files exist.
 */
import { createHash } from 'node:crypto'

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const MD5_ROUNDS = 1000
const SHA_ROUNDS = 5000
const MIN_SHA_ROUNDS = 1000
/** The format allows 999,999,999, which would be minutes. */
export const MAX_SHA_ROUNDS = 200_000

/** Which bytes of the digest make the groups of four letters; -1 is none. */
const MD5_ORDER = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5, -1, -1, 11]

/** `$1$salt$…` or `$apr1$salt$…` of this password with the salt of `stored`. */
export function md5Crypt(password: string, stored: string): string {
  const [, id, salt] = stored.split('$')
  const magic = `$${id}$`
  const secret = Buffer.from(password, 'utf8')
  const start = digest('md5', secret, salt, secret)
  const parts: (Uint8Array | string)[] = [secret, magic, salt, stretch(start, secret.length)]
  for (let bits = secret.length; bits > 0; bits >>= 1) {
    parts.push((bits & 1) === 1 ? '\0' : secret.subarray(0, 1))
  }
  let sum = digest('md5', ...parts)
  for (let round = 0; round < MD5_ROUNDS; round++) {
    const isOdd = (round & 1) === 1
    const next: (Uint8Array | string)[] = [isOdd ? secret : sum]
    if (round % 3 !== 0) next.push(salt)
    if (round % 7 !== 0) next.push(secret)
    next.push(isOdd ? sum : secret)
    sum = digest('md5', ...next)
  }
  const text = encode(sum, MD5_ORDER.slice(0, 15)) + encodeGroup(0, 0, sum[11], 2)
  return `${magic}${salt}$${text}`
}

/** `$5$…` or `$6$…` of this password with the salt and rounds of `stored`. */
export function shaCrypt(password: string, stored: string): string {
  const found = /^\$([56])\$(?:rounds=(\d+)\$)?([^$]*)/.exec(stored)!
  const [, id, written, salt] = found
  const hash = id === '5' ? 'sha256' : 'sha512'
  const size = id === '5' ? 32 : 64
  const rounds = Math.min(Math.max(Number(written ?? SHA_ROUNDS), MIN_SHA_ROUNDS), MAX_SHA_ROUNDS)
  const secret = Buffer.from(password, 'utf8')
  const start = digest(hash, secret, salt, secret)
  const parts: (Uint8Array | string)[] = [secret, salt, stretch(start, secret.length)]
  for (let bits = secret.length; bits > 0; bits >>= 1) {
    parts.push((bits & 1) === 1 ? start : secret)
  }
  let sum = digest(hash, ...parts)
  const p = stretch(digest(hash, ...repeat(secret, secret.length)), secret.length)
  const salted = Buffer.from(salt, 'utf8')
  const s = stretch(digest(hash, ...repeat(salted, 16 + sum[0])), salted.length)
  for (let round = 0; round < rounds; round++) {
    const isOdd = (round & 1) === 1
    const next = [isOdd ? p : sum]
    if (round % 3 !== 0) next.push(s)
    if (round % 7 !== 0) next.push(p)
    next.push(isOdd ? sum : p)
    sum = digest(hash, ...next)
  }
  const prefix = written === undefined ? `$${id}$${salt}$` : `$${id}$rounds=${rounds}$${salt}$`
  return prefix + (size === 32 ? encodeSha256(sum) : encodeSha512(sum))
}

function encodeSha256(sum: Uint8Array): string {
  const order: number[] = []
  for (let i = 0, [a, b, c] = [0, 10, 20]; i < 10; i++) {
    order.push(a, b, c)
    ;[a, b, c] = [c + 1, a + 1, b + 1]
  }
  return encode(sum, order) + encodeGroup(0, sum[31], sum[30], 3)
}

function encodeSha512(sum: Uint8Array): string {
  const order: number[] = []
  for (let i = 0, [a, b, c] = [0, 21, 42]; i < 21; i++) {
    order.push(a, b, c)
    ;[a, b, c] = [b + 1, c + 1, a + 1]
  }
  return encode(sum, order) + encodeGroup(0, 0, sum[63], 2)
}

function encode(sum: Uint8Array, order: readonly number[]): string {
  let text = ''
  for (let i = 0; i < order.length; i += 3) {
    text += encodeGroup(sum[order[i]], sum[order[i + 1]], sum[order[i + 2]], 4)
  }
  return text
}

function encodeGroup(high: number, middle: number, low: number, letters: number): string {
  let value = (high << 16) | (middle << 8) | low
  let text = ''
  for (let i = 0; i < letters; i++) {
    text += ALPHABET[value & 0x3f]
    value >>= 6
  }
  return text
}

function digest(hash: string, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const sum = createHash(hash)
  for (const part of parts) sum.update(part)
  return sum.digest()
}

/** The digest over and over, `length` bytes of it. */
function stretch(sum: Uint8Array, length: number): Buffer {
  const out = Buffer.alloc(length)
  for (let at = 0; at < length; at += sum.length) out.set(sum.subarray(0, length - at), at)
  return out
}

function repeat(bytes: Uint8Array, times: number): readonly Uint8Array[] {
  return new Array<Uint8Array>(times).fill(bytes)
}
