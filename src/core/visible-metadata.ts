/** A sender's metadata as people may see it: what may prove who somebody is stays hidden. */
import { REDACTED } from '../util/secret.ts'
import type { RequestContext } from './batch.ts'

/** Names are free: better one too many hidden than one too few. */
const TELLING = /auth|cookie|token|secret|passw|passphrase|key|credential|signature/i
/** Which header carries keys is configured: they are known by how they look, too. */
const CREDENTIAL = /^\s*(?:mr_|eyJ[\w-]+\.|(?:bearer|basic|apikey)\s)/i

export function visibleMetadata({ metadata }: RequestContext): Record<string, readonly string[]> {
  const shown = [...metadata].map(
    ([key, values]) => [key, values.map(text => (isTelling(key, text) ? REDACTED : text))] as const,
  )
  return Object.fromEntries(shown)
}

function isTelling(key: string, text: string): boolean {
  return TELLING.test(key) || CREDENTIAL.test(text)
}
