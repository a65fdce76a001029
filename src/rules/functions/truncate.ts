/** Cuts text to a number of UTF-8 bytes. */

/** Undefined when the text fits. The marker's bytes count; it must not be longer than the limit. */
export function truncateText(text: string, maxBytes: number, marker: string): string | undefined {
  // A UTF-16 unit is at most three bytes, so most texts need no counting.
  if (text.length * 3 <= maxBytes) return undefined
  if (Buffer.byteLength(text) <= maxBytes) return undefined
  const bytes = Buffer.from(text)
  let end = maxBytes - Buffer.byteLength(marker)
  while (end > 0 && (bytes[end] & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end) + marker
}
