/** Generated requests over gRPC, by grpc-js with the bytes as they are. */
import {
  type ChannelOptions,
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { GRPC_EXPORT_PATH, type Signal } from '../../core/signal.ts'
import { countRejected } from './answers.ts'
import type { LoadOptions } from './options.ts'
import type { Answer, Identity, Transport } from './transport.ts'

/** The codes that the OTLP specification calls retryable. */
const BUSY_CODES: ReadonlySet<number> = new Set([
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
  status.OUT_OF_RANGE,
  status.UNAVAILABLE,
  status.DATA_LOSS,
])

export class GrpcTransport implements Transport {
  readonly #clients: readonly Client[]
  readonly #metadata = new Metadata()
  readonly #timeoutMs: number

  constructor(options: LoadOptions, identity: Identity) {
    this.#timeoutMs = options.timeoutMs
    for (const [name, value] of options.headers) this.#metadata.add(name, value)
    const channel = channelCredentials(options, identity)
    this.#clients = Array.from(
      { length: options.connections },
      () => new Client(options.target, channel, channelOptions(options)),
    )
  }

  send(signal: Signal, body: Buffer, connection: number): Promise<Answer> {
    const deadline = Date.now() + this.#timeoutMs
    return new Promise(resolve => {
      this.#clients[connection].makeUnaryRequest(
        GRPC_EXPORT_PATH[signal],
        same,
        same,
        body,
        this.#metadata,
        { deadline },
        (error, response) => resolve(toAnswer(signal, error, response)),
      )
    })
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close()
  }
}

function same(bytes: Buffer): Buffer {
  return bytes
}

function channelCredentials({ tls, skipVerify }: LoadOptions, { ca, cert, key }: Identity) {
  if (!tls) return credentials.createInsecure()
  const verify = skipVerify ? { rejectUnauthorized: false } : {}
  return credentials.createSsl(ca, key, cert, verify)
}

/** A pool of its own gives each client a connection of its own. */
function channelOptions({ compression }: LoadOptions): ChannelOptions {
  const { gzip, identity } = compressionAlgorithms
  return {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.default_compression_algorithm': compression === 'gzip' ? gzip : identity,
  }
}

function toAnswer(signal: Signal, error: ServiceError | null, response?: Buffer): Answer {
  if (error === null) {
    return { kind: 'accepted', rejected: countRejected(signal, response, 'proto') }
  }
  const { code, details } = error
  // grpc-js says UNAVAILABLE too when there was no server to say so.
  const silent = /No connection established|Connection dropped|ECONN|ENOTFOUND/.test(details)
  if (code === status.DEADLINE_EXCEEDED || (code === status.UNAVAILABLE && silent)) {
    return { kind: 'failed', message: details }
  }
  return { kind: 'refused', code: status[code] ?? String(code), busy: BUSY_CODES.has(code) }
}
