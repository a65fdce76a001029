/** Where to begin at the end of a file that somebody is writing to: behind its last whole record. */
import type { FollowedFile } from './followed-file.ts'

const NEWLINE = 0x0a
const CHUNK_BYTES = 64 * 1024
const PREFIX_BYTES = 4

export function findEnd(
  file: FollowedFile,
  layout: 'lines' | 'lengths',
  size: number,
): Promise<number> {
  return layout === 'lines' ? behindLastLine(file, size) : behindLastLength(file, size)
}

async function behindLastLine(file: FollowedFile, size: number): Promise<number> {
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - CHUNK_BYTES)
    const bytes = await file.read(Buffer.alloc(end - start), start)
    const at = bytes.lastIndexOf(NEWLINE)
    if (at >= 0) return start + at + 1
    end = start
  }
  return 0
}

async function behindLastLength(file: FollowedFile, size: number): Promise<number> {
  const prefix = Buffer.alloc(PREFIX_BYTES)
  let position = 0
  while (position + PREFIX_BYTES <= size) {
    await file.read(prefix, position)
    const next = position + PREFIX_BYTES + prefix.readUInt32BE(0)
    if (next > size) break
    position = next
  }
  return position
}
