/** What senders are told who are not let in. One place for the texts: none says more than the sender knows already. */
import type { AuthDenied, AuthGranted, AuthReason, Identity } from '../../core/identity.ts'

const UNAVAILABLE_RETRY_MS = 5000

const MESSAGES: Readonly<Record<AuthReason, string>> = {
  no_credentials: 'no credentials were sent; send an API key or token in the header authorization',
  malformed_credentials: 'the credentials cannot be read; send exactly one kind, once',
  unknown_credentials: 'the credentials are not known here',
  expired: 'the credentials have expired; get new ones',
  not_yet_valid: 'the credentials are not valid yet; check the clocks',
  revoked: 'the credentials have been revoked; get new ones',
  bad_signature: 'the signature of the token is not valid',
  wrong_issuer: 'the issuer of the token is not accepted here',
  wrong_audience: 'the token is meant for another audience',
  no_tenant: 'the credentials name no tenant that can be used',
  unknown_tenant: 'the tenant is not known here',
  untrusted_proxy: 'a header names the tenant and does not come from a trusted proxy',
  address_denied: 'nothing is taken from this address',
  signal_not_allowed: 'the credentials do not allow this signal',
  too_many_failures: 'too many wrong credentials came from this address; try again later',
  verifier_unavailable: 'the credentials cannot be checked now; try again later',
}

/** Wherever who somebody is has been settled, and what remains is that they may not. */
const FORBIDDEN: ReadonlySet<AuthReason> = new Set([
  'no_tenant',
  'unknown_tenant',
  'untrusted_proxy',
  'address_denied',
  'signal_not_allowed',
])

const DENIED = new Map<AuthReason, AuthDenied>()

/** The same object for the same reason. */
export function denied(reason: AuthReason): AuthDenied {
  let answer = DENIED.get(reason)
  if (answer === undefined) {
    const code = FORBIDDEN.has(reason) ? 'permission_denied' : 'unauthenticated'
    answer = Object.freeze({ kind: 'denied', code, reason, message: MESSAGES[reason] })
    DENIED.set(reason, answer)
  }
  return answer
}

export function tryLater(
  reason: 'too_many_failures' | 'verifier_unavailable',
  retryAfterMs = UNAVAILABLE_RETRY_MS,
): AuthDenied {
  return { kind: 'denied', code: 'busy', reason, message: MESSAGES[reason], retryAfterMs }
}

export function granted(identity: Identity): AuthGranted {
  return Object.freeze({ kind: 'granted', identity: Object.freeze(identity) })
}
