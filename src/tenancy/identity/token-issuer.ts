/** One issuer of JSON Web Tokens: its keys, what its tokens must say, and which tenant they mean. */
import {
  createLocalJWKSet,
  errors,
  importJWK,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import type { AuthDenied, AuthReason, Identity } from '../../core/identity.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import { denied, tryLater } from './answers.ts'
import { readCredentialFile } from './credential-file.ts'
import type { JwtIssuerConfig } from './fields.ts'
import { FetchedKeys, type KeySetServices, parseKeySet } from './key-set.ts'
import { isTenantId } from './tenant-id.ts'

const MAX_FILE_BYTES = 1024 * 1024
const MAX_SUBJECT_CHARS = 256
/** Keys without an id that are tried for one token. */
const MAX_TRIED_KEYS = 8

type FindKey = JWTVerifyGetKey

export interface VerifiedToken {
  readonly identity: Identity
  /** Wall clock. */
  readonly untilMs: number
}

export class TokenIssuer {
  readonly issuer: string
  readonly #config: JwtIssuerConfig
  readonly #services: KeySetServices
  /** The keys are others now: what was verified with the old ones must be verified again. */
  readonly #keysChanged: () => void
  readonly #fetched: FetchedKeys | null
  #keys: JSONWebKeySet | null = null
  #findKey: FindKey | null = null

  constructor(config: JwtIssuerConfig, services: KeySetServices, keysChanged: () => void) {
    this.issuer = config.issuer
    this.#config = config
    this.#services = services
    this.#keysChanged = keysChanged
    const { jwks_url } = config
    this.#fetched =
      jwks_url === undefined
        ? null
        : new FetchedKeys({ ...config, jwks_url }, services, set => this.#use(set))
  }

  /** Of the keys, where they are in a file. */
  get file(): string | undefined {
    return this.#config.jwks_file
  }

  async load(): Promise<void> {
    const path = this.#config.jwks_file!
    const text = (await readCredentialFile(path, MAX_FILE_BYTES))!
    try {
      this.#use(parseKeySet(text))
    } catch (error) {
      const { message } = error as Error
      throw new MillraceError('MILLRACE_IDENTITY_FILE_INVALID', `${path}: ${message}.`)
    }
  }

  async start(): Promise<void> {
    await this.#fetched?.start()
  }

  stop(): void {
    this.#fetched?.stop()
  }

  /** Never rejects. */
  async verify(token: string): Promise<VerifiedToken | AuthDenied> {
    if (this.#findKey === null) return tryLater('verifier_unavailable')
    try {
      return this.#read(await this.#verify(token))
    } catch (error) {
      const mayBeNew = error instanceof errors.JWKSNoMatchingKey && this.#fetched !== null
      if (!mayBeNew || !(await this.#fetched.lookAgain())) return denied(reasonOf(error))
    }
    try {
      return this.#read(await this.#verify(token))
    } catch (error) {
      return denied(reasonOf(error))
    }
  }

  async #verify(token: string): Promise<JWTPayload> {
    const { issuer, audience, algorithms, clock_skew, max_age, require_expiry } = this.#config
    const options = {
      issuer,
      ...(audience.length > 0 && { audience: [...audience] }),
      algorithms: [...algorithms],
      clockTolerance: clock_skew / 1000,
      currentDate: new Date(this.#services.clock.now()),
      ...(max_age > 0 && { maxTokenAge: max_age / 1000 }),
      requiredClaims: require_expiry ? ['exp'] : [],
    }
    try {
      const findKey: FindKey = (...asked) => this.#keyFor(...asked)
      return (await jwtVerify(token, findKey, options)).payload
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
      let tried = 0
      for await (const key of error) {
        if (++tried > MAX_TRIED_KEYS) break
        try {
          return (await jwtVerify(token, key, options)).payload
        } catch (other) {
          if (!(other instanceof errors.JWSSignatureVerificationFailed)) throw other
        }
      }
      throw new errors.JWSSignatureVerificationFailed()
    }
  }

  /** Symmetric keys are no part of what jose searches in a set. */
  async #keyFor(...[head, jws]: Parameters<FindKey>): Promise<Awaited<ReturnType<FindKey>>> {
    if (!head?.alg?.startsWith('HS')) return this.#findKey!(head, jws)
    const secrets = this.#keys!.keys.filter(key => key.kty === 'oct')
    const fitting = secrets.filter(
      key =>
        (head.kid === undefined ? secrets.length === 1 : key.kid === head.kid) &&
        (key.alg === undefined || key.alg === head.alg),
    )
    if (fitting.length !== 1) throw new errors.JWKSNoMatchingKey()
    return importJWK(fitting[0], head.alg)
  }

  #use(set: JSONWebKeySet): void {
    this.#keys = set
    this.#findKey = createLocalJWKSet(set)
    this.#keysChanged()
  }

  #read(payload: JWTPayload): VerifiedToken | AuthDenied {
    const { tenant: fixed, tenant_claim, signals_claim, clock_skew, max_age } = this.#config
    const tenant = fixed ?? findClaim(payload, tenant_claim)
    if (typeof tenant !== 'string' || !isTenantId(tenant)) return denied('no_tenant')
    const subject = String(payload.sub ?? '').slice(0, MAX_SUBJECT_CHARS)
    const signals = signals_claim === '' ? null : readSignals(findClaim(payload, signals_claim))
    const ends = [(payload.exp ?? Number.POSITIVE_INFINITY) * 1000]
    if (max_age > 0 && payload.iat !== undefined) ends.push(payload.iat * 1000 + max_age)
    return {
      identity: { tenant, method: 'jwt', subject, signals },
      untilMs: Math.min(...ends) + clock_skew,
    }
  }
}

/** Claims may have dots in their names, as URLs do; else dots lead into objects. */
function findClaim(payload: JWTPayload, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path]
  let value: unknown = payload
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

/** A token without the claim may send nothing. */
function readSignals(value: unknown): readonly Signal[] {
  const words =
    typeof value === 'string' ? value.split(/[\s,]+/) : Array.isArray(value) ? value : []
  return SIGNALS.filter(signal => words.includes(signal))
}

function reasonOf(error: unknown): AuthReason {
  if (error instanceof errors.JWTExpired) return 'expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'iss') return 'wrong_issuer'
    if (error.claim === 'aud') return 'wrong_audience'
    return error.claim === 'nbf' || error.claim === 'iat'
      ? 'not_yet_valid'
      : 'malformed_credentials'
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'bad_signature'
  if (error instanceof errors.JOSEAlgNotAllowed) return 'bad_signature'
  if (error instanceof errors.JWKSNoMatchingKey) return 'bad_signature'
  return 'malformed_credentials'
}
