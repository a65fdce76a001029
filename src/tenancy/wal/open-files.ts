/**
 * Files that are open, each once however many use it. What nobody uses is closed after a while, or at once when there are many.
 */
import type { WalFs } from './fs.ts'

/** Open at once without being in use. */
const MAX_IDLE = 64

export interface OpenFile {
  readonly path: string
  readonly fd: number
}

interface Held extends OpenFile {
  users: number
  /** Nobody has used it since the last round. */
  isStale: boolean
  /** Its last user closes it. */
  isDoomed: boolean
}

export class OpenFiles {
  readonly #fs: WalFs
  readonly #held = new Map<string, Held>()
  readonly #opening = new Map<string, Promise<Held>>()
  #closing = new Set<Promise<void>>()

  constructor(fs: WalFs) {
    this.#fs = fs
  }

  /** Opens for reading and writing what is there. `done` follows. */
  async use(path: string): Promise<OpenFile> {
    const held = this.#held.get(path) ?? (await this.#open(path))
    held.users++
    held.isStale = false
    return held
  }

  /** As `use`, of a file that is new. */
  async create(path: string): Promise<OpenFile> {
    const held = this.#keep(path, await this.#fs.open(path, 'create'))
    held.users++
    return held
  }

  done(file: OpenFile): void {
    const held = file as Held
    held.users--
    if (held.users === 0 && held.isDoomed) this.#close(held)
    else if (this.#held.size > MAX_IDLE) this.#closeUnused(() => true)
  }

  /** Closes it as soon as nobody uses it. */
  forget(path: string): void {
    const held = this.#held.get(path)
    if (held === undefined) return
    held.isDoomed = true
    this.#held.delete(path)
    if (held.users === 0) this.#close(held)
  }

  /** Closes what nobody has used since the last call. */
  closeStale(): void {
    this.#closeUnused(held => held.isStale)
    for (const held of this.#held.values()) held.isStale = true
  }

  /** Closes all that nobody uses. */
  async closeAll(): Promise<void> {
    this.#closeUnused(() => true)
    await Promise.all(this.#closing)
  }

  #open(path: string): Promise<Held> {
    let opening = this.#opening.get(path)
    if (opening === undefined) {
      opening = this.#fs
        .open(path, 'update')
        .then(fd => this.#keep(path, fd))
        .finally(() => this.#opening.delete(path))
      this.#opening.set(path, opening)
    }
    return opening
  }

  #keep(path: string, fd: number): Held {
    const held: Held = { path, fd, users: 0, isStale: false, isDoomed: false }
    this.#held.set(path, held)
    return held
  }

  #closeUnused(which: (held: Held) => boolean): void {
    for (const held of this.#held.values()) {
      if (held.users > 0 || !which(held)) continue
      this.#held.delete(held.path)
      this.#close(held)
    }
  }

  #close(held: Held): void {
    const closing = this.#fs
      .close(held.fd)
      .catch(() => {})
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}
