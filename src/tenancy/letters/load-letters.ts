/**
 * Finds the letters that a folder holds. Only headers are read: requests are checked when somebody asks for them. What is
 * damaged is passed over and counted, and the next whole record is looked for.
 */
import { basename, dirname } from 'node:path'
import type { Logger } from '../../core/logger.ts'
import { nameOfPathSegment } from '../path-segment.ts'
import { decodeAcks } from '../wal/ack-format.ts'
import { readUpTo } from '../wal/file-access.ts'
import {
  decodeSegmentHeader,
  MAX_NAME_BYTES,
  MAX_RECORDS,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from '../wal/format.ts'
import type { WalFs } from '../wal/fs.ts'
import { findSeed, scanSegment } from '../wal/scan.ts'
import { acksPathOf, Segment } from '../wal/segment.ts'
import { LetterFile } from './letter-file.ts'

/** Where a header says how long it is. */
const HEADER_BYTES_AT = 10
const SEGMENT_NAME = /^\d+\.wal$/
/** An ack file with more than this is not ours. */
const MAX_ACK_BYTES = 64 << 20

export interface LoadedLetters {
  /** In the order of their numbers. */
  readonly files: readonly LetterFile[]
  /** Places where bytes were not those that were written, and files that could not be read at all. */
  readonly damaged: number
  /** Of all files, also of those that cannot be read; 0 = there are none. */
  readonly lastNumber: number
}

/** Never rejects. */
export async function loadLetters(
  fs: WalFs,
  directory: string,
  log: Logger,
): Promise<LoadedLetters> {
  const files: LetterFile[] = []
  let [damaged, lastNumber] = [0, 0]
  for (const folder of await list(fs, directory)) {
    if (!folder.isFolder) continue
    for (const { name } of await list(fs, `${directory}/${folder.name}`)) {
      if (!SEGMENT_NAME.test(name)) continue
      lastNumber = Math.max(lastNumber, Number.parseInt(name, 10))
      const path = `${directory}/${folder.name}/${name}`
      const { file, places } = await loadFile(fs, path, log)
      if (file !== null) files.push(file)
      damaged += places
    }
  }
  return { files: files.sort((a, b) => a.number - b.number), damaged, lastNumber }
}

interface LoadedFile {
  readonly file: LetterFile | null
  /** Damaged ones. */
  readonly places: number
}

async function loadFile(fs: WalFs, path: string, log: Logger): Promise<LoadedFile> {
  try {
    const fd = await fs.open(path, 'read')
    try {
      return await readFile(fs, fd, path, log)
    } finally {
      await fs.close(fd)
    }
  } catch (error) {
    log.error('letters_unreadable', { path, message: (error as Error).message })
    return { file: null, places: 1 }
  }
}

async function readFile(fs: WalFs, fd: number, path: string, log: Logger): Promise<LoadedFile> {
  const head = Buffer.alloc(SEGMENT_HEADER_BYTES + MAX_NAME_BYTES)
  const filled = await readUpTo(fs, fd, head, 0)
  const found = decodeSegmentHeader(head.subarray(0, filled))
  if (found.kind === 'newer') {
    log.error('letters_of_newer_version', { path, version: found.version })
    return { file: null, places: 0 }
  }
  const header = found.kind === 'segment' ? found.header : await guessHeader(fs, fd, path)
  if (header === null && isCutOff(head, filled, (await fs.size(fd)).length)) {
    log.warn('letters_cut_off', { path, bytes: filled })
    await fs.remove(path)
    return { file: null, places: 0 }
  }
  if (header === null || header.kind !== 'letters') {
    const message = found.kind === 'damaged' ? found.message : 'it holds no letters'
    log.error('letters_damaged', { path, message })
    await fs.rename(path, `${path}.damaged`)
    return { file: null, places: 1 }
  }
  return readRecords(fs, fd, path, header, found.kind === 'damaged' ? 1 : 0, log)
}

/** The file was begun and its header never written whole. */
function isCutOff(head: Buffer, filled: number, length: number): boolean {
  if (length > filled) return false
  return (
    filled < SEGMENT_HEADER_BYTES ||
    filled < Math.min(head.length, head.readUInt16LE(HEADER_BYTES_AT)) ||
    head.subarray(0, filled).every(byte => byte === 0)
  )
}

type KnownHeader = Pick<SegmentHeader, 'kind' | 'number' | 'seed' | 'name' | 'bytes'>

/** Of a damaged header: the seed stands in each record, all else in the names of folder and file. */
async function guessHeader(fs: WalFs, fd: number, path: string): Promise<KnownHeader | null> {
  const { seed } = await findSeed(fs, fd, SEGMENT_HEADER_BYTES)
  const name = nameOfPathSegment(basename(dirname(path)))
  if (seed === null || name === null) return null
  const number = Number.parseInt(basename(path), 10)
  return { kind: 'letters', number, seed, name, bytes: SEGMENT_HEADER_BYTES }
}

async function readRecords(
  fs: WalFs,
  fd: number,
  path: string,
  { number, seed, name, bytes: start }: KnownHeader,
  headerFaults: number,
  log: Logger,
): Promise<LoadedFile> {
  const { length, allocated } = await fs.size(fd)
  const segment = new Segment(number, path, seed, length)
  const file = new LetterFile(fs, name, segment, false)
  const { damagedPlaces, tail } = await scanSegment({
    ...{ fs, fd, start, limit: length, allocated, seed, areBodiesChecked: false },
    record: ({ index, items, contextBytes, requestBytes, timeMs }, offset) => {
      if (index < MAX_RECORDS) file.add(index, offset, items, contextBytes, requestBytes, timeMs)
    },
    torn: () => {},
  })
  // Behind a damaged header, the stretch up to the first record is it.
  const places = Math.max(damagedPlaces, headerFaults) + (tail === 'damaged' ? 1 : 0)
  file.isDamaged = places > 0
  if (places > 0) log.error('letters_damaged', { path, places })
  if (tail === 'torn') log.warn('letters_cut_off', { path })
  await readRemovals(fs, file, log)
  segment.seal()
  return { file, places }
}

async function readRemovals(fs: WalFs, file: LetterFile, log: Logger): Promise<void> {
  const { segment } = file
  const path = acksPathOf(segment.path)
  let fd: number
  try {
    fd = await fs.open(path, 'read')
  } catch {
    return
  }
  try {
    const { length } = await fs.size(fd)
    const bytes = Buffer.alloc(Math.min(length, MAX_ACK_BYTES))
    const filled = await readUpTo(fs, fd, bytes, 0)
    file.foundAcks(filled)
    const bad = decodeAcks(bytes.subarray(0, filled), segment.seed, (kind, first, count) => {
      if (kind !== 'gone') return
      const end = Math.min(first + count, segment.count)
      for (let index = first; index < end; index++) segment.drop(index, true)
    })
    if (bad > 0) log.warn('removed_letters_are_back', { path, slots: bad })
  } catch (error) {
    log.warn('removed_letters_are_back', { path, message: (error as Error).message })
  } finally {
    await fs.close(fd)
  }
}

/** Nothing where there is no folder. */
async function list(fs: WalFs, path: string): ReturnType<WalFs['list']> {
  try {
    return await fs.list(path)
  } catch {
    return []
  }
}
