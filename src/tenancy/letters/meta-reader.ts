/** Reads what stands beside the requests of many letters, one after another, without reading the requests. */

import type { LetterFile } from './letter-file.ts'
import { decodeMeta, type LetterMeta, MAX_META_BYTES } from './letter-meta.ts'

const WINDOW_BYTES = 32 << 10
/** Files that are open at once. */
const MAX_OPEN = 16

interface OpenFile {
  readonly fd: number
  readonly window: Buffer
  windowAt: number
  windowEnd: number
}

export class MetaReader {
  /** The one that was opened first comes first. */
  readonly #open = new Map<LetterFile, OpenFile>()

  /** Null when it is damaged; rejects when the disk cannot be read or the file has gone. */
  async read(file: LetterFile, index: number): Promise<LetterMeta | null> {
    const open = await this.#opened(file)
    const at = file.metaOffset(index)
    const length = file.segment.contextBytesOf(index)
    if (length > MAX_META_BYTES) return null
    if (length > WINDOW_BYTES) {
      const bytes = Buffer.allocUnsafe(length)
      const filled = await file.readMeta(open.fd, index, bytes)
      return filled < length ? null : decodeMeta(bytes)
    }
    if (at < open.windowAt || at + length > open.windowEnd) {
      open.windowAt = at
      open.windowEnd = at + (await file.readMeta(open.fd, index, open.window))
    }
    if (at + length > open.windowEnd) return null
    return decodeMeta(open.window.subarray(at - open.windowAt, at - open.windowAt + length))
  }

  async close(): Promise<void> {
    for (const file of [...this.#open.keys()]) await this.#close(file)
  }

  async #opened(file: LetterFile): Promise<OpenFile> {
    const before = this.#open.get(file)
    if (before !== undefined) return before
    if (this.#open.size >= MAX_OPEN) await this.#close(this.#open.keys().next().value!)
    const open = {
      fd: await file.openToRead(),
      window: Buffer.allocUnsafe(WINDOW_BYTES),
      ...{ windowAt: 0, windowEnd: 0 },
    }
    this.#open.set(file, open)
    return open
  }

  async #close(file: LetterFile): Promise<void> {
    const open = this.#open.get(file)
    this.#open.delete(file)
    if (open !== undefined) await file.closeRead(open.fd)
  }
}
