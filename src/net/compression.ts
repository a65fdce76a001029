/**
 * Content encodings by name, for receivers and exporters alike. Inflating is bounded while it goes on: no call ever
 * produces more than it was allowed. Optional codecs are loaded when first asked for.
 */
import type { Codec, CodecFault, Inflated } from './codecs/codec.ts'
import { loadLz4 } from './codecs/lz4.ts'
import { loadSnappy } from './codecs/snappy.ts'
import { DEFLATE, GZIP, MAX_SYNC_OUTPUT, ZLIB } from './codecs/zlib.ts'
import { loadZstd } from './codecs/zstd.ts'

export { type CodecFault, type Inflated, isCodecFault } from './codecs/codec.ts'

/**
 * `snappy` is the block format when writing; reading it takes the framed one as well. gRPC peers written in Go
 * want the framed one under the name "snappy": write `x-snappy-framed` there.
 */
export type Encoding = 'gzip' | 'zstd' | 'deflate' | 'zlib' | 'snappy' | 'x-snappy-framed' | 'lz4'

export const ENCODINGS: readonly Encoding[] = [
  'gzip',
  'zstd',
  'zlib',
  'snappy',
  'deflate',
  'lz4',
  'x-snappy-framed',
]

/** null: tried, and not there. */
const loaded = new Map<Encoding, Codec | null>([
  ['gzip', GZIP],
  ['zlib', ZLIB],
  ['deflate', DEFLATE],
])

let snappy: ReturnType<typeof loadSnappy> | undefined

/** Loads the codec of an encoding, so that later calls are synchronous; undefined where there is none. */
export async function loadCodec(encoding: Encoding): Promise<Codec | undefined> {
  const known = loaded.get(encoding)
  if (known !== undefined) return known ?? undefined
  const codec = await load(encoding)
  loaded.set(encoding, codec ?? null)
  return codec
}

async function load(encoding: Encoding): Promise<Codec | undefined> {
  if (encoding === 'zstd') return loadZstd()
  if (encoding === 'lz4') return loadLz4()
  snappy ??= loadSnappy()
  return encoding === 'snappy' ? (await snappy)?.block : (await snappy)?.framed
}

export function isEncoding(text: string): text is Encoding {
  return (ENCODINGS as readonly string[]).includes(text)
}

/** `identity`, `none` and the empty text give the bytes back; an unknown name is the fault `unsupported`. */
export function decompress(
  encoding: string,
  bytes: Uint8Array,
  maxBytes: number,
): Inflated | Promise<Inflated> {
  if (encoding === '' || encoding === 'identity' || encoding === 'none') {
    if (bytes.length <= maxBytes) return bytes
    return { fault: 'too_large', message: `holds more than ${maxBytes} bytes` }
  }
  if (!isEncoding(encoding)) return unsupported(encoding)
  const codec = loaded.get(encoding)
  if (codec === undefined) {
    return loadCodec(encoding).then(found =>
      found === undefined ? unsupported(encoding) : found.decompress(bytes, maxBytes),
    )
  }
  return codec === null ? unsupported(encoding) : codec.decompress(bytes, maxBytes)
}

/** Whether `inflateInto` serves for so much output: the codec can, and it is little enough for the loop. */
export function inflatesInto(encoding: Encoding, bytes: number): boolean {
  return bytes <= MAX_SYNC_OUTPUT && loaded.get(encoding)?.inflateInto !== undefined
}

/**
 * Inflates into a buffer of the caller's, which saves making one. Returns the length or a fault; output that fills the
 * buffer counts as too large. Only after `inflatesInto` has said yes.
 */
export function inflateInto(
  encoding: Encoding,
  bytes: Uint8Array,
  output: Uint8Array,
): number | CodecFault {
  return loaded.get(encoding)!.inflateInto!(bytes, output)
}

function unsupported(encoding: string): CodecFault {
  return { fault: 'unsupported', message: `unsupported encoding: ${encoding}` }
}

/**
 * How large the body claims, or is likely, to be after inflating; for reserving memory before the work. Wrong for
 * hostile input, so `maxBytes` of `decompress` is what counts. Call after `loadCodec`.
 */
export function estimateInflated(encoding: Encoding, bytes: Uint8Array): number {
  return loaded.get(encoding)?.estimate(bytes) ?? bytes.length * 10
}

/**
 * Compresses the concatenation of `chunks`, which hold `byteLength` bytes. `level` 0 is the codec's default.
 * Rejects for an encoding that is not there: ask `loadCodec` when starting.
 */
export function compress(
  encoding: string,
  chunks: readonly Uint8Array[],
  byteLength: number,
  level = 0,
): Uint8Array | Promise<Uint8Array> {
  const plain = encoding === '' || encoding === 'identity' || encoding === 'none'
  if (chunks.length === 1) return plain ? chunks[0] : compressOne(encoding, chunks[0], level)
  if (plain) return Buffer.concat(chunks, byteLength)
  const scratch = takeScratch(byteLength)
  let at = 0
  for (const chunk of chunks) {
    scratch.set(chunk, at)
    at += chunk.length
  }
  const output = compressOne(encoding, scratch.subarray(0, byteLength), level)
  if (output instanceof Promise) return output.finally(() => giveScratch(scratch))
  giveScratch(scratch)
  return output
}

/** Buffers in which chunks are joined; their content is of no use once it is compressed. */
const scratches: Buffer[] = []
const MAX_SCRATCHES = 2
const MIN_SCRATCH_BYTES = 64 * 1024
const MAX_SCRATCH_BYTES = 8 << 20

/** A buffer of at least so many bytes, for what is compressed soon; to be given back then. */
export function takeScratch(bytes: number): Buffer {
  const fits = scratches.findIndex(scratch => scratch.length >= bytes)
  if (fits >= 0) return scratches.splice(fits, 1)[0]
  return Buffer.allocUnsafeSlow(Math.max(bytes + (bytes >>> 2), MIN_SCRATCH_BYTES))
}

export function giveScratch(scratch: Buffer): void {
  if (scratch.length > MAX_SCRATCH_BYTES) return
  scratches.push(scratch)
  if (scratches.length <= MAX_SCRATCHES) return
  scratches.sort((a, b) => b.length - a.length).pop()
}

function compressOne(
  encoding: string,
  input: Uint8Array,
  level: number,
): Uint8Array | Promise<Uint8Array> {
  const codec = isEncoding(encoding) ? loaded.get(encoding) : null
  if (codec?.compress !== undefined) return codec.compress(input, level)
  return compressAfterLoading(encoding, input, level)
}

async function compressAfterLoading(
  encoding: string,
  input: Uint8Array,
  level: number,
): Promise<Uint8Array> {
  const codec = isEncoding(encoding) ? await loadCodec(encoding) : undefined
  if (codec?.compress === undefined) throw new Error(`no codec writes ${encoding} here`)
  return codec.compress(input, level)
}

/** Packages that may be absent; every other codec is there, if need be in WebAssembly. */
const PACKAGES: Partial<Readonly<Record<Encoding, string>>> = {
  snappy: 'snappy',
  'x-snappy-framed': 'snappy',
  lz4: 'lz4-napi',
}

/** Encodings whose codec is installed, without loading it: natives cost memory that most processes never need. */
export function installedEncodings(): Encoding[] {
  return ENCODINGS.filter(encoding => {
    const specifier = PACKAGES[encoding]
    if (specifier === undefined) return true
    try {
      import.meta.resolve(specifier)
      return true
    } catch {
      return false
    }
  })
}

export interface EncodingStatus {
  readonly encoding: Encoding
  /** The implementation in use; undefined where there is none. */
  readonly codec: string | undefined
}

/** Every encoding and what serves it, for status output. Loads what is not loaded yet. */
export async function supportedEncodings(): Promise<EncodingStatus[]> {
  return Promise.all(
    ENCODINGS.map(async encoding => ({ encoding, codec: (await loadCodec(encoding))?.name })),
  )
}
