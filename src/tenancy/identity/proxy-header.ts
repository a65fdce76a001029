/** The header by which a trusted proxy names the tenant. From anybody else it is refused, never ignored. */
import type { AuthGranted, AuthOutcome, Credentials } from '../../core/identity.ts'
import { AddressList } from '../../net/address-list.ts'
import { denied, granted } from './answers.ts'
import { isTenantId } from './tenant-id.ts'

/** Answers that are kept; one a tenant. */
const MAX_KEPT = 10_000

export class ProxyHeader {
  readonly #name: string
  readonly #trusted: AddressList
  readonly #kept = new Map<string, AuthGranted>()

  constructor(name: string, networks: readonly string[]) {
    this.#name = name
    this.#trusted = new AddressList(networks)
  }

  /** The other end of a unix socket has no address and is not trusted. */
  trusts(address: string): boolean {
    return this.#trusted.has(address)
  }

  /** Null when there is no such header. */
  check(credentials: Credentials): AuthOutcome | null {
    const values = credentials.header(this.#name)
    if (values.length === 0) return null
    if (!this.trusts(credentials.address)) return denied('untrusted_proxy')
    if (values.length > 1) return denied('malformed_credentials')
    const [tenant] = values
    return isTenantId(tenant) ? this.#grant(tenant) : denied('no_tenant')
  }

  #grant(tenant: string): AuthGranted {
    let answer = this.#kept.get(tenant)
    if (answer === undefined) {
      answer = granted({ tenant, method: 'header', subject: '', signals: null })
      if (this.#kept.size >= MAX_KEPT) this.#kept.clear()
      this.#kept.set(tenant, answer)
    }
    return answer
  }
}
