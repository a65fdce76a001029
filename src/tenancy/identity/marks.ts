/**
 * Names for secrets that caches and tables are searched by: a hash under a key that is made at the start and kept nowhere,
 * so that neither a copy of the table nor the time that a search takes tells anything of the secret.
 */
import { hash, randomBytes } from 'node:crypto'

const KEY_BYTES = 32

export class Marks {
  readonly #key = randomBytes(KEY_BYTES).toString('hex')

  of(secret: string): string {
    return hash('sha256', this.#key + secret, 'base64')
  }
}
