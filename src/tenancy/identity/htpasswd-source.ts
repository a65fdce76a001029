/** Users of a file and of a text in the configuration, whose users win. Lines that cannot be used are logged by number. */
import type { Logger } from '../../core/logger.ts'
import { emptied, readCredentialFile } from './credential-file.ts'
import { parseHtpasswd, type StoredPassword } from './htpasswd.ts'

const MAX_FILE_BYTES = 16 * 1024 * 1024

export interface HtpasswdWritten {
  readonly file: string
  readonly inline: string
}

export class HtpasswdSource {
  readonly #written: HtpasswdWritten
  readonly #log: Logger
  #hadUsers = false

  constructor(written: HtpasswdWritten, log: Logger) {
    this.#written = written
    this.#log = log
  }

  inline(): ReadonlyMap<string, StoredPassword> {
    return this.#parse(this.#written.inline, 'inline')
  }

  /** Rejects with a `MillraceError` when the file cannot be read. */
  async load(): Promise<ReadonlyMap<string, StoredPassword>> {
    const { file } = this.#written
    const text = (await readCredentialFile(file, MAX_FILE_BYTES))!
    const users = this.#parse(text, file)
    if (users.size === 0 && this.#hadUsers) throw emptied(file)
    this.#hadUsers = users.size > 0
    return new Map([...users, ...this.inline()])
  }

  #parse(text: string, where: string): ReadonlyMap<string, StoredPassword> {
    const { users, problems } = parseHtpasswd(text)
    for (const { line, message } of problems) {
      this.#log.warn('htpasswd_line_left_out', { where, line, message })
    }
    return users
  }
}
