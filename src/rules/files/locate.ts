/** From an offset in an expression to its place in the YAML around it, whatever way the expression is quoted or folded. */
import type { Span } from '../../config/problems.ts'

/** Longest escape of a double-quoted YAML text is `\UXXXXXXXX`. */
const HEX_ESCAPES: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

/**
 * `whole` is the place of the scalar, `text` what YAML made of it. Where the way back cannot be found (a text that
 * came through an alias), the whole place is the answer.
 */
export function locateInScalar(whole: Span, text: string, from: number, to: number): Span {
  const offsets = alignScalar(whole.source.text.slice(whole.start, whole.end), text)
  if (offsets === undefined) return whole
  const start = whole.start + offsets[Math.min(from, text.length)]
  const end = whole.start + offsets[Math.min(to, text.length)]
  return { ...whole, start, end: Math.max(start, end) }
}

/** For each offset in `text` that in `raw`; undefined when the two do not fit. */
function alignScalar(raw: string, text: string): number[] | undefined {
  const style = raw[0]
  const offsets: number[] = []
  let at = startOfContent(raw)
  for (let i = 0; i < text.length; i++) {
    at = skipLayout(raw, at, text[i], style)
    if (at >= raw.length && text.slice(i).trim() !== '') return undefined
    offsets.push(at)
    at += widthAt(raw, at, style)
    // A character beyond the first plane is one escape and two units of text.
    if (isHighSurrogate(text, i) && raw[offsets[i]] === '\\') offsets.push(offsets[i++])
  }
  offsets.push(at)
  return offsets
}

function startOfContent(raw: string): number {
  if (raw[0] === '"' || raw[0] === "'") return 1
  if (raw[0] === '|' || raw[0] === '>') return raw.indexOf('\n') + 1 || raw.length
  return 0
}

/** Passes over indentation and line ends that are no part of the text. */
function skipLayout(raw: string, from: number, wanted: string, style: string): number {
  let at = from
  while (at < raw.length && raw[at] !== wanted) {
    if (style === '"' && raw[at] === '\\') {
      if (raw[at + 1] !== '\n') return at
      at += 2
    } else if (/\s/.test(raw[at])) {
      // A folded line end stands for one space.
      if (wanted === ' ' && raw[at] === '\n') return at
      at++
    } else return raw.length
  }
  return at
}

/** Units of `raw` that make one unit of the text. */
function widthAt(raw: string, at: number, style: string): number {
  if (style === "'" && raw.startsWith("''", at)) return 2
  if (style !== '"' || raw[at] !== '\\') return 1
  return 2 + (HEX_ESCAPES[raw[at + 1]] ?? 0)
}

function isHighSurrogate(text: string, i: number): boolean {
  const code = text.charCodeAt(i)
  return code >= 0xd800 && code <= 0xdbff
}
