/**
 * Header compression (RFC 7541). Reading keeps the table that the other side builds up; writing uses neither table nor
 * Huffman code, so that a block can be made once and sent many times.
 *
 * ```
 * 1 index(7)                      a field of the tables
 * 0 1 index(6) [name] value       a new one, kept in the table
 * 0 0 1 size(5)                   the table's new size, only at the start of a block
 * 0 0 0 x index(4) [name] value   a new one, not kept
 * text: huffman(1) length(7) bytes
 * ```
 */

import {
  createField,
  DynamicTable,
  fieldSize,
  type HeaderField,
  STATIC_TABLE,
} from './hpack-table.ts'
import { decodeHuffman } from './huffman.ts'

/** What SETTINGS_HEADER_TABLE_SIZE is until it is set; we never set another. */
const TABLE_BYTES = 4096
const MAX_INTEGER = 1 << 24
/** Names looked up for short values that come again and again are kept. */
const NO_FIELDS: readonly HeaderField[] = []

export interface HeaderLimits {
  readonly maxFields: number
  /** Of names and values, 32 for each field besides (RFC 9113 §6.5.2). */
  readonly maxBytes: number
}

/** The fields of a block; 'too_large' when they are more than allowed (the table is right nevertheless). */
export type HeaderBlock = readonly HeaderField[] | 'too_large' | 'broken'

export class HpackReader {
  readonly #limits: HeaderLimits
  readonly #table = new DynamicTable(TABLE_BYTES)
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0
  #end = 0

  constructor(limits: HeaderLimits) {
    this.#limits = limits
  }

  // hot: bench/flow/side-by-side.ts
  read(bytes: Buffer, from: number, to: number): HeaderBlock {
    this.#bytes = bytes
    this.#at = from
    this.#end = to
    const fields: HeaderField[] = []
    let size = 0
    while (this.#at < to) {
      const first = bytes[this.#at]
      if ((first & 0xe0) === 0x20) {
        if (fields.length > 0 || size > 0 || !this.#readTableSize()) return 'broken'
        continue
      }
      const field = first >= 0x80 ? this.#readIndexed() : this.#readLiteral(first)
      if (field === undefined) return 'broken'
      size += fieldSize(field)
      if (size <= this.#limits.maxBytes && fields.length < this.#limits.maxFields)
        fields.push(field)
      else size = this.#limits.maxBytes + 1
    }
    return size > this.#limits.maxBytes ? 'too_large' : fields.length === 0 ? NO_FIELDS : fields
  }

  #readIndexed(): HeaderField | undefined {
    const index = this.#readInteger(0x7f)
    return index > 0 ? this.#fieldAt(index) : undefined
  }

  #fieldAt(index: number): HeaderField | undefined {
    if (index <= STATIC_TABLE.length) return STATIC_TABLE[index - 1]
    return this.#table.at(index - STATIC_TABLE.length - 1)
  }

  #readLiteral(first: number): HeaderField | undefined {
    const isKept = (first & 0x40) !== 0
    const index = this.#readInteger(isKept ? 0x3f : 0x0f)
    if (index < 0) return undefined
    const name = index === 0 ? this.#readText() : this.#fieldAt(index)?.name
    if (name === undefined) return undefined
    const value = this.#readText()
    if (value === undefined) return undefined
    const field = createField(name, value)
    if (isKept) this.#table.add(field)
    return field
  }

  #readTableSize(): boolean {
    const size = this.#readInteger(0x1f)
    if (size < 0 || size > TABLE_BYTES) return false
    this.#table.resize(size)
    return true
  }

  /** Negative for an integer that is cut off or larger than anything here can be. */
  #readInteger(mask: number): number {
    let value = this.#bytes[this.#at++] & mask
    if (value < mask) return value
    for (let shift = 0; this.#at < this.#end; shift += 7) {
      const byte = this.#bytes[this.#at++]
      value += (byte & 0x7f) * 2 ** shift
      if (value > MAX_INTEGER || shift > 28) return -1
      if (byte < 0x80) return value
    }
    return -1
  }

  #readText(): string | undefined {
    if (this.#at >= this.#end) return undefined
    const isHuffman = this.#bytes[this.#at] >= 0x80
    const length = this.#readInteger(0x7f)
    const from = this.#at
    if (length < 0 || from + length > this.#end) return undefined
    this.#at = from + length
    if (isHuffman) return decodeHuffman(this.#bytes, from, this.#at)
    return this.#bytes.toString('latin1', from, this.#at)
  }
}

const STATIC_FIELDS = new Map<string, number>()
const STATIC_NAMES = new Map<string, number>()
STATIC_TABLE.forEach(({ name, value }, i) => {
  STATIC_FIELDS.set(`${name} ${value}`, i + 1)
  if (!STATIC_NAMES.has(name)) STATIC_NAMES.set(name, i + 1)
})

/** A block of these fields. Values are written as latin1. */
export function writeHeaderBlock(fields: Iterable<readonly [string, string]>): Buffer {
  const out: number[] = []
  for (const [name, value] of fields) {
    const whole = STATIC_FIELDS.get(`${name} ${value}`)
    if (whole !== undefined && value !== '') {
      writeInteger(out, 0x80, 0x7f, whole)
      continue
    }
    const index = STATIC_NAMES.get(name) ?? 0
    writeInteger(out, 0, 0x0f, index)
    if (index === 0) writeText(out, name)
    writeText(out, value)
  }
  return Buffer.from(out)
}

function writeInteger(out: number[], bits: number, mask: number, value: number): void {
  if (value < mask) {
    out.push(bits | value)
    return
  }
  out.push(bits | mask)
  let rest = value - mask
  for (; rest >= 0x80; rest >>>= 7) out.push((rest & 0x7f) | 0x80)
  out.push(rest)
}

function writeText(out: number[], text: string): void {
  const bytes = Buffer.from(text, 'latin1')
  writeInteger(out, 0, 0x7f, bytes.length)
  for (const byte of bytes) out.push(byte)
}
