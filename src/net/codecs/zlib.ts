/** gzip, zlib and deflate on `node:zlib`: on the loop while bodies are small, on the thread pool when they are not. */
import {
  deflate,
  deflateSync,
  gunzip,
  gunzipSync,
  gzip,
  gzipSync,
  inflate,
  inflateRaw,
  inflateRawSync,
  inflateSync,
  type ZlibOptions,
} from 'node:zlib'
import { type Codec, type CodecFault, corrupt, type Inflated, tooLarge } from './codec.ts'
import { createInflater, NO_ROOM, type ZlibFormat, type ZlibInflater } from './zlib-inflater.ts'

/**
 * Above this much output the thread pool takes over, so that the loop is not held for longer than about 0.7 ms.
 * Below it is not worth while: 220 KB inflate in 145 µs of CPU here and in 295 by way of the pool.
 */
export const MAX_SYNC_OUTPUT = 1 << 20

/** Deflating is slower by half an order. */
const MAX_SYNC_INPUT = 64 * 1024

/** Level 1 packs OTLP 6.3:1 at 2.4 times the speed of level 6, which packs it 6.9:1. */
const DEFAULT_LEVEL = 1

type Sync = (input: Uint8Array, options: ZlibOptions) => Buffer
type Async = (
  input: Uint8Array,
  options: ZlibOptions,
  done: (error: Error | null, output: Buffer) => void,
) => void

const inflaters = new Map<ZlibFormat, ZlibInflater | undefined>()

/** Undefined on a Node whose zlib cannot be driven so. Made when first asked for. */
function inflaterOf(format: ZlibFormat): ZlibInflater | undefined {
  if (!inflaters.has(format)) inflaters.set(format, createInflater(format))
  return inflaters.get(format)
}

function inflateWith(
  format: ZlibFormat,
  input: Uint8Array,
  output: Uint8Array,
  explain: (error: Error) => string,
): number | CodecFault {
  const result = inflaterOf(format)!.inflate(input, output)
  if (typeof result === 'string') return corrupt(explain(new Error(result)))
  return result === NO_ROOM ? tooLarge(output.length) : result
}

const hasInflaters = ['gzip', 'zlib', 'raw'].every(f => inflaterOf(f as ZlibFormat) !== undefined)

export const GZIP: Codec = {
  name: 'node:zlib',
  ...(hasInflaters && {
    inflateInto: (input: Uint8Array, output: Uint8Array) =>
      inflateWith('gzip', input, output, explainGzip),
  }),
  decompress: (input, maxBytes) =>
    run(gunzipSync, gunzip, input, maxBytes, estimateGzip(input), explainGzip),
  estimate: estimateGzip,
  compress: (input, level) => pack(gzipSync, gzip, input, level),
}

export const ZLIB: Codec = {
  name: 'node:zlib',
  ...(hasInflaters && {
    inflateInto: (input: Uint8Array, output: Uint8Array) =>
      inflateWith('zlib', input, output, explainZlib),
  }),
  decompress: (input, maxBytes) =>
    run(inflateSync, inflate, input, maxBytes, guess(input), explainZlib),
  estimate: guess,
  compress: (input, level) => pack(deflateSync, deflate, input, level),
}

/** "deflate" means the zlib format; some clients send the raw stream, which has no header. */
export const DEFLATE: Codec = {
  name: 'node:zlib',
  ...(hasInflaters && {
    inflateInto: (input: Uint8Array, output: Uint8Array) =>
      inflateWith(hasZlibHeader(input) ? 'zlib' : 'raw', input, output, explainZlib),
  }),
  decompress: (input, maxBytes) =>
    hasZlibHeader(input)
      ? ZLIB.decompress(input, maxBytes)
      : run(inflateRawSync, inflateRaw, input, maxBytes, guess(input), explainZlib),
  estimate: guess,
  compress: ZLIB.compress,
}

function hasZlibHeader(input: Uint8Array): boolean {
  return input.length >= 2 && (input[0] & 0x0f) === 8 && ((input[0] << 8) | input[1]) % 31 === 0
}

/** The last four bytes of a gzip member are the length of its content modulo 2^32. */
function estimateGzip(input: Uint8Array): number {
  const n = input.length
  if (n < 18) return 64
  const claimed =
    (input[n - 4] | (input[n - 3] << 8) | (input[n - 2] << 16) | (input[n - 1] << 24)) >>> 0
  // Deflate cannot pack better than 1032:1.
  return Math.min(Math.max(claimed, 64), n * 1032)
}

function guess(input: Uint8Array): number {
  return Math.max(input.length * 10, 1024)
}

function run(
  sync: Sync,
  async: Async,
  input: Uint8Array,
  maxBytes: number,
  estimate: number,
  explain: (error: Error) => string,
): Inflated | Promise<Inflated> {
  // One byte more than expected: a full buffer makes zlib ask for another one. What a liar's estimate saves in memory
  // it would cost in calls, so there is a least size.
  const least = input.length < 1024 ? 4096 : 16 * 1024
  const chunkSize = Math.max(least, Math.min(estimate, maxBytes, 8 << 20) + 1)
  const options = { maxOutputLength: Math.max(maxBytes, 1), chunkSize }
  if (chunkSize > MAX_SYNC_OUTPUT) {
    return new Promise(resolve => {
      async(input, options, (error, output) =>
        resolve(error === null ? output : faultOf(error, maxBytes, explain)),
      )
    })
  }
  try {
    return sync(input, options)
  } catch (error) {
    return faultOf(error as Error, maxBytes, explain)
  }
}

function faultOf(error: Error, maxBytes: number, explain: (error: Error) => string): Inflated {
  if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(maxBytes)
  return corrupt(explain(error))
}

function explainGzip(error: Error): string {
  switch (error.message) {
    case 'incorrect header check':
    case 'unknown compression method':
    case 'unknown header flags set':
    case 'header crc mismatch':
      return 'gzip: invalid header'
    case 'incorrect data check':
    case 'incorrect length check':
      return 'gzip: invalid checksum'
    case 'unexpected end of file':
      return 'gzip: unexpected EOF'
    default:
      return `gzip: ${error.message}`
  }
}

function explainZlib(error: Error): string {
  return error.message === 'incorrect header check'
    ? 'zlib: invalid header'
    : `zlib: ${error.message}`
}

function pack(
  sync: Sync,
  async: Async,
  input: Uint8Array,
  level: number,
): Uint8Array | Promise<Uint8Array> {
  // OTLP packs at least 6:1; what does not fit costs another chunk and a copy.
  const chunkSize = Math.max(16 * 1024, Math.min(input.length >>> 3, 1 << 20))
  // memLevel 9: a tenth less CPU at level 1 for 128 KiB more of working memory, and the output is no larger.
  const options = { level: level === 0 ? DEFAULT_LEVEL : level, chunkSize, memLevel: 9 }
  if (input.length <= MAX_SYNC_INPUT) return sync(input, options)
  return new Promise((resolve, reject) => {
    async(input, options, (error, output) => (error === null ? resolve(output) : reject(error)))
  })
}
