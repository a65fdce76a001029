/** Reads entries back and judges what comes: the bytes that were written, others, or none for now. */
import { crc32 } from 'node:zlib'
import type { ReadEntry } from '../../core/storage.ts'
import { decodeContext } from './context-codec.ts'
import { messageOf, reportFailure, type WalEnvironment } from './environment.ts'
import { readAll } from './file-access.ts'
import { decodeRecordHeader, RECORD_HEADER_BYTES } from './format.ts'
import type { OpenFile } from './open-files.ts'
import type { Segment } from './segment.ts'

/** An entry that the disk does not give so often is taken for damaged: nobody waits for it forever. */
const MAX_FAILURES = 8

export class EntryReader {
  readonly #env: WalEnvironment
  /** By place: how often in a row the disk did not give it. */
  readonly #failures = new Map<string, number>()

  constructor(env: WalEnvironment) {
    this.#env = env
  }

  async read(
    segment: Segment,
    index: number,
    allocate: (bytes: number) => Uint8Array,
  ): Promise<ReadEntry> {
    const { files, fs } = this.#env
    const head = Buffer.allocUnsafe(RECORD_HEADER_BYTES + segment.contextBytesOf(index))
    const offset = segment.offsetOf(index)
    let request: Uint8Array
    let file: OpenFile | null = null
    try {
      request = allocate(segment.requestBytesOf(index))
      file = await files.use(segment.path)
      const { fd } = file
      await new Promise<void>((resolve, reject) =>
        readAll(fs, fd, [head, request], head.length + request.length, offset, error =>
          error ? reject(error) : resolve(),
        ),
      )
    } catch (failure) {
      return this.#failed(segment, index, failure)
    } finally {
      if (file !== null) files.done(file)
    }
    if (this.#failures.size > 0) this.#failures.delete(placeOf(segment, index))
    return this.#judge(segment, index, head, request)
  }

  #judge(segment: Segment, index: number, head: Buffer, request: Uint8Array): ReadEntry {
    const header = decodeRecordHeader(head, 0, segment.seed)
    if (header === null || header.index !== index) return this.#damaged(segment, index, 'header')
    const contextBytes = head.subarray(RECORD_HEADER_BYTES)
    if (crc32(request, crc32(contextBytes)) !== header.bodyCrc) {
      return this.#damaged(segment, index, 'checksum')
    }
    const context = decodeContext(contextBytes)
    if (context === null) return this.#damaged(segment, index, 'metadata')
    return { kind: 'entry', bytes: request, context }
  }

  #failed(segment: Segment, index: number, failure: unknown): ReadEntry {
    reportFailure(this.#env, 'read', segment.path, failure)
    const place = placeOf(segment, index)
    const failures = (this.#failures.get(place) ?? 0) + 1
    if (failures >= MAX_FAILURES) {
      this.#failures.delete(place)
      return this.#damaged(segment, index, messageOf(failure))
    }
    this.#failures.set(place, failures)
    return { kind: 'failed', message: messageOf(failure) }
  }

  #damaged(segment: Segment, index: number, what: string): ReadEntry {
    const offset = segment.offsetOf(index)
    this.#env.metrics.damaged.value++
    const fields = { path: segment.path, offset, items: segment.itemsOf(index), what }
    this.#env.log.error('stored_entry_damaged', fields)
    return { kind: 'damaged', message: `${segment.path} at ${offset}: ${what}` }
  }
}

function placeOf(segment: Segment, index: number): string {
  return `${segment.path} ${index}`
}
