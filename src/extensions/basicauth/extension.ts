/** The `basicauth` extension: receivers ask for user and password, exporters send theirs. */
import type { Component } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type {
  AuthOutcome,
  ClientAuthenticator,
  Credentials,
  HasClientAuthenticator,
  HasServerAuthenticator,
  ServerAuthenticator,
} from '../../core/identity.ts'
import { denied } from '../../tenancy/identity/answers.ts'
import { BasicUsers } from '../../tenancy/identity/basic.ts'
import { FileReloads } from '../../tenancy/identity/file-reloads.ts'
import { HtpasswdSource } from '../../tenancy/identity/htpasswd-source.ts'
import { SecretFile } from '../../tenancy/identity/secret-file.ts'
import { SenderCount } from '../../tenancy/identity/sender-count.ts'
import { readShown } from '../../tenancy/identity/shown.ts'
import type { BasicAuthConfig } from './config.ts'

const ONLY_BASIC = { keyHeader: '', jwt: false, basic: true }

type UsersConfig = NonNullable<BasicAuthConfig['htpasswd']>
type ClientConfig = NonNullable<BasicAuthConfig['client_auth']>

export function createBasicAuth(context: CreateContext<BasicAuthConfig>): Component {
  const { htpasswd, client_auth } = context.config
  return htpasswd === undefined
    ? new BasicAuthClient(client_auth!, context)
    : new BasicAuthServer(htpasswd, context)
}

class BasicAuthServer implements Component, HasServerAuthenticator {
  readonly serverAuthenticator: ServerAuthenticator
  readonly #users: BasicUsers
  readonly #files: FileReloads
  readonly #count: SenderCount

  constructor({ file, inline }: UsersConfig, context: CreateContext<BasicAuthConfig>) {
    const { tenant } = context.config
    this.#count = new SenderCount(context)
    this.#users = new BasicUsers(() => tenant)
    const source = new HtpasswdSource({ file, inline: inline?.reveal() ?? '' }, context.log)
    const load = async (): Promise<void> => this.#users.replace(await source.load())
    this.#files = new FileReloads(file === '' ? [] : [{ path: file, load }], context)
    this.#users.replace(source.inline())
    this.serverAuthenticator = { authenticate: shown => this.#authenticate(shown) }
  }

  start(): Promise<void> {
    return this.#files.start()
  }

  async stop(): Promise<void> {
    this.#files.stop()
    await this.#users.stop()
  }

  refresh(): void {
    void this.#files.refresh()
  }

  #authenticate(credentials: Credentials): AuthOutcome | Promise<AuthOutcome> {
    const { address } = credentials
    const shown = readShown(credentials, ONLY_BASIC)
    const settle = (answer: AuthOutcome) => this.#count.settle(answer, 'basic', address)
    if (shown === null) return settle(denied('no_credentials'))
    if (shown === 'malformed') return settle(denied('malformed_credentials'))
    const answer = this.#users.check(shown.value, address, this.#count.mustWait(address))
    return answer instanceof Promise ? answer.then(settle) : settle(answer)
  }
}

class BasicAuthClient implements Component, HasClientAuthenticator {
  readonly clientAuthenticator: ClientAuthenticator
  readonly #config: ClientConfig
  readonly #userFile: SecretFile | null
  readonly #passwordFile: SecretFile | null
  #sent: ReadonlyMap<string, string> = new Map()

  constructor(config: ClientConfig, context: CreateContext<BasicAuthConfig>) {
    const follow = (path: string): SecretFile | null =>
      path === '' ? null : new SecretFile(path, context, () => this.#encode())
    this.#config = config
    this.#userFile = follow(config.username_file)
    this.#passwordFile = follow(config.password_file)
    this.clientAuthenticator = { headers: () => this.#sent }
    this.#encode()
  }

  async start(): Promise<void> {
    await this.#userFile?.start()
    await this.#passwordFile?.start()
  }

  async stop(): Promise<void> {
    this.#userFile?.stop()
    this.#passwordFile?.stop()
  }

  refresh(): void {
    void this.#userFile?.refresh()
    void this.#passwordFile?.refresh()
  }

  #encode(): void {
    const { username, password } = this.#config
    const user = this.#userFile?.text ?? username
    const secret = this.#passwordFile?.text ?? password?.reveal() ?? ''
    const encoded = Buffer.from(`${user}:${secret}`, 'utf8').toString('base64')
    this.#sent = new Map([['authorization', `Basic ${encoded}`]])
  }
}
