/** IP addresses between text and bytes, as RFC 5952 writes them; an IPv4 address inside IPv6 is an IPv4 address. */
import type { MessageWriter } from '../../otlp/json/message-writer.ts'

const POINT = 0x2e
const COLON = 0x3a
const ZERO = 0x30

/** The address read last: 16 bytes, those of IPv4 as `::ffff:a.b.c.d`. */
export const address = new Uint8Array(16)

/** Longest text of an address with an embedded one in IPv4. */
const MAX_TEXT = 45

/** Reads `bytes[start..end)` into `address`; 4, 6, or 0 when it is no address. */
export function parseIp(bytes: Uint8Array, start: number, end: number): 0 | 4 | 6 {
  if (end - start > MAX_TEXT || end === start) return 0
  for (let pos = start; pos < end && pos < start + 5; pos++) {
    if (bytes[pos] === COLON) return parseIpv6(bytes, start, end)
  }
  asMapped()
  return parseIpv4(bytes, start, end, 12) ? 4 : 0
}

/** Takes an address of 4 or 16 bytes into `address`; 0 when it has another length. */
export function takeIp(bytes: Uint8Array, start: number, end: number): 0 | 4 | 6 {
  const length = end - start
  if (length !== 4 && length !== 16) return 0
  if (length === 4) asMapped()
  for (let i = 0; i < length; i++) address[16 - length + i] = bytes[start + i]
  return isMapped() ? 4 : 6
}

/** Writes the text of `address`. */
export function writeIp(out: MessageWriter): void {
  if (!isMapped()) {
    const text = ipv6Text()
    for (let i = 0; i < text.length; i++) out.bytes[out.pos++] = text.charCodeAt(i)
    return
  }
  for (let i = 12; i < 16; i++) {
    if (i > 12) out.bytes[out.pos++] = POINT
    const byte = address[i]
    if (byte > 99) out.bytes[out.pos++] = ZERO + Math.floor(byte / 100)
    if (byte > 9) out.bytes[out.pos++] = ZERO + (Math.floor(byte / 10) % 10)
    out.bytes[out.pos++] = ZERO + (byte % 10)
  }
}

function asMapped(): void {
  address.fill(0, 0, 10)
  address[10] = address[11] = 0xff
}

function isMapped(): boolean {
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false
  return address[10] === 0xff && address[11] === 0xff
}

function parseIpv4(bytes: Uint8Array, start: number, end: number, at: number): boolean {
  let parts = 0
  let value = 0
  let digits = 0
  for (let pos = start; pos <= end; pos++) {
    const byte = pos < end ? bytes[pos] : POINT
    if (byte === POINT) {
      if (digits === 0 || value > 255 || parts === 4) return false
      address[at + parts++] = value
      value = digits = 0
    } else {
      // No leading zeros: some read them as octal.
      if (byte < ZERO || byte > 0x39 || (digits > 0 && value === 0)) return false
      value = value * 10 + byte - ZERO
      if (++digits > 3) return false
    }
  }
  return parts === 4
}

function parseIpv6(bytes: Uint8Array, start: number, end: number): 0 | 6 | 4 {
  const groups: number[] = []
  let gap = -1
  let pos = start
  if (bytes[pos] === COLON) {
    if (bytes[pos + 1] !== COLON) return 0
    gap = 0
    pos += 2
  }
  while (pos < end) {
    const from = pos
    let value = 0
    let digit = hexDigit(bytes[pos])
    while (pos < end && digit >= 0) {
      value = value * 16 + digit
      digit = hexDigit(bytes[++pos])
    }
    if (pos < end && bytes[pos] === POINT) {
      if (groups.length > 6 || !parseIpv4(bytes, from, end, 12)) return 0
      groups.push((address[12] << 8) | address[13], (address[14] << 8) | address[15])
      pos = end
      break
    }
    if (pos === from || pos - from > 4 || groups.length === 8) return 0
    groups.push(value)
    if (pos === end) break
    if (bytes[pos++] !== COLON || pos === end) return 0
    if (bytes[pos] === COLON) {
      if (gap >= 0) return 0
      gap = groups.length
      pos++
    }
  }
  if (gap < 0 ? groups.length !== 8 : groups.length > 7) return 0
  if (gap >= 0) groups.splice(gap, 0, ...new Array<number>(8 - groups.length).fill(0))
  for (let i = 0; i < 8; i++) {
    address[2 * i] = groups[i] >> 8
    address[2 * i + 1] = groups[i]
  }
  return isMapped() ? 4 : 6
}

function hexDigit(byte: number): number {
  if (byte >= ZERO && byte <= 0x39) return byte - ZERO
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

/** The longest run of two or more zero groups, the first of equal ones, is `::`. */
function ipv6Text(): string {
  const groups = Array.from({ length: 8 }, (_, i) => (address[2 * i] << 8) | address[2 * i + 1])
  let best = -1
  let length = 1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (i + run < 8 && groups[i + run] === 0) run++
    if (run > length) {
      best = i
      length = run
    }
    i += run
  }
  const text = (part: readonly number[]): string => part.map(group => group.toString(16)).join(':')
  if (best < 0) return text(groups)
  return `${text(groups.slice(0, best))}::${text(groups.slice(best + length))}`
}
