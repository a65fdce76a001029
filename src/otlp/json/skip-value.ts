/**
 * Values of keys that no message has: checked to be JSON and left behind. Apart from the cursor because only here JSON
 * of unknown shape is walked, without recursion and to a bounded depth.
 */
import type { MessageWriter } from './message-writer.ts'
import {
  COMMA,
  isDigit,
  MINUS,
  numberEnd,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
  type TextReader,
} from './text-reader.ts'

/** Lists and objects inside each other in one value. */
const MAX_SKIPPED_DEPTH = 256

/** Open brackets of the value being skipped. */
const open = new Uint8Array(MAX_SKIPPED_DEPTH)

/** Steps over the value at the cursor. Strings pass through `out`, which is left as it was. */
export function skipValue(text: TextReader, out: MessageWriter): boolean {
  let depth = 0
  for (;;) {
    const byte = text.next()
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      if (depth === MAX_SKIPPED_DEPTH) {
        return text.fail('depth', `expected at most ${MAX_SKIPPED_DEPTH} levels in an unknown key`)
      }
      text.pos++
      open[depth++] = byte
      if (text.next() !== closing(byte)) {
        if (byte === OPEN_OBJECT && !skipKey(text, out)) return false
        continue
      }
    } else if (!skipScalar(text, byte, out)) return false
    depth = closeAll(text, depth, out)
    if (depth <= 0) return depth === 0
  }
}

/** After a value: closes what ends here, steps to the next value and answers the depth left, -1 for a fault. */
function closeAll(text: TextReader, depth: number, out: MessageWriter): number {
  while (depth > 0) {
    const bracket = open[depth - 1]
    const byte = text.next()
    if (byte === closing(bracket)) depth--
    else if (byte !== COMMA) {
      text.fail('syntax', 'expected "," or a closing bracket')
      return -1
    }
    text.pos++
    if (byte === COMMA) return bracket === OPEN_OBJECT && !skipKey(text, out) ? -1 : depth
  }
  return depth
}

function skipKey(text: TextReader, out: MessageWriter): boolean {
  if (text.next() !== QUOTE) return text.fail('syntax', 'expected a key in double quotes')
  if (!skipString(text, out)) return false
  return text.value() !== 0 || text.fail('syntax', 'expected a JSON value')
}

function skipString(text: TextReader, out: MessageWriter): boolean {
  const start = out.pos
  const fine = text.string(out)
  out.pos = start
  return fine
}

function skipScalar(text: TextReader, byte: number, out: MessageWriter): boolean {
  if (byte === QUOTE) return skipString(text, out)
  if (byte === MINUS || isDigit(byte)) {
    const end = numberEnd(text.bytes, text.pos)
    if (end < 0) return text.fail('syntax', 'expected a JSON number')
    text.pos = end
    return true
  }
  return text.isBool() || text.null()
}

/** `[` and `{` stand two before their partners in ASCII. */
function closing(bracket: number): number {
  return bracket + 2
}
