/**
 * `grpc.health.v1.Health/Check`, which load balancers and gRPC clients ask. `Watch` streams and is not served; clients
 * take its UNIMPLEMENTED as "do not watch" (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
 */
import protobuf from 'protobufjs/minimal.js'
import { decompress, type Inflated, isCodecFault } from '../../net/compression.ts'
import type { UnaryCall, UnaryHandler } from '../../net/grpc-transport.ts'
import { GRPC, type RpcStatus } from '../../net/status.ts'

export const HEALTH_CHECK_PATH = '/grpc.health.v1.Health/Check'

const MAX_BYTES = 4096
const SERVING = Uint8Array.of(0x08, 1)
const NOT_SERVING = Uint8Array.of(0x08, 2)
/** Field 1, length-delimited. */
const SERVICE_TAG = 10

export class HealthCheck implements UnaryHandler {
  readonly #knows: (service: string) => boolean
  readonly #serving: () => boolean

  /** The empty service name, which means the whole server, is always known. */
  constructor(knows: (service: string) => boolean, serving: () => boolean) {
    this.#knows = knows
    this.#serving = serving
  }

  /** Too small to be worth a place in the budget. */
  reserve(bytes: number): Uint8Array | RpcStatus {
    if (bytes <= MAX_BYTES) return Buffer.allocUnsafe(bytes)
    return { code: GRPC.RESOURCE_EXHAUSTED, message: `larger than ${MAX_BYTES} bytes` }
  }

  fit(buffer: Uint8Array, length: number): Uint8Array {
    return buffer.subarray(0, length)
  }

  giveBack(): void {}

  handle(call: UnaryCall, message: Uint8Array): void {
    const request = decompress(call.encoding, message, MAX_BYTES)
    if (request instanceof Promise) void request.then(settled => this.#answer(call, settled))
    else this.#answer(call, request)
  }

  #answer(call: UnaryCall, request: Inflated): void {
    const service = isCodecFault(request) ? undefined : readService(request)
    if (service === undefined) {
      call.fail({ code: GRPC.INVALID_ARGUMENT, message: 'not a HealthCheckRequest' })
    } else if (service !== '' && !this.#knows(service)) {
      call.fail({ code: GRPC.NOT_FOUND, message: 'unknown service' })
    } else call.reply(this.#serving() ? SERVING : NOT_SERVING)
  }
}

function readService(bytes: Uint8Array): string | undefined {
  try {
    const reader = protobuf.Reader.create(bytes)
    let service = ''
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      // `string` does not mind lengths beyond the end; `bytes` does.
      if (tag === SERVICE_TAG) service = Buffer.from(reader.bytes()).toString()
      else reader.skipType(tag & 7)
    }
    return service
  } catch {
    return undefined
  }
}
