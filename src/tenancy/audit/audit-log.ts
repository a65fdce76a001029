/**
 * Who changed keys and configuration, as JSON lines that are only ever added to; each line has the hash of the one before,
 * so that a line changed, taken out or put in between shows. Several processes may write to one file.
 */
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AuditEvent, AuditTrail } from '../../core/audit.ts'
import type { Clock } from '../../core/clock.ts'
import { MillraceError } from '../../errors.ts'
import { giveToFolderOwner } from '../../util/folder-owner.ts'
import { withLockFile } from '../../util/lock-file.ts'
import { formatLine, MAX_LINE_BYTES, parseLine, START } from './audit-line.ts'

const OWNER_ONLY = 0o600
const OWNER_FOLDER = 0o700
const NEWLINE = 0x0a

export class AuditLog implements AuditTrail {
  readonly path: string
  readonly #clock: Clock
  #last: Promise<void> = Promise.resolve()

  constructor(path: string, clock: Clock) {
    this.path = path
    this.#clock = clock
  }

  /** On disk when it resolves. Rejects with a `MillraceError` when it cannot be written. */
  append(event: AuditEvent): Promise<void> {
    const written = this.#last.then(() => this.#append(event))
    this.#last = written.catch(() => {})
    return written
  }

  async #append(event: AuditEvent): Promise<void> {
    try {
      await mkdir(dirname(this.path), { recursive: true, mode: OWNER_FOLDER })
      await withLockFile(this.path, async () => {
        const file = await open(this.path, 'a+', OWNER_ONLY)
        try {
          if ((await file.stat()).size === 0) await giveToFolderOwner(file, this.path)
          const { link, isTorn } = await readEnd(file)
          const line = formatLine(event, this.#clock.now(), link)
          await file.appendFile(isTorn ? `\n${line}\n` : `${line}\n`)
          await file.sync()
        } finally {
          await file.close()
        }
      })
    } catch (error) {
      const { message } = error as Error
      throw new MillraceError('MILLRACE_AUDIT_UNWRITABLE', `${this.path}: ${message}.`, {
        cause: error,
      })
    }
  }
}

/** What the next line hangs on. Only the end is read: the last line that is whole, and perhaps a torn one behind it. */
async function readEnd(
  file: FileHandle,
): Promise<{ link: { n: number; hash: string }; isTorn: boolean }> {
  const { size } = await file.stat()
  const length = Math.min(size, MAX_LINE_BYTES * 2 + 2)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length)
  const end = buffer.subarray(0, bytesRead)
  const isTorn = end.length > 0 && end[end.length - 1] !== NEWLINE
  const lines = end.toString('utf8').split('\n').reverse()
  for (const line of lines) {
    const read = parseLine(line)
    if (typeof read !== 'string') return { link: { n: read.n, hash: read.hash }, isTorn }
  }
  if (size > length) throw new Error('its end cannot be read')
  return { link: START, isTorn }
}
