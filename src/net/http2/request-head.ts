/** Whether the fields of a header block make a request, or trailers (RFC 9113 §8.1, §8.3). */
import type { HeaderBlock } from './hpack.ts'

/** Exactly one method, scheme and path, before all other fields; nothing of HTTP/1 connections. */
// hot: bench/flow/side-by-side.ts
export function isWellFormedRequest(block: HeaderBlock): boolean {
  if (typeof block === 'string') return false
  let seen = 0
  let regular = false
  for (const { kind, value } of block) {
    const bit =
      kind === ':method'
        ? 1
        : kind === ':scheme'
          ? 2
          : kind === ':path'
            ? 4
            : kind === ':authority'
              ? 8
              : 0
    if (bit === 0) {
      if (kind === 'bad' || kind === ':status') return false
      regular = true
      continue
    }
    if (regular || (seen & bit) !== 0 || (value === '' && bit !== 8)) return false
    seen |= bit
  }
  return (seen & 7) === 7
}

/** No pseudo-headers. */
export function isTrailers(block: HeaderBlock): boolean {
  return (
    typeof block !== 'string' && block.every(({ name, kind }) => name[0] !== ':' && kind !== 'bad')
  )
}
