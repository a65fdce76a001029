/** Flags of one verb of a format, and padding to its width. */

export interface Flags {
  sharp: boolean
  zero: boolean
  plus: boolean
  minus: boolean
  space: boolean
  /** `%#v`. */
  sharpV: boolean
  width?: number
  precision?: number
}

/** Widths count characters. */
export function pad(text: string, { width, minus, zero }: Flags): string {
  if (width === undefined || width === 0) return text
  const missing = Math.max(width - countRunes(text), 0)
  return minus ? text + ' '.repeat(missing) : (zero ? '0' : ' ').repeat(missing) + text
}

/** With spaces, also where the flag 0 is given. */
export function padPlain(text: string, flags: Flags): string {
  return pad(text, { ...flags, zero: false })
}

function countRunes(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
