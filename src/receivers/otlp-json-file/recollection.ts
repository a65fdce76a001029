/**
 * What is remembered of files that are not followed: those of the process before, those that were emptied, and those that
 * have been moved out of sight. A file that comes is compared with them, so that what was sent is not sent again.
 */
import type { FileMemory, FollowedFile } from './followed-file.ts'

/** Their beginnings and ends are kept, about 2 KB each. */
const MAX_MEMORIES = 200
/**
 * So long a file is known again by its content alone: after a start it may have been copied elsewhere, and one that was
 * emptied has been copied just before. Later the same content is something that is to be sent once more.
 */
const BY_CONTENT_MS = 60_000

interface Entry {
  readonly memory: FileMemory
  /** Monotonic time until which its content is enough. */
  readonly untilMs: number
}

export class Recollection {
  #entries: Entry[]

  constructor(memories: readonly FileMemory[], nowMs: number) {
    this.#entries = memories.map(memory => ({ memory, untilMs: nowMs + BY_CONTENT_MS }))
  }

  /** In the order in which they were added. */
  get memories(): FileMemory[] {
    return this.#entries.map(({ memory }) => memory)
  }

  hasOwn(file: { readonly dev: number; readonly ino: number }): boolean {
    return this.#entries.some(({ memory }) => isSameInode(memory, file))
  }

  /** It was copied away and emptied: the copy is another file, and has its content. */
  addEmptied(memory: FileMemory, nowMs: number): void {
    this.#add({ memory, untilMs: nowMs + BY_CONTENT_MS })
  }

  /** It is out of sight, and still the same file when it comes back. */
  addMoved(memory: FileMemory): void {
    this.#add({ memory, untilMs: 0 })
  }

  /** What is remembered of this file, which is open; it is forgotten here. By its own inode before others with its content. */
  async take(file: FollowedFile, nowMs: number): Promise<FileMemory | null> {
    const candidates = this.#entries.filter(
      ({ memory, untilMs }) => isSameInode(memory, file) || nowMs < untilMs,
    )
    if (candidates.length === 0) return null
    candidates.sort((a, b) => rank(b, file) - rank(a, file))
    const longest = Math.max(...candidates.map(({ memory }) => memory.head.length))
    const head = await file.read(Buffer.alloc(longest), 0)
    for (const entry of candidates) {
      const { memory } = entry
      const begins = head.subarray(0, memory.head.length).equals(memory.head)
      if (!begins || !(await file.isSame(memory))) continue
      this.#entries = this.#entries.filter(each => each !== entry)
      return memory
    }
    return null
  }

  #add(entry: Entry): void {
    if (entry.memory.mark === 0) return
    this.#entries.push(entry)
    if (this.#entries.length > MAX_MEMORIES) this.#entries.shift()
  }
}

function rank({ memory }: Entry, file: FollowedFile): number {
  return isSameInode(memory, file) ? 1 : 0
}

function isSameInode(
  a: { readonly dev: number; readonly ino: number },
  b: { readonly dev: number; readonly ino: number },
): boolean {
  return a.ino === b.ino && a.dev === b.dev
}
