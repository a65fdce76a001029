/** From a body as it came to a request in protobuf: inflating and reading JSON, with every byte reserved beforehand. */
import type { Signal } from '../../core/signal.ts'
import {
  type CodecFault,
  decompress,
  type Encoding,
  estimateInflated,
  type Inflated,
  inflateInto,
  inflatesInto,
  isCodecFault,
} from '../../net/compression.ts'
import { GRPC, type RpcStatus } from '../../net/status.ts'
import { decodeJson } from '../../otlp/json/decode.ts'
import { isJsonFault } from '../../otlp/json/fault.ts'
import { noteReceivedBytes } from '../../util/young-collector.ts'
import type { ReservedRoom } from './room.ts'

/** Less is not worth a second attempt. */
const LEAST_ROOM_BYTES = 4096
const GROWTH = 4

/** Why a body cannot be read, for which this much was made or looked at in vain. */
export interface Unreadable extends RpcStatus {
  readonly workBytes: number
}

export type Unpacked = Uint8Array | RpcStatus | Unreadable

export function isStatus(x: object): x is RpcStatus {
  return 'code' in x
}

/**
 * The inflated body, reserved in place of `body`, which is given back in any case. Inflates into as much room as the
 * body claims to need; if it turns out to need more, reserves more and begins again, up to `maxBytes`.
 */
export function inflate(
  room: ReservedRoom,
  encoding: Encoding,
  body: Uint8Array,
  maxBytes: number,
): Unpacked | Promise<Unpacked> {
  const estimate = Math.max(estimateInflated(encoding, body), LEAST_ROOM_BYTES)
  return attempt(room, encoding, body, Math.min(estimate, maxBytes), maxBytes)
}

function attempt(
  room: ReservedRoom,
  encoding: Encoding,
  body: Uint8Array,
  bytes: number,
  maxBytes: number,
): Unpacked | Promise<Unpacked> {
  const pooled = inflatePooled(room, encoding, body, bytes, maxBytes)
  if (pooled !== undefined) return pooled
  if (!room.memory.tryReserve(bytes)) {
    room.giveBack(body)
    return room.busy()
  }
  const output = decompress(encoding, body, bytes)
  return output instanceof Promise
    ? output.then(settled => settle(room, encoding, body, bytes, maxBytes, settled))
    : settle(room, encoding, body, bytes, maxBytes, output)
}

/** Into a buffer that is used again, where the codec can; undefined where it cannot. */
function inflatePooled(
  room: ReservedRoom,
  encoding: Encoding,
  body: Uint8Array,
  bytes: number,
  maxBytes: number,
): Unpacked | Promise<Unpacked> | undefined {
  if (!inflatesInto(encoding, bytes)) return undefined
  // One byte more, by which output that just fits is told from output that does not.
  const output = room.reserve(bytes + 1)
  if (isStatus(output)) {
    room.giveBack(body)
    return output
  }
  const length = inflateInto(encoding, body, output)
  if (typeof length === 'number') {
    room.giveBack(body)
    return room.fit(output, length)
  }
  room.giveBack(output)
  if (length.fault === 'too_large' && bytes < maxBytes) {
    return attempt(room, encoding, body, Math.min(bytes * GROWTH, maxBytes), maxBytes)
  }
  room.giveBack(body)
  return codecStatus(length, bytes)
}

function settle(
  room: ReservedRoom,
  encoding: Encoding,
  body: Uint8Array,
  bytes: number,
  maxBytes: number,
  output: Inflated,
): Unpacked | Promise<Unpacked> {
  if (!isCodecFault(output)) {
    noteReceivedBytes(output.length)
    room.memory.free(bytes - output.length)
    room.giveBack(body)
    return output
  }
  room.memory.free(bytes)
  if (output.fault === 'too_large' && bytes < maxBytes) {
    return attempt(room, encoding, body, Math.min(bytes * GROWTH, maxBytes), maxBytes)
  }
  room.giveBack(body)
  return codecStatus(output, bytes)
}

function codecStatus({ fault, message }: CodecFault, workBytes: number): Unreadable {
  if (fault === 'corrupt') return { code: GRPC.INVALID_ARGUMENT, message, workBytes }
  if (fault === 'unsupported') return { code: GRPC.UNIMPLEMENTED, http: 400, message, workBytes: 0 }
  const what = `the request body ${message}`
  return { code: GRPC.RESOURCE_EXHAUSTED, http: 413, message: what, workBytes }
}

/** The request in protobuf, reserved in place of `text`, which is given back in any case. */
export function readJson(room: ReservedRoom, signal: Signal, text: Uint8Array): Unpacked {
  const { memory } = room
  const textBytes = text.length
  // Protobuf is hardly ever longer than its JSON.
  if (!memory.tryReserve(textBytes)) {
    room.giveBack(text)
    return room.busy()
  }
  const request = decodeJson(signal, text)
  room.giveBack(text)
  if (isJsonFault(request)) {
    memory.free(textBytes)
    return {
      code: GRPC.INVALID_ARGUMENT,
      message: `The request is not valid OTLP/JSON: ${request.message} (byte ${request.offset}).`,
      violations: [{ field: `byte ${request.offset}`, description: request.message }],
      workBytes: textBytes,
    }
  }
  const more = request.length - textBytes
  if (more <= 0) memory.free(-more)
  else if (!memory.tryReserve(more)) {
    memory.free(textBytes)
    return room.busy()
  }
  return request
}
