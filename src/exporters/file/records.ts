/** Bytes of one record: a line of OTLP/JSON, or a request with its length before it. The layouts are upstream's. */
import type { Batch } from '../../core/batch.ts'
import { compress } from '../../net/compression.ts'
import { type Encoded, encodeParts, flatten } from '../../otlp/encode.ts'
import { encodeJson } from '../../otlp/json/encode.ts'
import type { FileConfig } from './config.ts'

/** Throws or rejects only for faults of ours. */
export type EncodeRecord = (batch: Batch) => Promise<Encoded>

const NEWLINE = Buffer.from('\n')

/**
 * ```
 * json           {"resourceSpans":[...]} \n
 * proto          [length, 4 bytes, big-endian] [request]
 * any with zstd  [length, 4 bytes, big-endian] [zstd frame of the text or request]
 * ```
 */
export function createRecordEncoder(config: FileConfig): EncodeRecord {
  const { format, compression, compression_params } = config
  const encode = format === 'json' ? jsonRequest : protoRequest
  if (compression === 'zstd') {
    const level = compression_params?.level ?? 0
    return async batch => {
      const { chunks, byteLength } = encode(batch)
      const packed = await compress('zstd', chunks, byteLength, level)
      return withLength({ chunks: [packed], byteLength: packed.length })
    }
  }
  if (format === 'proto') return async batch => withLength(protoRequest(batch))
  return async batch => {
    const { chunks, byteLength } = jsonRequest(batch)
    return { chunks: [...chunks, NEWLINE], byteLength: byteLength + NEWLINE.length }
  }
}

function jsonRequest(batch: Batch): Encoded {
  const text = encodeJson(batch.signal, flatten(encodeParts(batch.parts)))
  return { chunks: [text], byteLength: text.length }
}

function protoRequest(batch: Batch): Encoded {
  return encodeParts(batch.parts)
}

function withLength({ chunks, byteLength }: Encoded): Encoded {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(byteLength)
  return { chunks: [length, ...chunks], byteLength: byteLength + length.length }
}
