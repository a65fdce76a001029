/**
 * Who sends, and how that is shown and proven: what receivers ask an authenticator, and exporters another one. The
 * authenticators themselves are extensions.
 */
import type { PeerCertificate } from 'node:tls'
import type { RequestContext, TenantId } from './batch.ts'
import type { Signal } from './signal.ts'

export type AuthMethod = 'api_key' | 'jwt' | 'certificate' | 'basic' | 'bearer' | 'header' | 'none'

/** A sender whose word has been checked. */
export interface Identity {
  readonly tenant: TenantId
  readonly method: AuthMethod
  /** Who within the tenant, for logs and the audit: id of a key, subject of a token or certificate, user. Never a secret. */
  readonly subject: string
  /** What it may send; null is everything. */
  readonly signals: readonly Signal[] | null
}

/** Why somebody is not let in; told to the client, counted, never with any part of what it showed. */
export type AuthReason =
  | 'no_credentials'
  | 'malformed_credentials'
  | 'unknown_credentials'
  | 'expired'
  | 'not_yet_valid'
  | 'revoked'
  | 'bad_signature'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'no_tenant'
  | 'unknown_tenant'
  | 'untrusted_proxy'
  | 'address_denied'
  | 'signal_not_allowed'
  | 'too_many_failures'
  | 'verifier_unavailable'

export interface AuthDenied {
  readonly kind: 'denied'
  /** `busy`: cannot be decided now (keys cannot be fetched, too many guesses), come back later. */
  readonly code: 'unauthenticated' | 'permission_denied' | 'busy'
  readonly reason: AuthReason
  /** For people: what is wrong and what to do. */
  readonly message: string
  readonly retryAfterMs?: number
}

export interface AuthGranted {
  readonly kind: 'granted'
  readonly identity: Identity
}

export type AuthOutcome = AuthGranted | AuthDenied

/** What a request shows of its sender. Reads nothing before it is asked. */
export interface Credentials {
  /** Every value of a header or metadata key (lower-case), in order; empty when absent. */
  header(name: string): readonly string[]
  /** IP address of the peer without port, v4-mapped addresses as v4; empty for unix sockets. */
  readonly address: string
  /** The verified client certificate of the connection, or null. */
  certificate(): PeerCertificate | null
}

/** Checks senders. Synchronous when it can be; never throws and never rejects. */
export interface ServerAuthenticator {
  authenticate(credentials: Credentials): AuthOutcome | Promise<AuthOutcome>
}

/** An extension that receivers can name in `auth.authenticator` has this property. */
export interface HasServerAuthenticator {
  readonly serverAuthenticator: ServerAuthenticator
}

/** Headers (lower-case names) that prove who we are to a destination. */
export interface ClientAuthenticator {
  /** Asked for each request. Rejects with a message for people when there is nothing to show; the request is tried again. */
  headers(
    tenant: TenantId,
    context: RequestContext,
  ): ReadonlyMap<string, string> | Promise<ReadonlyMap<string, string>>
  /** The destination answered 401 / UNAUTHENTICATED: what is cached may be stale. */
  rejected?(): void
}

/** An extension that exporters can name in `auth.authenticator` has this property. */
export interface HasClientAuthenticator {
  readonly clientAuthenticator: ClientAuthenticator
}
