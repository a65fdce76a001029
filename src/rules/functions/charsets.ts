/** Decoders by IANA charset name: tables for single bytes, the platform's TextDecoder for the rest. */
import { MULTI_BYTE_CHARSETS, SINGLE_BYTE_CHARSETS } from './charset-tables.ts'

export type CharsetDecoder = (input: Buffer) => string

/** Undefined when the name is not known. */
export function charsetDecoder(name: string): CharsetDecoder | undefined {
  const lower = name.toLowerCase()
  const trimmed = lower.trim()
  return BY_NAME.get(lower) ?? BY_NAME.get(trimmed) ?? named(trimmed)
}

/** As Go prints text with invalid UTF-8: each wrong byte is one U+FFFD (the platform joins some). */
export function decodeUtf8(input: Uint8Array): string {
  try {
    return STRICT_UTF8.decode(input)
  } catch {
    return decodeByRune(input)
  }
}

const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const REPLACEMENT = '\ufffd'

const BY_NAME: ReadonlyMap<string, CharsetDecoder> = new Map([
  ...['', 'utf-8', 'utf8', 'csutf8', 'ascii', 'us-ascii'].map(
    name => [name, platformDecoder('utf-8')] as const,
  ),
  ...['utf-8-raw', 'utf8-raw', 'nop'].map(name => [name, decodeUtf8] as const),
  ...['utf-16', 'utf16'].map(name => [name, platformDecoder('utf-16le')] as const),
])

/** Built at their first use, kept by name. */
const built = new Map<string, CharsetDecoder>()

function named(name: string): CharsetDecoder | undefined {
  const known = built.get(name)
  if (known !== undefined) return known
  const decoder = build(name)
  if (decoder !== undefined) built.set(name, decoder)
  return decoder
}

function build(name: string): CharsetDecoder | undefined {
  const isNamed = (names: string): boolean => names.split(' ').includes(name)
  const table = SINGLE_BYTE_CHARSETS.find(([names]) => isNamed(names))?.[1]
  if (table !== undefined) return tableDecoder(Buffer.from(table, 'base64').toString('utf16le'))
  const label = MULTI_BYTE_CHARSETS.find(([, names]) => isNamed(names))?.[0]
  return label === undefined ? undefined : platformDecoder(label)
}

function platformDecoder(label: string): CharsetDecoder {
  const decoder = new TextDecoder(label, { ignoreBOM: true })
  return input => decoder.decode(input)
}

function tableDecoder(table: string): CharsetDecoder {
  const first = 256 - table.length
  return input => {
    const units = Buffer.allocUnsafe(2 * input.length)
    for (let i = 0; i < input.length; i++) {
      const byte = input[i]
      units.writeUInt16LE(byte < first ? byte : table.charCodeAt(byte - first), 2 * i)
    }
    return units.toString('utf16le')
  }
}

function decodeByRune(input: Uint8Array): string {
  const parts: string[] = []
  let at = 0
  let from = 0
  while (at < input.length) {
    const size = runeSize(input, at)
    if (size === 0) {
      parts.push(STRICT_UTF8.decode(input.subarray(from, at)), REPLACEMENT)
      from = at + 1
    }
    at += size || 1
  }
  parts.push(STRICT_UTF8.decode(input.subarray(from)))
  return parts.join('')
}

/** 0 when no valid sequence starts here. */
function runeSize(input: Uint8Array, at: number): number {
  const lead = input[at]
  if (lead < 0x80) return 1
  if (lead < 0xc2 || lead > 0xf4) return 0
  const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  if (at + size > input.length) return 0
  for (let i = 1; i < size; i++) {
    const byte = input[at + i]
    if (byte < 0x80 || byte > 0xbf) return 0
  }
  const second = input[at + 1]
  if ((lead === 0xe0 && second < 0xa0) || (lead === 0xed && second > 0x9f)) return 0
  if ((lead === 0xf0 && second < 0x90) || (lead === 0xf4 && second > 0x8f)) return 0
  return size
}
