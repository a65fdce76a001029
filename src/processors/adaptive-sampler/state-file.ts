/**
 * One file with what was learned: written beside and moved into place, so that whoever reads it finds all of it or the one
 * before. Blocks are summed and written piece by piece, so that megabytes of sketches do not hold the event loop.
 *
 * ```
 * length of the head (u32) | head as JSON: names, lengths and sums of the blocks | blocks
 * ```
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'

/** Another form of the file is another number: it is not read then. */
const FORMAT = 1
const OWNER_ONLY = 0o600
const OWNER_FOLDER = 0o700
const LENGTH_BYTES = 4
/** Summed in one turn of the event loop: about a millisecond. */
const PIECE_BYTES = 1024 * 1024

interface Head {
  readonly format: number
  readonly savedAtMs: number
  readonly blocks: readonly {
    readonly name: string
    readonly bytes: number
    readonly sum: number
  }[]
}

export interface SavedState {
  readonly savedAtMs: number
  readonly blocks: ReadonlyMap<string, Uint8Array>
}

export class StateFile {
  readonly path: string
  readonly #directory: string
  #writing: Promise<void> = Promise.resolve()

  /** `id` of the processor: several may share a folder. */
  constructor(directory: string, id: string) {
    this.#directory = directory
    this.path = join(directory, `${encodeURIComponent(id)}.state`)
  }

  /** `unusable`: cut, changed or something else. Rejects when the folder cannot be made or read. */
  async read(): Promise<SavedState | 'missing' | 'unusable'> {
    await mkdir(this.#directory, { recursive: true, mode: OWNER_FOLDER })
    const bytes = await readFile(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    // A copy: slices of a Buffer share its memory, others' are their own.
    return bytes === null ? 'missing' : (decode(new Uint8Array(bytes)) ?? 'unusable')
  }

  /** One after the other. The blocks must stay as they are. */
  write(savedAtMs: number, blocks: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const written = this.#writing.catch(() => {}).then(() => this.#replace(savedAtMs, blocks))
    this.#writing = written
    return written
  }

  async #replace(savedAtMs: number, blocks: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const beside = `${this.path}.${process.pid}.tmp`
    const head = await encodeHead(savedAtMs, blocks)
    try {
      const file = await open(beside, 'w', OWNER_ONLY)
      try {
        for (const bytes of [head, ...blocks.values()]) await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(beside, this.path)
    } catch (error) {
      await rm(beside, { force: true }).catch(() => {})
      throw error
    }
  }
}

async function encodeHead(
  savedAtMs: number,
  blocks: ReadonlyMap<string, Uint8Array>,
): Promise<Uint8Array> {
  const described: Head['blocks'][number][] = []
  for (const [name, bytes] of blocks) {
    described.push({ name, bytes: bytes.length, sum: await sumOf(bytes) })
  }
  const head: Head = { format: FORMAT, savedAtMs, blocks: described }
  const text = Buffer.from(JSON.stringify(head))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32LE(text.length)
  return Buffer.concat([length, text])
}

async function sumOf(bytes: Uint8Array): Promise<number> {
  let sum = 0
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    sum = crc32(bytes.subarray(at, at + PIECE_BYTES), sum)
    await nextTurn()
  }
  return sum
}

/** Null for what is cut, changed or something else. */
function decode(bytes: Uint8Array): SavedState | null {
  const head = decodeHead(bytes)
  if (head === null || head.format !== FORMAT) return null
  const blocks = new Map<string, Uint8Array>()
  let at = LENGTH_BYTES + new DataView(bytes.buffer).getUint32(0, true)
  for (const { name, bytes: length, sum } of head.blocks) {
    const block = bytes.subarray(at, at + length)
    if (block.length !== length || crc32(block) !== sum) return null
    blocks.set(name, block)
    at += length
  }
  return at === bytes.length ? { savedAtMs: head.savedAtMs, blocks } : null
}

function decodeHead(bytes: Uint8Array): Head | null {
  if (bytes.length < LENGTH_BYTES) return null
  const end = LENGTH_BYTES + new DataView(bytes.buffer).getUint32(0, true)
  if (end > bytes.length) return null
  try {
    const head: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, end)))
    return isHead(head) ? head : null
  } catch {
    return null
  }
}

function isHead(value: unknown): value is Head {
  const { savedAtMs, blocks } = (value ?? {}) as Partial<Head>
  return (
    typeof savedAtMs === 'number' &&
    Array.isArray(blocks) &&
    blocks.every(block => typeof block?.name === 'string' && Number.isInteger(block.bytes))
  )
}
