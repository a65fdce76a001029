/** Reads files with secrets in them: bounded, regular files only, and no fault ever quotes what is inside. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { MillraceError } from '../../errors.ts'

/** Null when it is not there and may be absent. Rejects with a `MillraceError`. */
export async function readCredentialFile(
  path: string,
  maxBytes: number,
  mayBeAbsent = false,
): Promise<string | null> {
  try {
    // A pipe would be waited for without end.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const { size } = await file.stat().then(stat => {
        if (!stat.isFile()) throw new Error('not a regular file')
        return stat
      })
      if (size > maxBytes) throw new Error(`larger than ${maxBytes} bytes`)
      return (await file.readFile('utf8')).replace(/^\ufeff/, '')
    } finally {
      await file.close()
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && mayBeAbsent) return null
    throw new MillraceError('MILLRACE_IDENTITY_FILE_UNREADABLE', `${path}: ${code ?? message}.`, {
      cause: error,
    })
  }
}

/** Whoever writes a file anew in place empties it first: for that moment nobody must be turned away. */
export function emptied(path: string): MillraceError {
  const why = `${path}: it had something in it, and has nothing now.`
  return new MillraceError('MILLRACE_IDENTITY_FILE_INVALID', why)
}
