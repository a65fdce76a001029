/**
 * Looks a key up in a W3C `tracestate` as Go's SDK reads it: one bad or doubled member makes all of it void.
 * https://www.w3.org/TR/trace-context-1/#tracestate-header
 */

const MAX_MEMBERS = 32

const SIMPLE_KEY = /^[a-z][a-z0-9_\-*/]{0,255}$/
const TENANT_KEY = /^[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}$/
const VALUE = /^[ -+\--<>-~]{0,255}[!-+\--<>-~]$/

/** Whether the state is valid and the key has one of these values. */
export function hasMember(state: string, key: string, values: ReadonlySet<string>): boolean {
  const seen = new Set<string>()
  let found = false
  for (const member of state.split(',')) {
    if (member === '') continue
    const at = member.indexOf('=')
    if (at < 0) return false
    const name = member.slice(0, at).replace(/^[ \t]+/, '')
    const value = member.slice(at + 1).replace(/[ \t]+$/, '')
    if (!(SIMPLE_KEY.test(name) || TENANT_KEY.test(name)) || !VALUE.test(value)) return false
    if (seen.has(name)) return false
    seen.add(name)
    if (seen.size > MAX_MEMBERS) return false
    if (name === key && values.has(value)) found = true
  }
  return found
}
