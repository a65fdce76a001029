/** What may be the id of a tenant: safe in file names, labels, logs and headers alike, so that nothing has to escape it. */

const MAX_CHARS = 128

export const TENANT_ID_RULE = `1 to ${MAX_CHARS} of A-Z a-z 0-9 . _ @ : -, and not "." or ".."`

export function isTenantId(text: string): boolean {
  return (
    text.length <= MAX_CHARS && /^[A-Za-z0-9._@:-]+$/.test(text) && text !== '.' && text !== '..'
  )
}
