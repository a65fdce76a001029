/** Sends spans as Jaeger's protobuf by `jaeger.api_v2.CollectorService/PostSpans`: one request for each resource. */
import type { Host, Services } from '../../core/component.ts'
import { flatten } from '../../otlp/encode.ts'
import { writeJaegerPosts } from '../../translate/jaeger/write.ts'
import type { Abort } from '../../util/abort.ts'
import { GrpcDestination, isGrpcReply } from '../sending/grpc-destination.ts'
import { NO_IDS } from '../sending/ids-apart.ts'
import { PieceSender } from '../sending/pieces.ts'
import type { Place } from '../sending/pool/place.ts'
import type { EncodedBatch, Sender, SendResult } from '../sending/sender.ts'
import type { JaegerConfig } from './config.ts'
import { PostMessage } from './post-message.ts'

const PATH = '/jaeger.api_v2.CollectorService/PostSpans'

/** What Jaeger reads unless `collector.grpc-server.max-message-size` says otherwise. */
const MAX_MESSAGE_BYTES = 4 << 20

export function createJaegerPieces({ max_request_bytes }: JaegerConfig): PieceSender {
  return new PieceSender(max_request_bytes || MAX_MESSAGE_BYTES)
}

export class JaegerSender implements Sender {
  readonly #destination: GrpcDestination
  readonly #pieces: PieceSender

  /** `pieces` is shared by all endpoints: what one has taken is not sent to another. */
  constructor(config: JaegerConfig, place: Place, services: Services, pieces: PieceSender) {
    const { endpoint, address } = place
    this.#destination = new GrpcDestination({ ...config, endpoint }, services, address)
    this.#pieces = pieces
  }

  async start(host: Host): Promise<void> {
    await this.#destination.start(host)
  }

  async send(encoded: EncodedBatch, abort: Abort): Promise<SendResult> {
    const { batch, chunks, byteLength } = encoded
    const { posts, refused } = writeJaegerPosts(flatten({ chunks: [...chunks], byteLength }))
    const messages = posts.map(post => new PostMessage(post))
    return await this.#pieces.send(batch, { messages, refused, refusal: NO_IDS }, async request => {
      const answer = await this.#destination.call(batch, { path: PATH, ...request }, abort)
      return isGrpcReply(answer) ? { kind: 'sent' } : answer
    })
  }

  hurry(): void {
    this.#destination.hurry()
  }

  async stop(): Promise<void> {
    await this.#destination.stop()
  }
}
