/** One gRPC server that exporters send to: connections, credentials, compression, and what its failures mean for the data. */
import type { Batch } from '../../core/batch.ts'
import type { Host, Services } from '../../core/component.ts'
import { MillraceError } from '../../errors.ts'
import { compress, loadCodec } from '../../net/compression.ts'
import { GrpcClient, type GrpcReply, type KeepaliveOptions } from '../../net/grpc-client.ts'
import { type GrpcTarget, parseGrpcTarget } from '../../net/grpc-client-target.ts'
import { decodeStatus } from '../../net/rpc-status.ts'
import { GRPC, grpcCodeName, isRetryableGrpc } from '../../net/status.ts'
import { type ClientTls, clientTls } from '../../net/tls.ts'
import { MAX_RESPONSE_BYTES } from '../../otlp/responses.ts'
import type { Abort } from '../../util/abort.ts'
import { VERSION } from '../../util/version.ts'
import { type AuthHeaders, ClientAuth, hasHeaders } from './client-auth.ts'
import type { OtlpGrpcFields } from './otlp-grpc-config.ts'
import type { SendResult } from './sender.ts'

const DEFAULT_KEEPALIVE = { time: 10_000, timeout: 10_000, permit_without_stream: false }

/** Below this a request is smaller on the wire without compression, or nearly so. */
const MIN_COMPRESS_BYTES = 64

/** How servers say that a message is over their limit; gRPC has no code of its own for it. */
const TOO_LARGE = /larger than max|exceeds maximum size|message length too large|message too large/i

const REASONS: Readonly<Record<number, string>> = {
  [GRPC.INVALID_ARGUMENT]: 'bad_data',
  [GRPC.UNAUTHENTICATED]: 'unauthenticated',
  [GRPC.PERMISSION_DENIED]: 'permission_denied',
  [GRPC.UNIMPLEMENTED]: 'unimplemented',
}

export type GrpcDestinationConfig = OtlpGrpcFields & { readonly endpoint: string }

export interface GrpcCall {
  readonly path: string
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
}

export class GrpcDestination {
  readonly #config: GrpcDestinationConfig
  readonly #services: Services
  readonly #address: string | null
  readonly #target: GrpcTarget
  /** Of the codec, and as gRPC peers know it; empty = none. */
  readonly #codec: string
  readonly #encoding: string
  readonly #level: number
  #auth: ClientAuth | null = null
  #tls: ClientTls | null = null
  #client: GrpcClient | null = null

  /** `address` is where to connect instead of looking the host up. */
  constructor(config: GrpcDestinationConfig, services: Services, address: string | null = null) {
    this.#config = config
    this.#address = address
    this.#services = services
    const target = parseGrpcTarget(config.endpoint)
    if (typeof target === 'string') throw new MillraceError('MILLRACE_START_FAILED', target)
    this.#target = target
    this.#encoding = config.compression === 'none' ? '' : config.compression
    // What grpc-go peers call snappy is its framed format.
    this.#codec = this.#encoding === 'snappy' ? 'x-snappy-framed' : this.#encoding
    this.#level = config.compression_params?.level ?? 0
  }

  async start(host: Host): Promise<void> {
    const { tls, auth } = this.#config
    if (auth !== undefined) this.#auth = new ClientAuth(auth.authenticator, host)
    await this.#requireCodec()
    const isPlain =
      this.#target.scheme === 'http' || (this.#target.scheme !== 'https' && tls?.insecure)
    if (!isPlain) this.#tls = await clientTls(tls ?? {}, this.#services)
    else if (auth !== undefined && this.#target.path === null) {
      this.#services.log.warn('credentials_sent_without_tls', { endpoint: this.#config.endpoint })
    }
    const address = this.#address
    this.#client = new GrpcClient({
      target: this.#target,
      lookup: address === null ? undefined : async () => [address],
      clock: this.#services.clock,
      balancer: this.#config.balancer_name,
      keepalive: this.#keepalive(),
      tls: this.#tls === null ? null : () => this.#tls!.connectOptions(),
      authority: this.#config.authority,
      userAgent: `millrace/${VERSION}`,
      metadata: this.#metadata(),
      waitForReady: this.#config.wait_for_ready,
      connectionsPerAddress: this.#config.connections_per_address,
      maxResponseBytes: MAX_RESPONSE_BYTES,
    })
  }

  /** The server's reply when it says OK, else what is to become of the data. Never rejects. */
  async call(batch: Batch, call: GrpcCall, abort: Abort): Promise<GrpcReply | SendResult> {
    let { chunks, byteLength } = call
    let metadata: AuthHeaders | null = null
    if (this.#auth !== null) {
      const shown = await this.#auth.headers(batch)
      if (!hasHeaders(shown)) return { kind: 'retry', message: shown.message, isOurs: true }
      metadata = shown
    }
    const encoding = byteLength < MIN_COMPRESS_BYTES ? '' : this.#encoding
    if (encoding !== '') {
      const packed = await compress(this.#codec, chunks, byteLength, this.#level)
      chunks = [packed]
      byteLength = packed.length
    }
    const reply = await this.#client!.unary({
      path: call.path,
      chunks,
      byteLength,
      encoding,
      metadata,
      timeoutMs: this.#config.timeout,
      abort,
    })
    if (!reply.chunksFree && encoding === '') batch.taint()
    if (reply.code === GRPC.OK) return reply
    const isRenewed = reply.code === GRPC.UNAUTHENTICATED && this.#auth?.rejected() === true
    return isRenewed ? { kind: 'retry', message: reply.message, isOurs: true } : readFailure(reply)
  }

  hurry(): void {
    this.#client?.hurry()
  }

  async stop(): Promise<void> {
    this.#client?.close()
    this.#tls?.stop()
  }

  async #requireCodec(): Promise<void> {
    if (this.#codec === '') return
    const codec = await loadCodec(this.#codec as Parameters<typeof loadCodec>[0])
    if (codec?.compress !== undefined) return
    const message = `compression ${this.#encoding} is not available here; choose gzip or none.`
    throw new MillraceError('MILLRACE_START_FAILED', message)
  }

  #keepalive(): KeepaliveOptions {
    const { time, timeout, permit_without_stream } = this.#config.keepalive ?? DEFAULT_KEEPALIVE
    return { timeMs: time, timeoutMs: timeout, withoutCalls: permit_without_stream }
  }

  /** Names that HTTP/2 cannot carry are accepted in configurations, as upstream does, and left out here. */
  #metadata(): Record<string, string> {
    const metadata: Record<string, string> = {}
    for (const [name, value] of Object.entries(this.#config.headers)) {
      const key = name.toLowerCase()
      const isSendable = /^[0-9a-z_.-]+$/.test(key) && !key.startsWith('grpc-')
      if (isSendable) metadata[key] = value.reveal()
      else this.#services.log.warn('header_cannot_be_sent', { header: name })
    }
    return metadata
  }
}

export function isGrpcReply(answer: GrpcReply | SendResult): answer is GrpcReply {
  return 'code' in answer
}

function readFailure(reply: GrpcReply): SendResult {
  const { code } = reply
  const message = `${grpcCodeName(code)}: ${reply.message}`
  if (reply.oversize) return { kind: 'drop', reason: 'response_too_large', message }
  const status = reply.details === null ? undefined : decodeStatus(reply.details)
  const afterMs = status?.retryDelayMs
  const mayBeSize = code === GRPC.RESOURCE_EXHAUSTED || code === GRPC.OUT_OF_RANGE
  if (mayBeSize && afterMs === undefined && TOO_LARGE.test(reply.message)) {
    return { kind: 'drop', reason: 'too_large', message }
  }
  if (isRetryableGrpc(code)) return { kind: 'retry', afterMs, message }
  return { kind: 'drop', reason: REASONS[code] ?? 'rejected', message }
}
