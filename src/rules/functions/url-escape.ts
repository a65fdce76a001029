/**
 * Percent-encoding of the parts of a URL as Go's net/url has it. Texts here hold one byte of UTF-8 in each character,
 * so that escapes and bytes are the same thing.
 */

export type UrlPart = 'path' | 'host' | 'zone' | 'userPassword' | 'query' | 'fragment'

/** Characters besides letters, digits and `-_.~` that stay as they are. */
const PLAIN: Readonly<Record<UrlPart, RegExp>> = {
  path: /[$&+,/:;=@]/,
  host: /[!$&'()*+,;=:[\]<>"]/,
  zone: /[!$&'()*+,;=:[\]<>"]/,
  userPassword: /[$&+,;=]/,
  query: /(?!)/,
  fragment: /[$&+,/:;=?@!()*]/,
}

export function toBytes(text: string): string {
  return Buffer.from(text).toString('latin1')
}

export function fromBytes(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

export function isEscaped(c: string, part: UrlPart): boolean {
  return !/[A-Za-z0-9\-_.~]/.test(c) && !PLAIN[part].test(c)
}

export function escapeUrl(bytes: string, part: UrlPart): string {
  let out = ''
  for (const c of bytes) out += isEscaped(c, part) ? percent(c) : c
  return out
}

function percent(c: string): string {
  return `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

/** Throws Error for escapes, and in hosts for characters, that cannot be. */
export function unescapeUrl(bytes: string, part: UrlPart): string {
  let out = ''
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i]
    if (c === '%') {
      out += readEscape(bytes.slice(i, i + 3), part)
      i += 2
      continue
    }
    const isHost = part === 'host' || part === 'zone'
    if (isHost && c < '\x80' && isEscaped(c, part)) {
      throw new Error(`invalid character ${JSON.stringify(c)} in host name`)
    }
    out += c === '+' && part === 'query' ? ' ' : c
  }
  return out
}

function readEscape(code: string, part: UrlPart): string {
  const isHex = /^%[0-9a-fA-F]{2}$/.test(code)
  const c = String.fromCharCode(Number.parseInt(code.slice(1), 16))
  // A host takes escapes only for what is not ASCII; a zone also for what a host may hold.
  const isForbidden =
    code !== '%25' &&
    ((part === 'host' && c < '\x80') || (part === 'zone' && c !== ' ' && isEscaped(c, 'host')))
  if (!isHex || isForbidden) throw new Error(`invalid URL escape ${JSON.stringify(code)}`)
  return c
}

/** Whether a part that was written so may be written so again. */
export function isValidlyEscaped(bytes: string, part: UrlPart): boolean {
  for (const c of bytes) {
    if (!/[!$&'()*+,;=:@[\]%]/.test(c) && isEscaped(c, part)) return false
  }
  return true
}
