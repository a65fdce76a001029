/** A secret that is the content of a file, read again when it changes; the old value stays while the new one cannot be read. */
import { emptied, readCredentialFile } from './credential-file.ts'
import { FileReloads, type ReloadServices } from './file-reloads.ts'

const MAX_FILE_BYTES = 1024 * 1024

export class SecretFile {
  readonly #reloads: FileReloads
  #text = ''

  /** `changed` sees the text without white space around it. */
  constructor(path: string, services: ReloadServices, changed: (text: string) => void = () => {}) {
    const load = async (): Promise<void> => {
      const text = (await readCredentialFile(path, MAX_FILE_BYTES))!.trim()
      if (text === '' && this.#text !== '') throw emptied(path)
      this.#text = text
      changed(this.#text)
    }
    this.#reloads = new FileReloads([{ path, load }], services)
  }

  get text(): string {
    return this.#text
  }

  /** Rejects with a `MillraceError` when it cannot be read. */
  start(): Promise<void> {
    return this.#reloads.start()
  }

  stop(): void {
    this.#reloads.stop()
  }

  /** Never rejects. */
  refresh(): Promise<void> {
    return this.#reloads.refresh()
  }
}
