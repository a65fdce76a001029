/** Finds what a process before this one has left in the folder of one queue: segments, what is gone of them, and damage. */
import { basename, join } from 'node:path'
import type { TenantId } from '../../core/batch.ts'
import { ACK_SLOT_BYTES, decodeAcks } from './ack-format.ts'
import { codeOf, messageOf, type WalEnvironment } from './environment.ts'
import { readUpTo } from './file-access.ts'
import {
  aligned,
  decodeSegmentHeader,
  MAX_NAME_BYTES,
  MAX_RECORDS,
  SEGMENT_HEADER_BYTES,
} from './format.ts'
import type { OpenFile } from './open-files.ts'
import { findSeed, scanSegment } from './scan.ts'
import { acksPathOf, Segment } from './segment.ts'
import { numberOfSegment } from './segment-maker.ts'

/** Acknowledgements of one segment; each entry has one slot at most, but for retries. */
const MAX_ACK_BYTES = 4 * MAX_RECORDS * ACK_SLOT_BYTES

export interface RecoveredSegment {
  readonly segment: Segment
  readonly ackBytes: number
  /** Entries that were being tried whenever the process ended so often. */
  readonly suspects: readonly number[]
}

export interface RecoveredQueue {
  /** Null when no file says it. */
  readonly tenant: TenantId | null
  /** By number. */
  readonly segments: readonly RecoveredSegment[]
  /** Above all numbers in the folder. */
  readonly nextNumber: number
}

/** What was found, summed over queues. */
export class RecoveryTally {
  tenants = 0
  segments = 0
  entries = 0
  items = 0
  bytes = 0
  damagedPlaces = 0
  lostEntries = 0
  tornTails = 0
  suspects = 0
  /** Files without a byte of an entry. */
  emptyFiles = 0
  readonly setAside: string[] = []
}

/** A segment's header has been read. */
interface Opened {
  readonly number: number
  readonly path: string
  readonly length: number
  readonly allocated: number
  readonly seed: number
  readonly start: number
  readonly name: string | null
  readonly previous: number
  readonly previousEnd: number
}

export async function recoverQueue(
  env: WalEnvironment,
  folder: string,
  tally: RecoveryTally,
): Promise<RecoveredQueue> {
  return await new Recovery(env, folder, tally).run()
}

class Recovery {
  readonly #env: WalEnvironment
  readonly #folder: string
  readonly #tally: RecoveryTally

  constructor(env: WalEnvironment, folder: string, tally: RecoveryTally) {
    this.#env = env
    this.#folder = folder
    this.#tally = tally
  }

  async run(): Promise<RecoveredQueue> {
    const names = (await this.#env.fs.list(this.#folder)).map(entry => entry.name)
    const numbers = names
      .map(numberOfSegment)
      .filter(number => number !== null)
      .sort((a, b) => a - b)
    const opened: Opened[] = []
    const ends = new Map<number, number>()
    let tenant: TenantId | null = null
    for (const number of numbers) {
      const found = await this.#open(number, names)
      if (found === null) continue
      opened.push(found)
      tenant ??= found.name
      if (found.previousEnd > 0) ends.set(found.previous, found.previousEnd)
    }
    const segments: RecoveredSegment[] = []
    for (const found of opened) {
      const limit = Math.min(found.length, ends.get(found.number) ?? found.length)
      const isLast = found === opened.at(-1)
      const recovered = await this.#scan(found, limit, isLast)
      if (recovered !== null) segments.push(recovered)
    }
    await this.#removeOrphans(names)
    return { tenant, segments, nextNumber: (numbers.at(-1) ?? 0) + 1 }
  }

  /** Null for a file that holds nothing or cannot be used. */
  async #open(number: number, names: readonly string[]): Promise<Opened | null> {
    const name = names.find(each => numberOfSegment(each) === number)!
    const path = join(this.#folder, name)
    const { files, fs } = this.#env
    let file: OpenFile
    try {
      file = await files.use(path)
    } catch (failure) {
      this.#setAside(path, messageOf(failure))
      return null
    }
    try {
      const { length, allocated } = await fs.size(file.fd)
      const head = Buffer.alloc(SEGMENT_HEADER_BYTES + MAX_NAME_BYTES)
      const filled = await readUpTo(fs, file.fd, head, 0)
      const read = decodeSegmentHeader(head.subarray(0, filled))
      const place = { number, path, length, allocated }
      if (read.kind === 'segment') {
        const { seed, bytes: start, previous, previousEnd } = read.header
        return { ...place, seed, start, name: read.header.name, previous, previousEnd }
      }
      if (read.kind === 'newer') {
        this.#setAside(path, `written by a newer version (format ${read.version}); left as it is`)
      } else {
        const start = await this.#startWithout(head.subarray(0, filled))
        const { seed, isZero } = await findSeed(fs, file.fd, start)
        if (seed !== null) {
          this.#tally.damagedPlaces++
          this.#env.log.error('segment_header_damaged', { path, what: read.message })
          return { ...place, seed, start, name: null, previous: 0, previousEnd: 0 }
        }
        if (isZero) await this.#removeEmpty(number, path, length, names)
        else await this.#rename(path, read.message)
      }
    } catch (failure) {
      this.#setAside(path, messageOf(failure))
    } finally {
      files.done(file)
    }
    return null
  }

  /** Where records may begin when the header is damaged: behind it at the earliest. */
  async #startWithout(head: Buffer): Promise<number> {
    return Math.min(SEGMENT_HEADER_BYTES, aligned(head.length))
  }

  /**
   * A file that was begun and never written to is no loss, as when the process ended just then. What a file system has emptied
   * looks the same, but acknowledgements say that there were entries, and so does a later file: one is begun when the last is full.
   */
  async #removeEmpty(
    number: number,
    path: string,
    bytes: number,
    names: readonly string[],
  ): Promise<void> {
    const { files, fs, log, metrics } = this.#env
    const hasAcks = names.includes(basename(acksPathOf(path)))
    const hasLater = names.some(name => (numberOfSegment(name) ?? 0) > number)
    const hadEntries = hasAcks || (bytes > 0 && hasLater)
    files.forget(path)
    await fs.remove(path)
    if (hasAcks) await fs.remove(acksPathOf(path)).catch(() => {})
    this.#tally.emptyFiles++
    metrics.emptyFiles.value++
    if (hadEntries) {
      this.#tally.damagedPlaces++
      log.error('emptied_segment_removed', { path, bytes })
    } else log.warn('empty_segment_removed', { path, bytes })
  }

  async #rename(path: string, message: string): Promise<void> {
    const { files, fs } = this.#env
    files.forget(path)
    this.#tally.damagedPlaces++
    await fs.rename(path, `${path}.damaged`)
    this.#setAside(`${path}.damaged`, message)
  }

  async #scan(found: Opened, limit: number, isLast: boolean): Promise<RecoveredSegment | null> {
    const { files, fs, log } = this.#env
    const { number, path, seed, start, allocated } = found
    const segment = new Segment(number, path, seed, start)
    const tally = this.#tally
    const missing: number[] = []
    let torn = 0
    let file: OpenFile | null = null
    try {
      file = await files.use(path)
      const { end, damagedPlaces, tail } = await scanSegment({
        fs,
        fd: file.fd,
        start,
        limit,
        allocated,
        seed,
        areBodiesChecked: isLast,
        record: ({ index, items, contextBytes, requestBytes }, offset) => {
          for (let i = segment.count; i < index; i++) missing.push(i)
          if (index < MAX_RECORDS) segment.add(index, offset, items, contextBytes, requestBytes)
        },
        torn: ({ index }) => {
          torn++
          for (let i = segment.count; i < index; i++) missing.push(i)
        },
      })
      segment.end = end
      if (tail === 'damaged') missing.push(segment.count)
      if (tail === 'torn' && torn === 0) torn = 1
      const { ackBytes, suspects } = await this.#applyAcks(segment, missing)
      segment.seal()
      if (missing.length > 0 || damagedPlaces > 0) {
        log.error('segment_damaged', { path, places: damagedPlaces, lostEntries: missing.length })
      }
      if (torn > 0) log.warn('unfinished_write_found', { path, records: torn })
      tally.damagedPlaces += damagedPlaces + (tail === 'damaged' ? 1 : 0)
      tally.lostEntries += missing.length
      tally.tornTails += torn
      this.#env.metrics.damaged.value += missing.length
      this.#count(segment)
      // What follows the end must not come back, and room that was set aside is not needed any more.
      if (tail !== 'damaged') await fs.truncate(file.fd, end).catch(() => {})
      return { segment, ackBytes, suspects }
    } catch (failure) {
      this.#setAside(path, messageOf(failure))
      return null
    } finally {
      if (file !== null) files.done(file)
    }
  }

  #count(segment: Segment): void {
    const tally = this.#tally
    tally.segments++
    tally.entries += segment.live
    tally.items += segment.liveItems
    tally.bytes += segment.liveBytes
  }

  /** What is gone is marked so, and taken out of `missing`. Says how long the file is. */
  async #applyAcks(
    segment: Segment,
    missing: number[],
  ): Promise<{ ackBytes: number; suspects: number[] }> {
    const { files, fs, log } = this.#env
    const path = acksPathOf(segment.path)
    let file: OpenFile
    try {
      file = await files.use(path)
    } catch (failure) {
      if (codeOf(failure) === 'ENOENT') return { ackBytes: 0, suspects: [] }
      throw failure
    }
    try {
      const { length } = await fs.size(file.fd)
      const bytes = Buffer.alloc(Math.min(length, MAX_ACK_BYTES))
      await readUpTo(fs, file.fd, bytes, 0)
      const gone = new Set(missing)
      const trials = new Map<number, number>()
      const bad = decodeAcks(bytes, segment.seed, (kind, first, count) => {
        if (kind === 'tried') trials.set(first, (trials.get(first) ?? 0) + 1)
        if (kind === 'survived') trials.delete(first)
        if (kind !== 'gone') return
        const end = Math.min(first + count, segment.count + 1)
        for (let i = first; i < end; i++) {
          segment.drop(i, true)
          gone.delete(i)
        }
      })
      missing.splice(0, missing.length, ...gone)
      if (bad > 0) log.warn('acknowledgements_damaged', { path, slots: bad })
      const suspects = [...trials.keys()].filter(
        index => trials.get(index)! >= this.#env.maxTrials() && !segment.isGone(index),
      )
      return { ackBytes: length, suspects }
    } finally {
      files.done(file)
    }
  }

  /** Acknowledgements whose segment has been removed. */
  async #removeOrphans(names: readonly string[]): Promise<void> {
    const segments = new Set(names.filter(name => numberOfSegment(name) !== null).map(acksPathOf))
    for (const name of names) {
      if (!name.endsWith('.ack') || segments.has(name)) continue
      await this.#env.fs.remove(join(this.#folder, name)).catch(() => {})
    }
  }

  #setAside(path: string, message: string): void {
    this.#tally.setAside.push(path)
    this.#env.log.error('segment_set_aside', { path, why: message })
  }
}
