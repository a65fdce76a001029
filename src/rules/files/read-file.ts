/** Texts of rule files and their cases from disk, bounded before they are read. */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { MAX_SOURCE_BYTES } from '../../config/read-yaml.ts'
import { Source } from '../../config/source.ts'
import { MillraceError } from '../../errors.ts'

/** Throws a coded error that names the path. */
export function readSource(path: string, folder = ''): Source {
  return new Source(
    path,
    readBytes(path, folder, MAX_SOURCE_BYTES)
      .toString('utf8')
      .replace(/^\uFEFF/, ''),
  )
}

/** Undefined where there is no such file. */
export function readSourceIfAny(path: string, folder = ''): Source | undefined {
  const found = statSync(resolve(folder, path), { throwIfNoEntry: false })
  return found === undefined ? undefined : readSource(path, folder)
}

export function readBytes(path: string, folder: string, limit: number): Buffer {
  const absolute = resolve(folder, path)
  try {
    const { size } = statSync(absolute)
    if (size > limit) throw new Error(`it is larger than ${limit} bytes`)
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
