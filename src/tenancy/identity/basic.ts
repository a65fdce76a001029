/** Users and passwords, `Authorization: Basic`. A password that was right is remembered by a keyed hash, so that slow hashes are computed once. */
import { createHash } from 'node:crypto'
import type { TenantId } from '../../core/batch.ts'
import type { AuthDenied, AuthGranted, AuthOutcome } from '../../core/identity.ts'
import { denied, granted, tryLater } from './answers.ts'
import { groupOf } from './guess-limiter.ts'
import type { StoredPassword } from './htpasswd.ts'
import { Marks } from './marks.ts'
import { Places } from './places.ts'
import { isSameText } from './same-text.ts'
import { SlowPasswords } from './slow-passwords.ts'

const MAX_REMEMBERED = 10_000
const SHA1_BYTES = 20
/** Passwords of one address that wait to be compared; others wait behind them. Does not hold for no address. */
const MAX_WAITING_OF_ONE = 16
/** bcrypt itself reads 72 bytes. */
const MAX_PASSWORD_CHARS = 1024
/** What the hash of nobody's password looks like: unknown users take as long as known ones. */
const NOBODY: StoredPassword = {
  kind: 'bcrypt',
  text: `$2b$10$${'.'.repeat(53)}`,
}

interface Remembered {
  readonly answer: AuthGranted | AuthDenied
  readonly from: Places
}

/** Null is no tenant: the user may not send. */
export type TenantOfUser = (user: string) => TenantId | null

export class BasicUsers {
  readonly #tenantOf: TenantOfUser
  readonly #marks = new Marks()
  readonly #slow = new SlowPasswords()
  /** By mark of user and password. */
  readonly #remembered = new Map<string, Remembered>()
  /** Slow comparisons under way, by address. */
  readonly #waiting = new Map<string, number>()
  #users: ReadonlyMap<string, StoredPassword> = new Map()
  #nobody: StoredPassword = NOBODY

  constructor(tenantOf: TenantOfUser) {
    this.#tenantOf = tenantOf
  }

  replace(users: ReadonlyMap<string, StoredPassword>): void {
    this.#users = users
    this.#remembered.clear()
    const slow = [...users.values()].find(password => password.kind === 'bcrypt')
    this.#nobody = slow ?? users.values().next().value ?? NOBODY
  }

  /**
   * `quickOnly`: answers what was right from this address before, or says to come later; for those who have guessed too
   * often. What others showed does not count there, or a password in use could be guessed as fast as it can be looked up.
   */
  check(encoded: string, address: string, quickOnly: boolean): AuthOutcome | Promise<AuthOutcome> {
    const shown = decode(encoded)
    if (shown === null) return denied('malformed_credentials')
    const mark = this.#marks.of(encoded)
    const known = this.#remembered.get(mark)
    if (known !== undefined && !(quickOnly && !known.from.has(address))) {
      known.from.add(address)
      return known.answer
    }
    if (quickOnly) return denied('too_many_failures')
    const users = this.#users
    const stored = users.get(shown.user)
    const same = this.#compare(shown.password, stored ?? this.#nobody, groupOf(address))
    const settle = (isSame: boolean | 'busy'): AuthOutcome => {
      if (isSame === 'busy') return tryLater('verifier_unavailable')
      if (!isSame || stored === undefined) return denied('unknown_credentials')
      const answer = this.#grant(shown.user)
      // Of a file that has been replaced meanwhile nothing is remembered.
      if (users === this.#users) this.#remember(mark, answer, address)
      return answer
    }
    return same instanceof Promise ? same.then(settle) : settle(same)
  }

  stop(): Promise<void> {
    return this.#slow.stop()
  }

  #grant(user: string): AuthGranted | AuthDenied {
    const tenant = this.#tenantOf(user)
    if (tenant === null) return denied('no_tenant')
    return granted({ tenant, method: 'basic', subject: user, signals: null })
  }

  #remember(mark: string, answer: AuthGranted | AuthDenied, address: string): void {
    const known = this.#remembered.get(mark)
    if (known !== undefined) {
      known.from.add(address)
      return
    }
    if (this.#remembered.size >= MAX_REMEMBERED) {
      this.#remembered.delete(this.#remembered.keys().next().value!)
    }
    const from = new Places()
    from.add(address)
    this.#remembered.set(mark, { answer, from })
  }

  #compare(
    password: string,
    stored: StoredPassword,
    address: string,
  ): boolean | Promise<boolean | 'busy'> {
    const { kind, text } = stored
    if (kind === 'plain') return isSameText(password, text)
    if (kind === 'sha1') return isSameText(`{SHA}${sha1(password).toString('base64')}`, text)
    if (kind !== 'ssha1') return this.#compareSlowly(password, stored, address)
    const bytes = Buffer.from(text.slice('{SSHA}'.length), 'base64')
    const salted = sha1(password, bytes.subarray(SHA1_BYTES))
    return isSameText(salted.toString('hex'), bytes.subarray(0, SHA1_BYTES).toString('hex'))
  }

  async #compareSlowly(
    password: string,
    stored: StoredPassword,
    address: string,
  ): Promise<boolean | 'busy'> {
    if (address === '') return this.#slow.compare(password, stored)
    const waiting = this.#waiting.get(address) ?? 0
    if (waiting >= MAX_WAITING_OF_ONE) return 'busy'
    this.#waiting.set(address, waiting + 1)
    const answer = await this.#slow.compare(password, stored)
    const left = this.#waiting.get(address)! - 1
    if (left > 0) this.#waiting.set(address, left)
    else this.#waiting.delete(address)
    return answer
  }
}

function sha1(password: string, salt: Uint8Array = new Uint8Array(0)): Buffer {
  return createHash('sha1').update(password, 'utf8').update(salt).digest()
}

function decode(encoded: string): { user: string; password: string } | null {
  if (!/^[+/0-9A-Za-z]+={0,2}$/.test(encoded)) return null
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon <= 0 || text.length - colon - 1 > MAX_PASSWORD_CHARS || text.includes('\0')) return null
  return { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
