/** JSON Web Tokens: handed to the verifier of their issuer, and remembered by hash until they expire. */
import type { AuthDenied, AuthGranted, AuthOutcome } from '../../core/identity.ts'
import { denied, granted, tryLater } from './answers.ts'
import type { JwtIssuerConfig } from './fields.ts'
import type { KeySetServices } from './key-set.ts'
import { Marks } from './marks.ts'
import { TokenIssuer, type VerifiedToken } from './token-issuer.ts'

const MAX_REMEMBERED = 10_000
/** Verifications under way; each waits for some 100 µs in the thread pool, or for keys that are fetched. */
const MAX_PENDING = 512

interface Remembered {
  readonly answer: AuthGranted
  readonly untilMs: number
}

export class Tokens {
  readonly issuers: readonly TokenIssuer[]
  readonly #byName: ReadonlyMap<string, TokenIssuer>
  readonly #services: KeySetServices
  readonly #marks = new Marks()
  readonly #remembered = new Map<string, Remembered>()
  readonly #pending = new Map<string, Promise<AuthOutcome>>()
  /** Grows when keys change: what began before is not remembered. */
  #generation = 0

  constructor(configs: readonly JwtIssuerConfig[], services: KeySetServices) {
    this.#services = services
    this.issuers = configs.map(config => new TokenIssuer(config, services, () => this.#forget()))
    this.#byName = new Map(this.issuers.map(issuer => [issuer.issuer, issuer]))
  }

  async start(): Promise<void> {
    await Promise.all(this.issuers.map(issuer => issuer.start()))
  }

  stop(): void {
    for (const issuer of this.issuers) issuer.stop()
  }

  /** `quickOnly`: answers from memory, or says to come later; for those who have guessed too often. */
  check(token: string, quickOnly: boolean): AuthOutcome | Promise<AuthOutcome> {
    const mark = this.#marks.of(token)
    const known = this.#remembered.get(mark)
    if (known !== undefined) {
      if (this.#services.clock.now() < known.untilMs) return known.answer
      this.#remembered.delete(mark)
      return denied('expired')
    }
    if (quickOnly) return denied('too_many_failures')
    const running = this.#pending.get(mark)
    if (running !== undefined) return running
    const issuer = this.#issuerOf(token)
    if (!(issuer instanceof TokenIssuer)) return issuer
    if (this.#pending.size >= MAX_PENDING) return tryLater('verifier_unavailable')
    const answer = this.#verify(issuer, token, mark).finally(() => this.#pending.delete(mark))
    this.#pending.set(mark, answer)
    return answer
  }

  async #verify(issuer: TokenIssuer, token: string, mark: string): Promise<AuthOutcome> {
    const generation = this.#generation
    const result = await issuer.verify(token)
    if ('kind' in result) return result
    const answer = granted(result.identity)
    if (generation === this.#generation) this.#remember(mark, answer, result)
    return answer
  }

  /** The word of the token itself, which only chooses who has to verify it. */
  #issuerOf(token: string): TokenIssuer | AuthDenied {
    const parts = token.split('.')
    if (parts.length !== 3) return denied('malformed_credentials')
    try {
      const claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString('utf8')) as {
        iss?: unknown
      } | null
      return this.#byName.get(String(claims?.iss)) ?? denied('wrong_issuer')
    } catch {
      return denied('malformed_credentials')
    }
  }

  #remember(mark: string, answer: AuthGranted, { untilMs }: VerifiedToken): void {
    if (this.#remembered.size >= MAX_REMEMBERED) {
      this.#remembered.delete(this.#remembered.keys().next().value!)
    }
    this.#remembered.set(mark, { answer, untilMs })
  }

  #forget(): void {
    this.#generation++
    this.#remembered.clear()
  }
}
