/** Reads and writes that go on until all is done: the system may do less than it was asked for. */
import type { Done, WalFs } from './fs.ts'

/** What stands for an end or a write of nothing where more was promised. */
export class ShortTransferError extends Error {
  readonly code = 'ESHORT'
}

/** Writes all of `chunks` from `position` on. `total` is their length. */
export function writeAll(
  fs: WalFs,
  fd: number,
  chunks: readonly Uint8Array[],
  total: number,
  position: number,
  done: Done,
): void {
  if (total === 0) {
    done(null)
    return
  }
  fs.writev(fd, chunks, position, (error, bytes) => {
    if (error !== null) done(error)
    else if (bytes >= total) done(null)
    else if (bytes <= 0) done(new ShortTransferError('nothing was written'))
    else writeAll(fs, fd, after(chunks, bytes), total - bytes, position + bytes, done)
  })
}

/** Fills all of `into`; fails at the end of the file. */
export function readAll(
  fs: WalFs,
  fd: number,
  into: readonly Uint8Array[],
  total: number,
  position: number,
  done: Done,
): void {
  if (total === 0) {
    done(null)
    return
  }
  fs.readv(fd, into, position, (error, bytes) => {
    if (error !== null) done(error)
    else if (bytes >= total) done(null)
    else if (bytes <= 0) done(new ShortTransferError('the file ends too early'))
    else readAll(fs, fd, after(into, bytes), total - bytes, position + bytes, done)
  })
}

/** Fills `into` as far as the file goes; says how far. */
export function readUpTo(
  fs: WalFs,
  fd: number,
  into: Uint8Array,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const more = (filled: number): void => {
      fs.readv(fd, [into.subarray(filled)], position + filled, (error, bytes) => {
        if (error !== null) reject(error)
        else if (bytes <= 0 || filled + bytes >= into.length) resolve(filled + bytes)
        else more(filled + bytes)
      })
    }
    if (into.length === 0) resolve(0)
    else more(0)
  })
}

/** What is left behind the first `bytes`. */
function after(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let i = 0
  let skip = bytes
  while (skip >= chunks[i].length) skip -= chunks[i++].length
  return [chunks[i].subarray(skip), ...chunks.slice(i + 1)]
}
