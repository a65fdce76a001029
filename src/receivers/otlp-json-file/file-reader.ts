/** Reads what is new in one file and hands it on record by record; how far it came stands in the file when it returns. */
import type { Readable } from 'node:stream'
import { createGunzip, type Gunzip } from 'node:zlib'
import type { FollowedFile } from './followed-file.ts'
import type { Outcasts } from './outcasts.ts'
import type { RecordIntake } from './record-intake.ts'
import { type Cut, createSplitter, type Splitter } from './splitter.ts'

const MAGIC = Buffer.from([0x1f, 0x8b])
const CHUNK_BYTES = 256 * 1024
/** After so much the other files have their turn. */
const TURN_BYTES = 16 << 20

export interface FileReaderOptions {
  readonly layout: 'lines' | 'lengths'
  readonly maxBytes: number
  readonly intake: RecordIntake
  readonly outcasts: Outcasts
  readonly gzip: 'never' | 'always' | 'auto'
  readonly isStopping: () => boolean
}

/** `end`: all there is was read. `again`: there is more. */
export type TurnEnd = 'end' | 'again'

export class FileReader {
  readonly #options: FileReaderOptions
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)

  constructor(options: FileReaderOptions) {
    this.#options = options
  }

  /**
   * `isOld`: the file has not grown for a while, so a last line without its end may be whole. `isGone`: it will not grow
   * any more. Rejects with the system's error.
   */
  async turn(file: FollowedFile, isOld: boolean, isGone: boolean): Promise<TurnEnd> {
    return (await this.isGzip(file))
      ? await this.#gzipTurn(file, isGone)
      : await this.#plainTurn(file, isOld, isGone)
  }

  /** `auto` goes by the first bytes: names change with rotations, and neither JSON nor a length begins so. */
  async isGzip(file: FollowedFile): Promise<boolean> {
    const { gzip } = this.#options
    if (gzip !== 'auto') return gzip === 'always'
    if (file.isGzip !== null) return file.isGzip
    const first = await file.read(Buffer.alloc(MAGIC.length), 0)
    if (first.length === MAGIC.length) file.isGzip = first.equals(MAGIC)
    return file.isGzip === true
  }

  async #plainTurn(file: FollowedFile, isOld: boolean, isGone: boolean): Promise<TurnEnd> {
    const { layout, maxBytes } = this.#options
    const splitter = createSplitter(layout, file.offset, maxBytes, file.skipped)
    const start = file.offset
    let position = start
    let isEnd = false
    // One record at least, however long it is.
    while (!isEnd && (position < start + TURN_BYTES || file.offset === start)) {
      const chunk = await file.read(this.#chunk, position)
      isEnd = chunk.length < CHUNK_BYTES
      position += chunk.length
      splitter.push(chunk)
      const moved = (end: number): void => {
        file.offset = end
        file.skipped = 0
      }
      if (!(await this.#drain(splitter, file, moved))) break
    }
    if (isEnd) await this.#finishRest(splitter, file, position, isOld, isGone)
    await file.note(file.offset)
    return isEnd ? 'end' : 'again'
  }

  /** False when the turn is over: the receiver stops, or nothing more can be told apart. */
  async #drain(
    splitter: Splitter,
    file: FollowedFile,
    moved: (end: number) => void,
  ): Promise<boolean> {
    for (let cut = splitter.next(); cut !== null; cut = splitter.next()) {
      if (this.#options.isStopping()) return false
      if (!(await this.#takeCut(cut, file))) return false
      moved((cut as { end: number }).end)
    }
    return true
  }

  async #takeCut(cut: Cut, file: FollowedFile): Promise<boolean> {
    const { intake, maxBytes } = this.#options
    const { path } = file
    if (cut.kind === 'record') {
      return (await intake.take({ bytes: cut.bytes, path, end: cut.end })) === 'done'
    }
    if (cut.kind === 'oversize') {
      const message = `${cut.length} bytes are more than max_log_size, ${maxBytes}`
      await this.#leaveOut(file, 'too_large', message, cut.end, null)
      return true
    }
    await this.#breakOff(file, cut.message)
    return false
  }

  /** The rest of the file has no sense any more. */
  async #breakOff(file: FollowedFile, message: string): Promise<void> {
    const size = await file.measure()
    await this.#leaveOut(file, 'malformed', `${message}; the rest is passed over`, size, null)
    file.offset = size
    file.inner = 0
  }

  async #finishRest(
    splitter: Splitter,
    file: FollowedFile,
    end: number,
    isOld: boolean,
    isGone: boolean,
  ): Promise<void> {
    const bytes = splitter.rest
    if (splitter.skipped > 0) await this.#finishSkipped(file, splitter.skipped, end, isGone)
    if (bytes.length === 0 || file.offset >= end || this.#options.isStopping()) return
    if (this.#options.layout === 'lines' && (isOld || isGone)) {
      const record = { bytes: bytes.subarray(0), path: file.path, end }
      const ending = await this.#options.intake.take(record, true)
      if (ending === 'done') file.offset = end
      else file.vainSize = end
      if (ending !== 'unfinished') return
    }
    if (!isGone) return
    await this.#leaveOut(file, 'malformed', 'the file ends within a request', end, bytes)
    file.offset = end
  }

  /** Nobody reads the beginning of the line again. */
  async #finishSkipped(
    file: FollowedFile,
    skipped: number,
    end: number,
    isGone: boolean,
  ): Promise<void> {
    file.offset = end
    file.skipped = skipped
    if (!isGone) return
    const message = `${skipped} bytes are more than max_log_size, ${this.#options.maxBytes}`
    await this.#leaveOut(file, 'too_large', message, end, null)
    file.skipped = 0
  }

  async #leaveOut(
    { path }: FollowedFile,
    reason: 'malformed' | 'too_large',
    message: string,
    end: number,
    bytes: Uint8Array | null,
  ): Promise<void> {
    const signal = this.#options.intake.anySignal
    await this.#options.outcasts.put({ reason, message, path, end, signal, bytes })
  }

  /** The stream is inflated from its beginning each time; what is done of it is passed over. */
  async #gzipTurn(file: FollowedFile, isGone: boolean): Promise<TurnEnd> {
    const { layout, maxBytes } = this.#options
    const size = await file.measure()
    const inflated = createGunzip()
    // After the end of the turn nobody listens any more.
    inflated.on('error', () => {})
    const feeding = this.#feed(file, size, inflated)
    let toSkip = file.inner
    const splitter = createSplitter(layout, file.inner, maxBytes)
    try {
      for await (const piece of inflated as Readable) {
        const chunk = piece as Buffer
        const skipped = Math.min(toSkip, chunk.length)
        toSkip -= skipped
        if (skipped === chunk.length) continue
        splitter.push(chunk.subarray(skipped))
        if (!(await this.#drain(splitter, file, end => (file.inner = end)))) return 'again'
      }
      await this.#finishStream(splitter, file, size)
    } catch (error) {
      await this.#streamFault(file, error as NodeJS.ErrnoException, size, isGone)
    } finally {
      inflated.destroy()
      await feeding
      await file.note(Math.min(size, await file.measure()))
    }
    return 'end'
  }

  async #feed(file: FollowedFile, size: number, to: Gunzip): Promise<void> {
    try {
      await this.#write(file, size, to)
      to.end()
    } catch (error) {
      to.destroy(error as Error)
    }
  }

  async #write(file: FollowedFile, size: number, to: Gunzip): Promise<void> {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    for (let at = file.offset; at < size && !to.destroyed; ) {
      const bytes = await file.read(chunk.subarray(0, Math.min(chunk.length, size - at)), at)
      if (bytes.length === 0) break
      at += bytes.length
      await new Promise<void>(resolve => {
        to.once('close', resolve)
        to.write(Buffer.from(bytes), () => {
          to.off('close', resolve)
          resolve()
        })
      })
    }
  }

  /** The stream is whole: what has no end ends with it, and what is added to the file is another stream. */
  async #finishStream(splitter: Splitter, file: FollowedFile, size: number): Promise<void> {
    const { rest } = splitter
    if (rest.length > 0) {
      const record = { bytes: rest, path: file.path, end: file.inner + rest.length }
      if (this.#options.layout === 'lengths') {
        await this.#leaveOut(file, 'malformed', 'it ends within a request', record.end, rest)
      } else if ((await this.#options.intake.take(record)) !== 'done') return
    }
    file.offset = size
    file.inner = 0
  }

  async #streamFault(
    file: FollowedFile,
    error: NodeJS.ErrnoException,
    size: number,
    isGone: boolean,
  ): Promise<void> {
    if (error.code === undefined || !error.code.startsWith('Z_')) throw error
    // It may still be being written.
    if (error.code === 'Z_BUF_ERROR' && !isGone) return
    await this.#breakOff(file, `the file is not whole gzip: ${error.message}`)
    file.offset = size
  }
}
