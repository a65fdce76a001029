/** A sender's metadata as people may see it: what may prove who somebody is stays hidden. */
import { REDACTED } from '../util/secret.ts'
import type { RequestContext } from './batch.ts'

/** Names are free: better one too many hidden than one too few. */
const TELLING =
  /auth|cookie|token|secret|passw|passphrase|api-?key|access-?key|credential|signature/i

export function visibleMetadata({ metadata }: RequestContext): Record<string, readonly string[]> {
  const shown = [...metadata].map(
    ([key, values]) => [key, TELLING.test(key) ? values.map(() => REDACTED) : values] as const,
  )
  return Object.fromEntries(shown)
}
