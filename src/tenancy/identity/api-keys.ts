/** API keys in memory: found by id, compared by hash in constant time, followed when their file changes. */
import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import type { AuthGranted, AuthOutcome } from '../../core/identity.ts'
import { denied, granted } from './answers.ts'
import { readKeyFile, type StoredKey } from './key-file.ts'
import { hashSecret, parseApiKey } from './key-format.ts'

interface KnownKey {
  /** Hexadecimal digits. */
  readonly hash: Uint8Array
  readonly expiresMs: number
  readonly isRevoked: boolean
  readonly granted: AuthGranted
}

const HASH_CHARS = 64
/** Compared with where there is no such key, so that it takes as long. */
const NO_HASH = Buffer.alloc(HASH_CHARS)
/** Hash of what was shown last; written over by the next. */
const shownHash = Buffer.alloc(HASH_CHARS)

export class ApiKeys {
  readonly #clock: Clock
  #keys: ReadonlyMap<string, KnownKey> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#keys.size
  }

  /** Rejects and changes nothing when the file is not valid. */
  async load(path: string): Promise<void> {
    this.replace(await readKeyFile(path))
  }

  replace(keys: readonly StoredKey[]): void {
    this.#keys = new Map(keys.map(key => [key.id, knownKey(key)]))
  }

  check(text: string): AuthOutcome {
    const parts = parseApiKey(text)
    if (parts === null) return denied('malformed_credentials')
    const key = this.#keys.get(parts.id)
    shownHash.write(hashSecret(parts.secret), 'latin1')
    const isSame = timingSafeEqual(shownHash, key?.hash ?? NO_HASH)
    if (key === undefined || !isSame) return denied('unknown_credentials')
    if (key.isRevoked) return denied('revoked')
    return this.#clock.now() < key.expiresMs ? key.granted : denied('expired')
  }
}

function knownKey(key: StoredKey): KnownKey {
  return {
    hash: Buffer.from(key.hash.slice('sha256:'.length), 'latin1'),
    expiresMs: key.expires === null ? Number.POSITIVE_INFINITY : Date.parse(key.expires),
    isRevoked: key.revoked !== null,
    granted: granted({
      tenant: key.tenant,
      method: 'api_key',
      subject: key.id,
      signals: key.signals,
    }),
  }
}
