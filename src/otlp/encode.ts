/**
 * Makes the bytes of one export request out of the parts of a batch. Protobuf merges repeated fields by
 * concatenation, so parts written one after another are one request.
 *
 * An untouched payload is handed on as it is, without copy. Any other part is laid out first and written once, into
 * a buffer of exactly its size. Small neighbours share a buffer, so that a socket gets few chunks.
 */
import { type EncodePart, isUntouched } from './encode-part.ts'
import { Layout } from './layout.ts'
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
  /** See `Tape.distance`. */
  readonly distance: number
}

/** Neighbouring parts that will share one buffer. */
class Run {
  readonly #chunks: Uint8Array[]
  readonly #made: Uint8Array[]
  readonly #buffers: EncodeBuffers
  #members: RunMember[] = []
  #size = 0
  /** What the buffer has to hold, payloads that are moved in it included. */
  #room = 0

  constructor(chunks: Uint8Array[], made: Uint8Array[], buffers: EncodeBuffers) {
    this.#chunks = chunks
    this.#made = made
    this.#buffers = buffers
  }

  add(part: EncodePart, untouched: boolean, first: number, size: number): void {
    const { length } = part.payload.bytes
    const distance = untouched ? -1 : tape.distance(length)
    this.#members.push({ part, untouched, first, last: tape.length, distance })
    if (distance >= 0) this.#room = Math.max(this.#room, this.#size + distance + length)
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
    this.#size = this.#room = 0
  }

  #write(): Uint8Array {
    const size = this.#size
    const out = this.#buffers.take(Math.max(size, this.#room))
    let pos = 0
    for (const { part, untouched, first, last, distance } of this.#members) {
      const { bytes } = part.payload
      if (untouched) pos = copyBytes(out, pos, bytes, 0, bytes.length)
      else if (distance < 0) pos = tape.write(first, last, bytes, part.edits, out, pos)
      else {
        const at = pos + distance
        out.set(bytes, at)
        pos = tape.move(first, last, at, part.edits, out, pos)
      }
    }
    if (pos !== size) throw new Error(`encoded ${pos} bytes where ${size} were laid out`)
    return out.length === size ? out : out.subarray(0, size)
  }
}
