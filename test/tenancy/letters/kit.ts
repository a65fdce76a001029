/** Boxes of letters in a folder of their own, and a file system whose calls can be made to fail. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { NO_CONTEXT } from '../../../src/core/batch.ts'
import type { Logger } from '../../../src/core/logger.ts'
import type { NewLetter } from '../../../src/core/storage.ts'
import { LetterBox, type LetterBoxOptions } from '../../../src/tenancy/letters/letter-box.ts'
import type { LetterLimits } from '../../../src/tenancy/letters/letter-store.ts'
import { SYSTEM_FS, type WalFs } from '../../../src/tenancy/wal/fs.ts'
import { makeRequest } from '../../../src/testing/builders.ts'
import { FakeClock, RecordingMeter } from '../../../src/testing/fakes.ts'

export function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-letters-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface LoggedLine {
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

export function recordingLog(lines: LoggedLine[]): Logger {
  const note = (event: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    lines.push({ event, fields })
  }
  const log: Logger = { debug: note, info: note, warn: note, error: note, child: () => log }
  return log
}

/** Closed at the end of the test. */
export async function openBox(
  t: TestContext,
  directory: string,
  options: Partial<LetterBoxOptions & LetterLimits> = {},
) {
  const { maxBytes = 1 << 20, maxAgeMs = 0, minFreeBytes = 0, sync = true, ...others } = options
  const clock = new FakeClock()
  const meter = new RecordingMeter()
  const lines: LoggedLine[] = []
  const box = new LetterBox({
    ...{ id: 'file_storage', directory, clock, meter, log: recordingLog(lines) },
    limits: { maxBytes, maxAgeMs, minFreeBytes, sync },
    ...others,
  })
  await box.open()
  t.after(() => box.close())
  return { box, clock, meter, lines }
}

export function letter(
  changes: Partial<NewLetter> & { readonly bytes?: Uint8Array } = {},
): NewLetter {
  const { bytes = makeRequest('traces', 1), ...rest } = changes
  return {
    ...{ tenant: 'acme', exporter: 'otlp/backend', signal: 'traces', items: 1 },
    ...{ reason: 'bad_data', message: 'the backend says no', context: NO_CONTEXT },
    ...{ chunks: [bytes], byteLength: bytes.length },
    ...rest,
  }
}

type FsCall = keyof WalFs

/** Calls fail as `fault` says, before they do anything: with this code. */
export function faultyFs(fault: (call: FsCall, path: string) => string | undefined): WalFs {
  const failure = (call: FsCall, path: string): NodeJS.ErrnoException | null => {
    const code = fault(call, path)
    return code === undefined ? null : Object.assign(new Error(code), { code })
  }
  const guard =
    <A extends readonly unknown[], R>(call: FsCall, real: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const error = failure(call, String(args[0]))
      if (error !== null) throw error
      return real(...args)
    }
  return {
    open: guard('open', SYSTEM_FS.open),
    close: SYSTEM_FS.close,
    writev: (fd, chunks, position, done) => {
      const error = failure('writev', '')
      if (error === null) SYSTEM_FS.writev(fd, chunks, position, done)
      else if (error.code !== 'SHORT') done(error, 0)
      // Half of it is written before the disk fails.
      else {
        const half = Buffer.concat(chunks)
        SYSTEM_FS.writev(fd, [half.subarray(0, half.length >> 1)], position, () => {
          done(Object.assign(new Error('EIO'), { code: 'EIO' }), 0)
        })
      }
    },
    readv: (fd, into, position, done) => {
      const error = failure('readv', '')
      if (error === null) SYSTEM_FS.readv(fd, into, position, done)
      else done(error, 0)
    },
    sync: (fd, done) => {
      const error = failure('sync', '')
      if (error === null) SYSTEM_FS.sync(fd, done)
      else done(error)
    },
    syncFolder: guard('syncFolder', SYSTEM_FS.syncFolder),
    truncate: guard('truncate', SYSTEM_FS.truncate),
    size: guard('size', SYSTEM_FS.size),
    rename: guard('rename', SYSTEM_FS.rename),
    overwriteNow: (...args) => SYSTEM_FS.overwriteNow(...args),
    remove: guard('remove', SYSTEM_FS.remove),
    removeFolder: guard('removeFolder', SYSTEM_FS.removeFolder),
    list: guard('list', SYSTEM_FS.list),
    makeFolder: guard('makeFolder', SYSTEM_FS.makeFolder),
    freeBytes: guard('freeBytes', SYSTEM_FS.freeBytes),
  }
}
