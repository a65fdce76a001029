/** Small states of components, each in a file of its own that is replaced as a whole: after a crash there is the old or the new. */
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Checkpoints } from '../../core/storage.ts'
import { pathSegment } from '../../tenancy/path-segment.ts'

/** In the storage's folder. */
export const CHECKPOINTS_FOLDER = 'checkpoints'

export class CheckpointFolder implements Checkpoints {
  readonly #folder: string
  readonly #mode: number
  readonly #sync: boolean

  /** `mode`: of the folder, which is made when it is first written to. */
  constructor(folder: string, mode: number, sync: boolean) {
    this.#folder = folder
    this.#mode = mode
    this.#sync = sync
  }

  async read(name: string): Promise<Uint8Array | null> {
    try {
      return await readFile(this.#pathOf(name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
  }

  async write(name: string, state: Uint8Array): Promise<void> {
    const path = this.#pathOf(name)
    await mkdir(this.#folder, { recursive: true, mode: this.#mode })
    const file = await open(`${path}.new`, 'w', 0o640)
    try {
      await file.writeFile(state)
      if (this.#sync) await file.sync()
    } finally {
      await file.close()
    }
    await rename(`${path}.new`, path)
    if (this.#sync) await this.#syncFolder()
  }

  /** The new name is on disk only with its folder. */
  async #syncFolder(): Promise<void> {
    const folder = await open(this.#folder, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  #pathOf(name: string): string {
    return join(this.#folder, `${pathSegment(name)}.state`)
  }
}
