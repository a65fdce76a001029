/**
 * What stands beside the request in a letter's record. With a checksum of its own: lists are made without reading the
 * requests.
 *
 * ```
 * crc of the text u32 | JSON: exporter, signal, reason, message, services, traceIds, peer, metadata
 * ```
 */
import { crc32 } from 'node:zlib'
import type { RequestContext } from '../../core/batch.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import type { RequestContents } from './contents.ts'

/** What destinations say is cut to it. */
export const MAX_MESSAGE_CHARS = 2000
/** Longest meta that is believed; far above what a request's metadata may take. */
export const MAX_META_BYTES = 4 << 20

const CRC_BYTES = 4

export interface LetterMeta extends RequestContents {
  readonly exporter: string
  readonly signal: Signal
  readonly reason: string
  readonly message: string
  readonly context: RequestContext
}

export function encodeMeta(meta: LetterMeta): Buffer {
  const { context, ...rest } = meta
  const text = JSON.stringify({
    ...rest,
    message: rest.message.slice(0, MAX_MESSAGE_CHARS),
    peer: context.peer,
    metadata: [...context.metadata],
  })
  const out = Buffer.allocUnsafe(CRC_BYTES + Buffer.byteLength(text))
  out.write(text, CRC_BYTES)
  out.writeUInt32LE(crc32(out.subarray(CRC_BYTES)), 0)
  return out
}

/** Null for what `encodeMeta` did not write. */
export function decodeMeta(bytes: Buffer): LetterMeta | null {
  if (bytes.length < CRC_BYTES) return null
  const text = bytes.subarray(CRC_BYTES)
  if (crc32(text) !== bytes.readUInt32LE(0)) return null
  try {
    return fromJson(JSON.parse(text.toString('utf8')))
  } catch {
    return null
  }
}

function fromJson(json: Readonly<Record<string, unknown>>): LetterMeta | null {
  const { exporter, signal, reason, message, services, traceIds, peer, metadata } = json
  if (!SIGNALS.includes(signal as Signal)) return null
  return {
    exporter: String(exporter),
    signal: signal as Signal,
    reason: String(reason),
    message: String(message),
    services: textsOf(services),
    traceIds: textsOf(traceIds),
    context: {
      peer: String(peer),
      metadata: new Map(metadata as Iterable<[string, readonly string[]]>),
    },
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
