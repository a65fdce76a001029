/**
 * Sends encoded batches to an OTLP backend over gRPC, and reads what its answers mean for the data. It stands here and not
 * with `otlp_grpc` because `loadbalancing` sends by it too.
 */
import type { Host, Services } from '../../core/component.ts'
import { GRPC_EXPORT_PATH, type Signal } from '../../core/signal.ts'
import { decompress, isCodecFault } from '../../net/compression.ts'
import type { GrpcReply } from '../../net/grpc-client.ts'
import { decodeExportResponse, isResponseFault, MAX_RESPONSE_BYTES } from '../../otlp/responses.ts'
import type { Abort } from '../../util/abort.ts'
import { GrpcDestination, type GrpcDestinationConfig, isGrpcReply } from './grpc-destination.ts'
import type { EncodedBatch, Sender, SendResult } from './sender.ts'

/** What `otlp_grpc` is configured with, without what `sending/` answers for itself. */
export type OtlpGrpcSenderConfig = GrpcDestinationConfig

export class OtlpGrpcSender implements Sender {
  readonly #destination: GrpcDestination

  /** `address` is where to connect instead of looking the host up. */
  constructor(config: OtlpGrpcSenderConfig, services: Services, address: string | null = null) {
    this.#destination = new GrpcDestination(config, services, address)
  }

  async start(host: Host): Promise<void> {
    await this.#destination.start(host)
  }

  async send(encoded: EncodedBatch, abort: Abort): Promise<SendResult> {
    const { signal, batch, chunks, byteLength } = encoded
    const call = { path: GRPC_EXPORT_PATH[signal], chunks, byteLength }
    const answer = await this.#destination.call(batch, call, abort)
    return isGrpcReply(answer) ? readSuccess(signal, answer) : answer
  }

  hurry(): void {
    this.#destination.hurry()
  }

  async stop(): Promise<void> {
    await this.#destination.stop()
  }
}

async function readSuccess(signal: Signal, reply: GrpcReply): Promise<SendResult> {
  if (reply.body === null) return { kind: 'sent' }
  const body = await decompress(reply.bodyEncoding, reply.body, MAX_RESPONSE_BYTES)
  if (isCodecFault(body)) return unreadable(body.message)
  const partial = decodeExportResponse(signal, body, 'proto')
  if (partial === null) return { kind: 'sent' }
  if (isResponseFault(partial)) return unreadable(partial.fault)
  return { kind: 'sent', rejected: partial.rejected, message: partial.message }
}

/** The status said that the data was taken; what else it wanted to say is lost. */
function unreadable(why: string): SendResult {
  return { kind: 'sent', message: `the response cannot be read: ${why}` }
}
