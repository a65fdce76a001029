/** What is remembered of files, as text for a checkpoint. */
import type { FileMemory } from './followed-file.ts'

const VERSION = 1

export function encodeMemories(memories: readonly FileMemory[]): Uint8Array {
  const files = memories.map(({ head, tail, ...rest }) => ({
    ...rest,
    head: head.toString('base64'),
    tail: tail.toString('base64'),
  }))
  return Buffer.from(JSON.stringify({ version: VERSION, files }))
}

/** Throws when it is not what `encodeMemories` writes. */
export function decodeMemories(text: Uint8Array): FileMemory[] {
  const { version, files } = JSON.parse(Buffer.from(text).toString()) as {
    version: unknown
    files: unknown
  }
  if (version !== VERSION || !Array.isArray(files)) throw new Error('it is of another version')
  return files.map(readMemory)
}

function readMemory(file: Record<string, unknown>): FileMemory {
  const { path, dev, ino, offset, inner, mark, head, tail } = file
  for (const number of [dev, ino, offset, inner, mark]) {
    if (typeof number !== 'number' || !(number >= 0)) throw new Error('a number is missing')
  }
  for (const text of [path, head, tail]) {
    if (typeof text !== 'string') throw new Error('a text is missing')
  }
  return {
    path: path as string,
    dev: dev as number,
    ino: ino as number,
    offset: offset as number,
    inner: inner as number,
    mark: mark as number,
    head: Buffer.from(head as string, 'base64'),
    tail: Buffer.from(tail as string, 'base64'),
  }
}
