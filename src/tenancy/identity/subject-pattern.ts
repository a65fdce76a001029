/**
 * Patterns for names in certificates: text with `*` and one `{tenant}`. A wildcard ends where the character that follows it
 * in the pattern first comes, so there is one way to match and it takes one look at each character.
 */

const MAX_PATTERN_CHARS = 256
/** Names in certificates may be longer; such are no match. */
const MAX_SUBJECT_CHARS = 512
const WILDCARD = /(\*|\{tenant\})/
const TENANT_CHARS = 'A-Za-z0-9._@:-'

export interface SubjectPattern {
  /** The pattern says where the tenant is. */
  readonly namesTenant: boolean
  /** The tenant that `subject` names (empty where the pattern has none), or null when it does not match. */
  match(subject: string): string | null
}

/** A text says what is wrong with the pattern. */
export function compileSubjectPattern(pattern: string): SubjectPattern | string {
  if (pattern === '' || pattern.length > MAX_PATTERN_CHARS) return 'is empty or too long'
  const pieces = pattern.split(WILDCARD)
  let source = ''
  let tenants = 0
  for (let i = 0; i < pieces.length; i += 2) {
    source += escapeText(pieces[i])
    const wildcard = pieces[i + 1]
    if (wildcard === undefined) break
    const after = pieces[i + 2]
    if (after === '' && i + 4 <= pieces.length) return 'has two wildcards without text in between'
    if (wildcard === '{tenant}' && ++tenants > 1) return 'has {tenant} more than once'
    source += wildcard === '*' ? anyUpTo(after) : tenantUpTo(after)
  }
  const expression = new RegExp(`^${source}$`)
  return {
    namesTenant: tenants > 0,
    match(subject: string): string | null {
      if (subject.length > MAX_SUBJECT_CHARS) return null
      const found = expression.exec(subject)
      return found === null ? null : (found[1] ?? '')
    },
  }
}

function anyUpTo(after: string): string {
  return after === '' ? '[^/]*' : `[^/${escapeInClass(after[0])}]*`
}

function tenantUpTo(after: string): string {
  if (after === '' || !new RegExp(`[${TENANT_CHARS}]`).test(after[0])) return `([${TENANT_CHARS}]+)`
  return `((?!${escapeText(after[0])})[${TENANT_CHARS}](?:(?!${escapeText(after[0])})[${TENANT_CHARS}])*)`
}

function escapeText(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

function escapeInClass(character: string): string {
  return character.replace(/[\\\]^-]/, '\\$&')
}
