/** The `bearertokenauth` extension: receivers compare a header with known tokens, exporters send the first of them. */
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
import { denied, granted } from '../../tenancy/identity/answers.ts'
import { Marks } from '../../tenancy/identity/marks.ts'
import { Places } from '../../tenancy/identity/places.ts'
import { SecretFile } from '../../tenancy/identity/secret-file.ts'
import { SenderCount } from '../../tenancy/identity/sender-count.ts'
import type { BearerTokenConfig } from './config.ts'

/** Longer values are not looked at. */
const MAX_VALUE_CHARS = 16_384
const MAX_TOKENS = 10_000

export class BearerTokenExtension
  implements Component, HasServerAuthenticator, HasClientAuthenticator
{
  readonly serverAuthenticator: ServerAuthenticator
  readonly clientAuthenticator: ClientAuthenticator
  readonly #config: BearerTokenConfig
  readonly #header: string
  readonly #count: SenderCount
  readonly #granted: AuthOutcome
  readonly #file: SecretFile | null
  readonly #marks = new Marks()
  /** By mark of the token with its scheme: from where it was shown. */
  #known: ReadonlyMap<string, Places> = new Map()
  #sent: ReadonlyMap<string, string> = new Map()

  constructor(context: CreateContext<BearerTokenConfig>) {
    const { config } = context
    this.#config = config
    this.#header = config.header.toLowerCase()
    this.#count = new SenderCount(context)
    this.#granted = granted({
      tenant: config.tenant,
      method: 'bearer',
      subject: context.id,
      signals: null,
    })
    const written = config.token === undefined ? config.tokens : [config.token]
    this.#use(written.map(token => token.reveal()))
    // Upstream: a list of tokens wins over the file, the file over one token.
    const isFromFile = config.filename !== '' && config.tokens.length === 0
    if (config.filename !== '' && written.length > 0) {
      const ignored = isFromFile ? 'token' : 'filename'
      context.log.warn('tokens_twice', { extension: context.id, ignored })
    }
    this.#file = isFromFile
      ? new SecretFile(config.filename, context, text => this.#use(readTokens(text)))
      : null
    this.serverAuthenticator = { authenticate: shown => this.#authenticate(shown) }
    this.clientAuthenticator = { headers: () => this.#headers() }
  }

  async start(): Promise<void> {
    await this.#file?.start()
  }

  async stop(): Promise<void> {
    this.#file?.stop()
  }

  refresh(): void {
    void this.#file?.refresh()
  }

  #use(tokens: readonly string[]): void {
    const { scheme } = this.#config
    const values = tokens.map(token => (scheme === '' ? token : `${scheme} ${token}`))
    const before = this.#known
    this.#known = new Map(
      values.map(value => {
        const mark = this.#marks.of(value)
        return [mark, before.get(mark) ?? new Places()]
      }),
    )
    this.#sent = new Map(values.slice(0, 1).map(value => [this.#header, value]))
  }

  #authenticate(credentials: Credentials): AuthOutcome {
    return this.#count.settle(this.#check(credentials), 'bearer', credentials.address)
  }

  #check(credentials: Credentials): AuthOutcome {
    const values = credentials.header(this.#header)
    if (values.length === 0) return denied('no_credentials')
    const [value] = values
    if (values.length > 1 || value.length > MAX_VALUE_CHARS) return denied('malformed_credentials')
    const from = this.#known.get(this.#marks.of(value))
    if (from === undefined) return denied('unknown_credentials')
    const { address } = credentials
    // A token may be short enough to be guessed.
    if (!from.has(address) && this.#count.mustWait(address)) return denied('too_many_failures')
    from.add(address)
    return this.#granted
  }

  #headers(): ReadonlyMap<string, string> | Promise<ReadonlyMap<string, string>> {
    if (this.#sent.size > 0) return this.#sent
    return Promise.reject(new Error(`${this.#config.filename} has no token in it`))
  }
}

/** The first word of each line; what follows is a comment. */
function readTokens(text: string): readonly string[] {
  const words = text.split('\n').map(line => line.trim().split(/\s+/)[0])
  return words.filter(word => word !== '').slice(0, MAX_TOKENS)
}
