/** Replacement templates as Go's regexp.Expand reads them: `$1x` is the group named `1x`, `${1}x` is group 1 before an x. */
import type { Sequence } from './regex-sequence.ts'

export interface Template {
  readonly parts: readonly Part[]
  expand(groups: readonly (string | undefined)[]): string
  /** The same for a match of which only the marks are known: all groups took part. */
  expandMarks(text: string, marks: Int32Array, sequence: Sequence): string
}

/** Text, or the numbers of the groups of one name: the first that took part is put in. */
export type Part = string | readonly number[]

/** Larger numbers than Go's 1e8 are read as names, which nothing has. */
const NUMBER = /^(?:0|[1-9][0-9]{0,8})$/
const NAME = /[\p{L}\p{Nd}_]+/uy

export function parseTemplate(template: string, groupNames: readonly string[]): Template {
  const parts: Part[] = []
  let text = ''
  for (let i = 0; i < template.length; ) {
    const dollar = template.indexOf('$', i)
    if (dollar < 0) {
      text += template.slice(i)
      break
    }
    text += template.slice(i, dollar)
    i = dollar + 1
    if (template[i] === '$') {
      text += '$'
      i++
      continue
    }
    const reference = readReference(template, i)
    if (reference === null) {
      text += '$'
      continue
    }
    if (text !== '') parts.push(text)
    text = ''
    parts.push(groupsOf(reference.name, groupNames))
    i = reference.end
  }
  if (text !== '') parts.push(text)
  return {
    parts,
    expand: groups => expandParts(parts, groups),
    expandMarks: (text, marks, sequence) => expandMarks(parts, text, marks, sequence),
  }
}

function expandMarks(
  parts: readonly Part[],
  text: string,
  marks: Int32Array,
  { groups }: Sequence,
): string {
  let out = ''
  for (const part of parts) {
    if (typeof part === 'string') {
      out += part
      continue
    }
    for (const number of part) {
      if (number > groups.length) continue
      const [first, end] =
        number === 0 ? [0, marks.length - 1] : [groups[number - 1].first, groups[number - 1].end]
      out += text.slice(marks[first], marks[end])
      break
    }
  }
  return out
}

function expandParts(parts: readonly Part[], groups: readonly (string | undefined)[]): string {
  let out = ''
  for (const part of parts) {
    if (typeof part === 'string') out += part
    else out += groups[part.find(group => groups[group] !== undefined) ?? -1] ?? ''
  }
  return out
}

/** What follows a `$`; null when it is no reference. */
function readReference(template: string, at: number): { name: string; end: number } | null {
  const isBraced = template[at] === '{'
  const start = isBraced ? at + 1 : at
  NAME.lastIndex = start
  const name = NAME.exec(template)?.[0]
  if (name === undefined) return null
  const end = start + name.length
  if (!isBraced) return { name, end }
  return template[end] === '}' ? { name, end: end + 1 } : null
}

function groupsOf(name: string, groupNames: readonly string[]): readonly number[] {
  if (NUMBER.test(name)) return [Number(name)]
  return groupNames.flatMap((each, group) => (each === name ? [group] : []))
}
