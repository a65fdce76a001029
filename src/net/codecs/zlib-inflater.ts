/**
 * Inflates into a buffer of the caller's, with one zlib state that is used again. Node's own functions make a state and
 * an output buffer for each call; at hundreds of megabytes a second the garbage of that costs a third of the CPU.
 *
 * This reaches behind `zlib.createGunzip()` to the handle that its own synchronous functions drive. That is not
 * documented, so it is tried out once when it is made; where it does not do exactly what is expected, it is not used.
 */
import {
  constants,
  createGunzip,
  createInflate,
  createInflateRaw,
  deflateRawSync,
  deflateSync,
  gzipSync,
} from 'node:zlib'

/** What `inflate` answers besides a length. */
export const NO_ROOM = -1

interface Handle {
  reset(): void
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void
  onerror: (message: string) => void
}

interface HandleOwner {
  readonly _handle: Handle
  /** Room that is left in the output, and input that is not used. */
  readonly _writeState: Uint32Array
}

export class ZlibInflater {
  readonly #handle: Handle
  readonly #state: Uint32Array
  #error: string | undefined

  constructor(owner: HandleOwner) {
    this.#handle = owner._handle
    this.#state = owner._writeState
    this.#handle.onerror = message => {
      this.#error = message
    }
  }

  /** Length of the output, NO_ROOM, or zlib's word for what is wrong. A full output counts as NO_ROOM. */
  inflate(input: Uint8Array, output: Uint8Array): number | string {
    this.#error = undefined
    this.#handle.reset()
    this.#handle.writeSync(constants.Z_FINISH, input, 0, input.length, output, 0, output.length)
    if (this.#error !== undefined) return this.#error
    const left = this.#state[0]
    return left === 0 ? NO_ROOM : output.length - left
  }
}

export type ZlibFormat = 'gzip' | 'zlib' | 'raw'

/** Undefined where Node does not work as this file believes. */
export function createInflater(format: ZlibFormat): ZlibInflater | undefined {
  try {
    const inflater = new ZlibInflater(create(format) as unknown as HandleOwner)
    return works(inflater, format) ? inflater : undefined
  } catch {
    return undefined
  }
}

function create(format: ZlibFormat): object {
  if (format === 'gzip') return createGunzip()
  return format === 'zlib' ? createInflate() : createInflateRaw()
}

function works(inflater: ZlibInflater, format: ZlibFormat): boolean {
  const text = Buffer.from('the quick brown fox jumps over the lazy dog, again and again and again')
  const pack = { gzip: gzipSync, zlib: deflateSync, raw: deflateRawSync }[format]
  const packed = pack(text)
  const output = Buffer.alloc(100)
  const good = () =>
    inflater.inflate(packed, output) === text.length && output.subarray(0, text.length).equals(text)
  return (
    good() &&
    inflater.inflate(packed, output.subarray(0, 20)) === NO_ROOM &&
    typeof inflater.inflate(packed.subarray(0, 12), output) === 'string' &&
    typeof inflater.inflate(Buffer.alloc(20, 0xff), output) === 'string' &&
    good()
  )
}
