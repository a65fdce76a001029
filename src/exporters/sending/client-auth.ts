/** What the extension named in `auth.authenticator` has to show to the destination, asked for each request. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Host } from '../../core/component.ts'
import type { ClientAuthenticator, HasClientAuthenticator } from '../../core/identity.ts'
import { MillraceError } from '../../errors.ts'

/** Names that gRPC and HTTP can carry and that the protocol does not use itself. */
const NAME = /^(?!grpc-)[0-9a-z][0-9a-z_.-]*$/
const RESERVED: ReadonlySet<string> = new Set([
  ...['content-length', 'content-type', 'content-encoding', 'transfer-encoding', 'connection'],
  ...['keep-alive', 'upgrade', 'expect', 'te', 'host'],
])
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

export type AuthHeaders = ReadonlyMap<string, string>

/** Why there is nothing to show now. */
export interface NoHeaders {
  readonly message: string
}

export class ClientAuth {
  readonly #id: string
  readonly #host: Host
  /** Headers that have been looked at; most authenticators give the same map each time. */
  readonly #sound = new WeakSet<AuthHeaders>()

  /** Throws when the extension does not run or is no authenticator of exporters. */
  constructor(id: string, host: Host) {
    this.#id = id
    this.#host = host
    if (this.#find() !== null) return
    const what = host.extension(id) === undefined ? 'is not running' : 'cannot be used by exporters'
    throw new MillraceError('MILLRACE_START_FAILED', `The authenticator ${id} ${what}.`)
  }

  /** Never rejects. */
  async headers({ tenant, context }: Batch): Promise<AuthHeaders | NoHeaders> {
    try {
      const authenticator = this.#find()
      if (authenticator === null) return { message: `${this.#id} is not running` }
      const headers = await authenticator.headers(tenant, context)
      return this.#sound.has(headers) ? headers : this.#examine(headers)
    } catch (error) {
      return { message: `${this.#id}: ${(error as Error).message}` }
    }
  }

  /** The destination did not accept them. True when others may be had for the next attempt. */
  rejected(): boolean {
    const authenticator = this.#find()
    if (authenticator?.rejected === undefined) return false
    authenticator.rejected()
    return true
  }

  #examine(headers: AuthHeaders): AuthHeaders | NoHeaders {
    for (const [name, value] of headers) {
      if (!NAME.test(name) || RESERVED.has(name)) {
        return { message: `${this.#id}: the header ${JSON.stringify(name)} cannot be sent` }
      }
      if (!VALUE.test(value)) {
        return { message: `${this.#id}: the value of ${name} has characters that cannot be sent` }
      }
    }
    this.#sound.add(headers)
    return headers
  }

  /** Asked anew each time: a reload may have replaced it. */
  #find(): ClientAuthenticator | null {
    const found = this.#host.extension<Component & Partial<HasClientAuthenticator>>(this.#id)
    return found?.clientAuthenticator ?? null
  }
}

export function hasHeaders(answer: AuthHeaders | NoHeaders): answer is AuthHeaders {
  return !('message' in answer)
}
