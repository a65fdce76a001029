/** What a request shows by its head, and what a handler may say to it before anything of its body is kept. */
import type { Socket } from 'node:net'
import { type PeerCertificate, TLSSocket } from 'node:tls'
import type { Credentials } from '../core/identity.ts'
import type { Room } from './body-buffer.ts'
import type { Guest } from './guests.ts'

export interface RequestHead extends Credentials {
  /** The connection that it came on. */
  readonly guest: Guest
}

/** A request that was let in by its head. The room for its body comes from here. */
export interface Admitted extends Room {
  /** `handle` will not be called for it: the client went away, or was answered already. */
  abandon(): void
}

/** Null without TLS, and for clients that showed no certificate or one that was not verified. */
export function verifiedCertificate(socket: Socket): PeerCertificate | null {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null
  const certificate = socket.getPeerCertificate()
  return Object.keys(certificate ?? {}).length === 0 ? null : certificate
}
