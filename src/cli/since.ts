/** `--since`: a duration back from now, or a point in time. */
import { MillraceError } from '../errors.ts'
import { parseDuration } from '../util/duration.ts'

/** Milliseconds since 1970; undefined stays so. Throws a coded error. */
export function readSince(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  const ms = parseDuration(text)
  const at = ms === undefined ? readTime(text) : nowMs - ms
  if (Number.isFinite(at) && at >= 0) return Math.floor(at)
  throw new MillraceError('MILLRACE_CLI_BAD_TIME', `--since ${text}`)
}

/** `Date.parse` alone takes many a word for a year. */
function readTime(text: string): number {
  return /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
}
