/** Finds letters by what they are about, oldest first, reading no more of each than the question needs. */
import type { LetterFilter, LetterView } from '../../core/queue-control.ts'
import { mentionsTrace } from './contents.ts'
import type { LetterFile } from './letter-file.ts'
import type { LetterMeta } from './letter-meta.ts'
import { MetaReader } from './meta-reader.ts'
import type { Shelf } from './shelf.ts'

interface Place {
  readonly file: LetterFile
  readonly index: number
  readonly atMs: number
}

/** `damaged` hears of each letter whose bytes are not those that were written. Never rejects. */
export async function findLetters(
  shelf: Shelf,
  filter: LetterFilter,
  max: number,
  damaged: (file: LetterFile, index: number) => void,
): Promise<LetterView[]> {
  const views: LetterView[] = []
  const reader = new MetaReader()
  try {
    for (const { file, index } of placesOf(shelf, filter)) {
      if (views.length >= max) break
      if (file.segment.isGone(index)) continue
      // What cannot be read now, or has just been removed, is left out.
      const meta = await reader.read(file, index).catch(() => undefined)
      if (meta === null) damaged(file, index)
      if (!meta || !matches(meta, filter)) continue
      if (filter.traceId !== undefined && !(await holds(file, index, filter.traceId, damaged))) {
        continue
      }
      views.push(viewOf(file, index, meta))
    }
  } finally {
    await reader.close()
  }
  return views
}

export function viewOf(file: LetterFile, index: number, meta: LetterMeta): LetterView {
  const { exporter, signal, reason, message, services, traceIds } = meta
  return {
    id: letterId(file.number, index),
    atMs: file.timeOf(index),
    tenant: file.tenant,
    ...{ exporter, signal, reason, message, services, traceIds },
    items: file.segment.itemsOf(index),
    bytes: file.segment.requestBytesOf(index),
  }
}

const ID = /^([0-9a-z]{1,11})-(\d{1,8})$/
const RADIX = 36

export function letterId(number: number, index: number): string {
  return `${number.toString(RADIX)}-${index}`
}

/** Null for what is no id of a letter that is there. */
export function placeOf(shelf: Shelf, id: string): { file: LetterFile; index: number } | null {
  const match = ID.exec(id)
  if (match === null) return null
  const file = shelf.byNumber(Number.parseInt(match[1], RADIX))
  const index = Number(match[2])
  return file === undefined || file.segment.isGone(index) ? null : { file, index }
}

/** What need not be read to be told apart. */
function placesOf(shelf: Shelf, { tenant, sinceMs = 0 }: LetterFilter): Place[] {
  const places: Place[] = []
  for (const file of tenant === undefined ? shelf.files : shelf.of(tenant)) {
    if (file.newestMs < sinceMs) continue
    for (let index = file.first; index < file.segment.count; index++) {
      if (file.segment.isGone(index)) continue
      const atMs = file.timeOf(index)
      if (atMs >= sinceMs) places.push({ file, index, atMs })
    }
  }
  return places.sort((a, b) => a.atMs - b.atMs)
}

function matches(meta: LetterMeta, { exporter, signal, reason }: LetterFilter): boolean {
  return (
    (exporter === undefined || meta.exporter === exporter) &&
    (signal === undefined || meta.signal === signal) &&
    (reason === undefined || meta.reason === reason)
  )
}

async function holds(
  file: LetterFile,
  index: number,
  traceId: string,
  damaged: (file: LetterFile, index: number) => void,
): Promise<boolean> {
  try {
    const fd = await file.openToRead()
    try {
      const found = await file.read(fd, index)
      if (found.kind === 'letter') return mentionsTrace(found.request, traceId)
      damaged(file, index)
    } finally {
      await file.closeRead(fd)
    }
  } catch {
    // Left out, as above.
  }
  return false
}
