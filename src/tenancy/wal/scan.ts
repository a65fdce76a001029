/**
 * Reads a segment from its first record to its end, past damage: after bytes that are no record it looks for the next place
 * where one begins. Bodies are looked at only where asked; their checksums are checked again when they are read.
 */
import { crc32 } from 'node:zlib'
import { readUpTo } from './file-access.ts'
import {
  ALIGNMENT,
  aligned,
  decodeRecordHeader,
  hasMarker,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  recordBytes,
  seedOfRecord,
} from './format.ts'
import type { WalFs } from './fs.ts'

const CHUNK_BYTES = 256 * 1024
/** Where records are large, only their headers are read. */
const HOP_BYTES = 4096
const LARGE_RECORD_BYTES = 32 * 1024
/** What a disk writes at once or not at all. */
const SECTOR_BYTES = 512
/** Fewer zeros may well be content. */
const MIN_HOLE_BYTES = 8
/** File systems set aside in blocks of up to this. */
const BLOCK_BYTES = 64 * 1024

export interface ScanRequest {
  readonly fs: WalFs
  readonly fd: number
  /** Where the first record begins. */
  readonly start: number
  /** Nothing behind it counts. */
  readonly limit: number
  /** What the file takes on disk: less than its length where room was only promised. */
  readonly allocated: number
  readonly seed: number
  /** Looks at all bodies; else at the last one only. */
  readonly areBodiesChecked: boolean
  record(header: RecordHeader, offset: number): void
  /** The end of it was never written: nobody was told that it was stored. */
  torn(header: RecordHeader): void
}

export interface ScanResult {
  /** Behind the last record. */
  readonly end: number
  /** Stretches that are not what was written, each over one record or more. */
  readonly damagedPlaces: number
  /** What stands behind the last record: nothing, the beginning of a write that was cut off, or something else. */
  readonly tail: 'clean' | 'torn' | 'damaged'
}

export async function scanSegment(request: ScanRequest): Promise<ScanResult> {
  return await new Scan(request).run()
}

/**
 * The seed that the record at `start`, or else the first thing that looks like one, gives for itself; for a damaged header. Reads on
 * to the end if it must, which also tells whether there is any byte but zeros in the file.
 */
export async function findSeed(
  fs: WalFs,
  fd: number,
  start: number,
): Promise<{ seed: number | null; isZero: boolean }> {
  const bytes = Buffer.alloc(CHUNK_BYTES)
  let isZero = true
  // Chunks overlap by a header, so that none is cut.
  for (let from = 0; ; from += CHUNK_BYTES - aligned(RECORD_HEADER_BYTES)) {
    const filled = await readUpTo(fs, fd, bytes, from)
    isZero &&= bytes.subarray(0, filled).every(byte => byte === 0)
    for (let at = from === 0 ? start : 0; at + RECORD_HEADER_BYTES <= filled; at += ALIGNMENT) {
      if (!hasMarker(bytes, at)) continue
      const seed = seedOfRecord(bytes, at)
      if (decodeRecordHeader(bytes, at, seed) !== null) return { seed, isZero: false }
    }
    if (filled < CHUNK_BYTES) return { seed: null, isZero }
  }
}

interface Found {
  readonly header: RecordHeader
  readonly offset: number
}

class Scan {
  readonly #request: ScanRequest
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  #chunkStart = 0
  #filled = 0
  #at: number
  #expected = 0
  #damagedPlaces = 0
  /** The last record is told only once its body has been looked at. */
  #pending: Found | null = null
  #isLastTorn = false
  #goodEnd: number

  constructor(request: ScanRequest) {
    this.#request = request
    this.#at = request.start
    this.#goodEnd = request.start
  }

  async run(): Promise<ScanResult> {
    for (;;) {
      // No promise for each record: there may be millions.
      const header = this.#isLoaded(this.#at, RECORD_HEADER_BYTES)
        ? this.#decode(this.#at)
        : await this.#headerAt(this.#at)
      if (header !== null) {
        if (this.#request.areBodiesChecked) await this.#tellPending()
        else if (this.#pending !== null) this.#tell(this.#pending)
        this.#take(header)
        continue
      }
      if (await this.#isBehindAll()) break
      const next = await this.#findNext(this.#at + ALIGNMENT)
      if (next === null) break
      this.#damagedPlaces++
      this.#at = next
    }
    const rest = await this.#judgeTail()
    await this.#tellPending()
    const tail = this.#isLastTorn && rest === 'clean' ? 'torn' : rest
    return { end: this.#goodEnd, damagedPlaces: this.#damagedPlaces, tail }
  }

  #take(header: RecordHeader): void {
    this.#pending = { header, offset: this.#at }
    this.#expected = header.index + 1
    this.#at += recordBytes(header.contextBytes, header.requestBytes)
  }

  async #tellPending(): Promise<void> {
    const pending = this.#pending
    if (pending === null) return
    this.#isLastTorn = await this.#isTorn(pending)
    if (this.#isLastTorn) this.#request.torn(pending.header)
    else this.#tell(pending)
  }

  #tell({ header, offset }: Found): void {
    this.#goodEnd = offset + recordBytes(header.contextBytes, header.requestBytes)
    this.#request.record(header, offset)
  }

  /** Null where no record of this segment begins, or none that ends within it. */
  async #headerAt(at: number): Promise<RecordHeader | null> {
    return (await this.#load(at, RECORD_HEADER_BYTES)) ? this.#decode(at) : null
  }

  /** The header at `at` has been loaded. */
  #decode(at: number): RecordHeader | null {
    const { limit, seed } = this.#request
    if (at + RECORD_HEADER_BYTES > limit) return null
    const header = decodeRecordHeader(this.#chunk, at - this.#chunkStart, seed)
    if (header === null || header.index < this.#expected) return null
    if (at + recordBytes(header.contextBytes, header.requestBytes) > aligned(limit)) return null
    return header
  }

  async #findNext(from: number): Promise<number | null> {
    const { limit } = this.#request
    for (let at = from; at + RECORD_HEADER_BYTES <= limit; ) {
      if (!(await this.#load(at, RECORD_HEADER_BYTES))) return null
      const last = Math.min(this.#chunkStart + this.#filled, limit) - RECORD_HEADER_BYTES
      for (; at <= last; at += ALIGNMENT) {
        if (!hasMarker(this.#chunk, at - this.#chunkStart)) continue
        if ((await this.#headerAt(at)) !== null) return at
        // Looking at it may have moved the chunk.
        break
      }
      if (at <= last) at += ALIGNMENT
    }
    return null
  }

  /** Nothing was ever written from here on: here is nothing, and the file takes no more than what is before. */
  async #isBehindAll(): Promise<boolean> {
    const { limit, allocated } = this.#request
    if (this.#at + RECORD_HEADER_BYTES > limit) return true
    if (allocated > this.#at + BLOCK_BYTES) return false
    if (!(await this.#load(this.#at, RECORD_HEADER_BYTES))) return true
    const from = this.#at - this.#chunkStart
    return isZero(this.#chunk.subarray(from, from + RECORD_HEADER_BYTES))
  }

  async #judgeTail(): Promise<ScanResult['tail']> {
    const { limit } = this.#request
    const bytes = Math.min(RECORD_HEADER_BYTES, limit - this.#at)
    if (bytes <= 0 || !(await this.#load(this.#at, bytes))) return 'clean'
    const from = this.#at - this.#chunkStart
    const head = this.#chunk.subarray(from, from + bytes)
    if (isZero(head)) return 'clean'
    // A whole header that is bad was damaged; one of which the end is missing was never written.
    const boundary = SECTOR_BYTES - (this.#at % SECTOR_BYTES)
    const isCutOff =
      bytes < RECORD_HEADER_BYTES || (boundary < bytes && isZero(head.subarray(boundary)))
    if (isCutOff) return 'torn'
    if (decodeRecordHeader(this.#chunk, from, this.#request.seed) !== null) return 'torn'
    return 'damaged'
  }

  /** The body is not what was meant, and part of it was never written: there is nothing where a sector should be. */
  async #isTorn({ header, offset }: Found): Promise<boolean> {
    const { contextBytes, requestBytes, bodyCrc } = header
    const start = offset + RECORD_HEADER_BYTES
    const end = start + contextBytes + requestBytes
    if (end > this.#request.limit) return true
    let crc = 0
    const isWhole = await this.#eachPiece(start, end, piece => {
      crc = crc32(piece, crc)
      return true
    })
    if (!isWhole) return true
    if (crc === bodyCrc) return false
    let hasHole = false
    await this.#eachPiece(start, end, (piece, at) => {
      hasHole = hasZeroSector(piece, at)
      return !hasHole
    })
    return hasHole
  }

  /** Until `visit` says no. False when the file ends before. */
  async #eachPiece(
    start: number,
    end: number,
    visit: (piece: Buffer, at: number) => boolean,
  ): Promise<boolean> {
    for (let at = start; at < end; ) {
      const bytes = Math.min(CHUNK_BYTES - (at % SECTOR_BYTES), end - at)
      if (!(await this.#load(at, bytes))) return false
      const from = at - this.#chunkStart
      if (!visit(this.#chunk.subarray(from, from + bytes), at)) return true
      at += bytes
    }
    return true
  }

  #isLoaded(at: number, bytes: number): boolean {
    return at >= this.#chunkStart && at + bytes <= this.#chunkStart + this.#filled
  }

  /** False when the file does not go so far. */
  async #load(at: number, bytes: number): Promise<boolean> {
    if (this.#isLoaded(at, bytes)) return true
    const { fs, fd, limit, areBodiesChecked } = this.#request
    const last = this.#pending?.header
    const isHop = !areBodiesChecked && (last?.requestBytes ?? 0) > LARGE_RECORD_BYTES
    const wanted = Math.max(bytes, Math.min(isHop ? HOP_BYTES : CHUNK_BYTES, limit - at))
    this.#chunkStart = at
    this.#filled = 0
    this.#filled = await readUpTo(
      fs,
      fd,
      this.#chunk.subarray(0, Math.min(wanted, CHUNK_BYTES)),
      at,
    )
    return this.#filled >= bytes
  }
}

function isZero(bytes: Buffer): boolean {
  return lengthWithoutZeros(bytes) === 0
}

/** True if some sector, or a part of one that is long enough to tell, is all zero. */
function hasZeroSector(bytes: Buffer, position: number): boolean {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES))
    if (end - at >= MIN_HOLE_BYTES && isZero(bytes.subarray(at, end))) return true
    at = end
  }
  return false
}

/** Without the zeros at the end. */
function lengthWithoutZeros(bytes: Buffer): number {
  let length = bytes.length
  while (length > 0 && bytes[length - 1] === 0) length--
  return length
}
