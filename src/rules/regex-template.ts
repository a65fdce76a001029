/** Replacement templates as Go's regexp.Expand reads them: `$1x` is the group named `1x`, `${1}x` is group 1 before an x. */

export interface Template {
  expand(groups: readonly (string | undefined)[]): string
}

/** Text, or the numbers of the groups of one name: the first that took part is put in. */
type Part = string | readonly number[]

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
  return { expand: groups => expandParts(parts, groups) }
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
