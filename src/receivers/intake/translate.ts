/** From a body in another format to a request in protobuf, with the memory that it takes reserved beforehand. */
import { GRPC, type RpcStatus } from '../../net/status.ts'
import { isTranslateFault, type TranslateFault } from '../../translate/fault.ts'
import { noteReceivedBytes } from '../../util/young-collector.ts'
import type { ReservedRoom } from './room.ts'
import type { Unpacked, Unreadable } from './unpack.ts'

/** A format that is not OTLP's. */
export interface ForeignFormat {
  /** For people: `Zipkin v2 JSON`. */
  readonly title: string
  /** An export request in protobuf, or why that cannot be. Never throws. */
  read(bytes: Uint8Array): Uint8Array | TranslateFault
}

/** Readers put spans in one buffer and what they set aside in another, and copy the spans once at the end. */
const WORK_FACTOR = 3

/** The request in protobuf, reserved in place of `body`, which is given back in any case. */
export function translateInPlace(
  room: ReservedRoom,
  format: ForeignFormat,
  body: Uint8Array,
): Unpacked {
  const request = translate(room, format, body)
  room.giveBack(body)
  return request
}

/** The request in protobuf, reserved beside `body`, which stays the caller's. */
export function translate(room: ReservedRoom, format: ForeignFormat, body: Uint8Array): Unpacked {
  const { memory } = room
  const bytes = body.length
  const work = bytes * WORK_FACTOR
  if (!memory.tryReserve(work)) return room.busy()
  const request = format.read(body)
  if (isTranslateFault(request)) {
    memory.free(work)
    return faultStatus(format, request, bytes)
  }
  noteReceivedBytes(request.length)
  if (request.length <= work) memory.free(work - request.length)
  else if (!memory.tryReserve(request.length - work)) {
    memory.free(work)
    return room.busy()
  }
  return request
}

function faultStatus(
  { title }: ForeignFormat,
  { fault, offset, message }: TranslateFault,
  workBytes: number,
): RpcStatus | Unreadable {
  const text = `The request is not valid ${title}: ${message} (byte ${offset}).`
  if (fault === 'too_large') return { code: GRPC.RESOURCE_EXHAUSTED, http: 413, message: text }
  const violations = [{ field: `byte ${offset}`, description: message }]
  return { code: GRPC.INVALID_ARGUMENT, message: text, violations, workBytes }
}
