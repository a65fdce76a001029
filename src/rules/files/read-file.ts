/** Texts of rule files and their cases from disk, bounded before they are read. */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { MAX_SOURCE_BYTES } from '../../config/read-yaml.ts'
import { Source } from '../../config/source.ts'
import { MillraceError } from '../../errors.ts'

const STREAM_CHUNK_BYTES = 65_536

/**
 * What may be read: on a command line also pipes, for which one waits; a running collector must not wait, so it reads
 * nothing but files.
 */
export type Readable = 'any' | 'files'

/** Throws a coded error that names the path. */
export function readSource(path: string, folder = '', readable: Readable = 'any'): Source {
  return new Source(
    path,
    readBytes(path, folder, MAX_SOURCE_BYTES, readable)
      .toString('utf8')
      .replace(/^\uFEFF/, ''),
  )
}

/** Undefined where there is no such file. */
export function readSourceIfAny(
  path: string,
  folder = '',
  readable: Readable = 'any',
): Source | undefined {
  const found = statSync(resolve(folder, path), { throwIfNoEntry: false })
  return found === undefined ? undefined : readSource(path, folder, readable)
}

export function readBytes(
  path: string,
  folder: string,
  limit: number,
  readable: Readable = 'any',
): Buffer {
  const absolute = resolve(folder, path)
  try {
    const found = statSync(absolute)
    const isSpecial = !found.isFile() && !found.isDirectory()
    if (isSpecial && readable === 'files') throw new Error('it is no regular file')
    if (found.size > limit) throw new Error(`it is larger than ${limit} bytes`)
    if (!isSpecial) return readFileSync(absolute)
    const bytes = readStream(absolute, limit)
    if (bytes.length > limit) throw new Error(`it is larger than ${limit} bytes`)
    return bytes
  } catch (cause) {
    const why = explain(cause as NodeJS.ErrnoException)
    throw new MillraceError('MILLRACE_RULES_UNREADABLE', `${path}: ${why}.`, { cause })
  }
}

/** At most a byte more than `limit`: pipes and devices do not say how much there is. */
function readStream(path: string, limit: number): Buffer {
  const file = openSync(path, 'r')
  try {
    const chunks: Buffer[] = []
    let length = 0
    while (length <= limit) {
      const chunk = Buffer.alloc(Math.min(STREAM_CHUNK_BYTES, limit + 1 - length))
      const taken = readSync(file, chunk)
      if (taken === 0) break
      chunks.push(chunk.subarray(0, taken))
      length += taken
    }
    return Buffer.concat(chunks)
  } finally {
    closeSync(file)
  }
}

function explain(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'there is no such file'
  if (error.code === 'EACCES') return 'permission denied'
  if (error.code === 'EISDIR') return 'it is a folder'
  return error.message
}
