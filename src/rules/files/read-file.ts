/** Texts of rule files and their cases from disk, bounded before they are read. */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { MAX_SOURCE_BYTES } from '../../config/read-yaml.ts'
import { Source } from '../../config/source.ts'
import { MillraceError } from '../../errors.ts'

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
    return readFileSync(absolute)
  } catch (cause) {
    const why = explain(cause as NodeJS.ErrnoException)
    throw new MillraceError('MILLRACE_RULES_UNREADABLE', `${path}: ${why}.`, { cause })
  }
}

function explain(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'there is no such file'
  if (error.code === 'EACCES') return 'permission denied'
  if (error.code === 'EISDIR') return 'it is a folder'
  return error.message
}
