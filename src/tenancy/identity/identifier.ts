/** Asks each configured method who a sender is, in a fixed order, and counts and limits those that fail. */
import type { AuditTrail } from '../../core/audit.ts'
import { DEFAULT_TENANT, type TenantId } from '../../core/batch.ts'
import type {
  AuthMethod,
  AuthOutcome,
  Credentials,
  ServerAuthenticator,
} from '../../core/identity.ts'
import { denied, granted } from './answers.ts'
import { ApiKeys } from './api-keys.ts'
import { BasicUsers } from './basic.ts'
import { Certificates } from './certificates.ts'
import type { IdentityConfig } from './fields.ts'
import { FileReloads, type WatchedFile } from './file-reloads.ts'
import { HtpasswdSource } from './htpasswd-source.ts'
import { ProxyHeader } from './proxy-header.ts'
import { SenderCount, type SenderServices } from './sender-count.ts'
import { type Readable, readShown, type Shown } from './shown.ts'
import { isTenantId } from './tenant-id.ts'
import { Tokens } from './tokens.ts'

export interface Identifier extends ServerAuthenticator {
  /** No method is configured: everybody is the tenant `default` and nobody need be asked. */
  readonly isOpen: boolean
  /** Reads files and fetches keys; rejects with a `MillraceError` when a file cannot be used. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Reads its files again; what cannot be used changes nothing and is logged. */
  refresh(): void
}

export interface IdentifierServices extends SenderServices {
  /** Where it is written that files with credentials were read again. */
  readonly audit?: AuditTrail
}

export function createIdentifier(config: IdentityConfig, services: IdentifierServices): Identifier {
  return new ConfiguredIdentifier(config, services)
}

class ConfiguredIdentifier implements Identifier {
  readonly isOpen: boolean
  readonly #services: IdentifierServices
  readonly #keys: ApiKeys
  readonly #tokens: Tokens
  readonly #basic: BasicUsers
  readonly #certificates: Certificates | null
  readonly #proxy: ProxyHeader | null
  readonly #readable: Readable
  readonly #anonymous: AuthOutcome
  readonly #count: SenderCount
  readonly #files: FileReloads

  constructor(config: IdentityConfig, services: IdentifierServices) {
    const { api_keys, jwt, certificates, basic, header, anonymous, guessing } = config
    const { clock } = services
    this.#services = services
    this.#keys = new ApiKeys(clock)
    this.#tokens = new Tokens(jwt, services)
    this.#basic = new BasicUsers(user => tenantOfUser(basic?.users ?? {}, user))
    this.#certificates = certificates.length > 0 ? new Certificates(certificates, clock) : null
    this.#proxy = header === undefined ? null : new ProxyHeader(header.name, header.trusted_proxies)
    this.#readable = {
      keyHeader: api_keys?.header ?? '',
      jwt: jwt.length > 0,
      basic: basic !== undefined,
    }
    this.isOpen =
      api_keys === undefined &&
      basic === undefined &&
      this.#proxy === null &&
      jwt.length === 0 &&
      certificates.length === 0
    this.#anonymous = answerForNobody(this.isOpen, anonymous)
    this.#count = new SenderCount(services, guessing)
    this.#files = new FileReloads([...this.#listFiles(config)], services)
  }

  async start(): Promise<void> {
    await this.#files.start()
    await this.#tokens.start()
  }

  async stop(): Promise<void> {
    this.#files.stop()
    this.#tokens.stop()
    await this.#basic.stop()
  }

  refresh(): void {
    void this.#files.refresh()
  }

  authenticate(credentials: Credentials): AuthOutcome | Promise<AuthOutcome> {
    const byProxy = this.#proxy?.check(credentials) ?? null
    if (byProxy?.kind === 'denied') return this.#settle(byProxy, 'header', credentials)
    const shown = readShown(credentials, this.#readable)
    if (shown === null) return this.#withoutShown(byProxy, credentials)
    if (shown === 'malformed') {
      return this.#settle(denied('malformed_credentials'), 'none', credentials)
    }
    const answer = this.#check(shown, credentials.address)
    return answer instanceof Promise
      ? answer.then(later => this.#settle(agree(byProxy, later), shown.kind, credentials))
      : this.#settle(agree(byProxy, answer), shown.kind, credentials)
  }

  #withoutShown(byProxy: AuthOutcome | null, credentials: Credentials): AuthOutcome {
    if (byProxy !== null) return this.#settle(byProxy, 'header', credentials)
    const certificate = this.#certificates === null ? null : credentials.certificate()
    if (certificate !== null) {
      return this.#settle(this.#certificates!.check(certificate), 'certificate', credentials)
    }
    return this.#settle(this.#anonymous, 'none', credentials)
  }

  /** API keys are always looked up: that costs nothing, and 256 bits cannot be guessed. */
  #check({ kind, value }: Shown, address: string): AuthOutcome | Promise<AuthOutcome> {
    if (kind === 'api_key') return this.#keys.check(value)
    const mustWait = this.#mustWait(address)
    // Behind a proxy are many senders.
    const place = this.#proxy?.trusts(address) === true ? '' : address
    return kind === 'jwt'
      ? this.#tokens.check(value, mustWait)
      : this.#basic.check(value, place, mustWait)
  }

  /** Behind a proxy are many senders, who must not be able to lock each other out. */
  #mustWait(address: string): boolean {
    return this.#count.mustWait(address) && this.#proxy?.trusts(address) !== true
  }

  #settle(answer: AuthOutcome, method: AuthMethod, { address }: Credentials): AuthOutcome {
    return this.#count.settle(answer, method, address, this.#proxy?.trusts(address) === true)
  }

  *#listFiles({ api_keys, basic }: IdentityConfig): Iterable<WatchedFile> {
    const watched = (path: string, load: () => Promise<void>): WatchedFile => ({
      path,
      load,
      reloaded: async () => this.#services.audit?.append(this.#reloadEvent(path)),
    })
    if (api_keys !== undefined) yield watched(api_keys.file, () => this.#keys.load(api_keys.file))
    for (const issuer of this.#tokens.issuers) {
      if (issuer.file !== undefined) yield watched(issuer.file, () => issuer.load())
    }
    if (basic === undefined) return
    const { file, inline } = basic.htpasswd
    const source = new HtpasswdSource({ file, inline: inline?.reveal() ?? '' }, this.#services.log)
    if (file === '') this.#basic.replace(source.inline())
    else yield watched(file, async () => this.#basic.replace(await source.load()))
  }

  #reloadEvent(path: string) {
    return { action: 'credentials.reload', actor: this.#services.id, subject: path }
  }
}

function answerForNobody(isOpen: boolean, anonymous: TenantId | undefined): AuthOutcome {
  const tenant = anonymous ?? (isOpen ? DEFAULT_TENANT : undefined)
  if (tenant === undefined) return denied('no_credentials')
  return granted({ tenant, method: 'none', subject: '', signals: null })
}

function tenantOfUser(users: Readonly<Record<string, TenantId>>, user: string): TenantId | null {
  const tenant = Object.hasOwn(users, user) ? users[user] : user
  return isTenantId(tenant) ? tenant : null
}

/** A proxy's word and credentials that came with it must mean one tenant. */
function agree(byProxy: AuthOutcome | null, answer: AuthOutcome): AuthOutcome {
  if (byProxy?.kind !== 'granted' || answer.kind !== 'granted') return answer
  return byProxy.identity.tenant === answer.identity.tenant
    ? answer
    : denied('malformed_credentials')
}
