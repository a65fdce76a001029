/**
 * Makes the bytes of one export request out of the parts of a batch. Protobuf merges repeated fields by
 * concatenation, so parts written one after another are one request.
 *
 * An untouched payload is handed on as it is, without copy. Any other part is laid out first and written once, into
 * a buffer of exactly its size. Small neighbours share a buffer, so that a socket gets few chunks.
 */
import { type EncodePart, isUntouched } from './encode-part.ts'
import { Layout } from './layout.ts'
import type { Splice } from './splice.ts'
import { Tape } from './tape.ts'
import { copyBytes } from './wire-writer.ts'

export type { EncodePart } from './encode-part.ts'

export interface Encoded {
  /** May be the payloads themselves: they must stay as they are until the chunks are sent. */
  readonly chunks: Uint8Array[]
  readonly byteLength: number
}

export interface EncodedParts extends Encoded {
  /** Those of the chunks that were made here, which can be given back to the pool that they came from. */
  readonly made: readonly Uint8Array[]
}

/** Where buffers for what has to be written come from. */
export interface EncodeBuffers {
  /** A buffer of exactly this length. */
  take(length: number): Uint8Array
}

const FRESH: EncodeBuffers = { take: length => Buffer.allocUnsafeSlow(length) }

/** Parts that encode to less are joined with their neighbours: copying 16 KiB costs less than one more chunk. */
const SMALL = 16_384

const NO_SPLICES: readonly Splice[] = []

/** Encoding is synchronous, so one of each serves all calls. */
const tape = new Tape()
const layout = new Layout(tape)

export function encodeParts(
  parts: readonly EncodePart[],
  buffers: EncodeBuffers = FRESH,
): EncodedParts {
  const chunks: Uint8Array[] = []
  const made: Uint8Array[] = []
  const run = new Run(chunks, made, buffers)
  let byteLength = 0
  tape.reset()
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]
    const steps = tape.length
    const untouched = isUntouched(part)
    const size = untouched ? part.payload.bytes.length : layout.plan(part)
    if (size === 0) continue
    byteLength += size
    if (size < SMALL) {
      run.add(part, untouched, steps, size)
      continue
    }
    run.flush()
    if (untouched) chunks.push(part.payload.bytes)
    else {
      run.add(part, false, steps, size)
      run.flush()
    }
  }
  run.flush()
  layout.release()
  return { chunks, byteLength, made }
}

/** Exactly the bytes that `encodeParts` would make. */
export function encodedSize(parts: readonly EncodePart[]): number {
  let size = 0
  for (let i = 0; i < parts.length; i++) size += encodedPartSize(parts[i])
  return size
}

/** The same of one part; costs nothing when the part is untouched. */
export function encodedPartSize(part: EncodePart): number {
  if (isUntouched(part)) return part.payload.bytes.length
  tape.reset()
  const size = layout.plan(part)
  layout.release()
  return size
}

/** All in one piece: the only chunk itself, or a copy. */
export function flatten(encoded: Encoded): Uint8Array {
  const { chunks } = encoded
  if (chunks.length === 1) return chunks[0]
  const out = Buffer.allocUnsafeSlow(encoded.byteLength)
  let pos = 0
  for (const chunk of chunks) pos = copyBytes(out, pos, chunk, 0, chunk.length)
  return out
}

interface RunMember {
  readonly part: EncodePart
  readonly untouched: boolean
  /** Its steps on the tape. */
  readonly first: number
  readonly last: number
}

/** Neighbouring parts that will share one buffer. */
class Run {
  readonly #chunks: Uint8Array[]
  readonly #made: Uint8Array[]
  readonly #buffers: EncodeBuffers
  #members: RunMember[] = []
  #size = 0

  constructor(chunks: Uint8Array[], made: Uint8Array[], buffers: EncodeBuffers) {
    this.#chunks = chunks
    this.#made = made
    this.#buffers = buffers
  }

  add(part: EncodePart, untouched: boolean, first: number, size: number): void {
    this.#members.push({ part, untouched, first, last: tape.length })
    this.#size += size
  }

  flush(): void {
    const members = this.#members
    if (members.length === 0) return
    if (members.length === 1 && members[0].untouched) {
      this.#chunks.push(members[0].part.payload.bytes)
    } else {
      const written = this.#write()
      this.#chunks.push(written)
      this.#made.push(written)
    }
    this.#members = []
    this.#size = 0
  }

  #write(): Uint8Array {
    const out = this.#buffers.take(this.#size)
    let pos = 0
    for (const { part, untouched, first, last } of this.#members) {
      const { bytes } = part.payload
      const splices = part.edits === null ? NO_SPLICES : part.edits.sorted()
      if (untouched) pos = copyBytes(out, pos, bytes, 0, bytes.length)
      else pos = tape.write(first, last, bytes, splices, out, pos)
    }
    if (pos !== out.length)
      throw new Error(`encoded ${pos} bytes where ${out.length} were laid out`)
    return out
  }
}
