/**
 * What a gRPC server offers to those who serve calls, and asks of them. Apart from `grpc-server.ts`, so that another
 * HTTP/2 implementation can take its place. Unary calls only: one message in, one message out.
 */
import type { ListenOptions } from 'node:net'
import type { RequestContext } from '../core/batch.ts'
import type { Clock } from '../core/clock.ts'
import type { Admitted, RequestHead } from './admission.ts'
import type { Room } from './body-buffer.ts'
import type { Encoding } from './compression.ts'
import type { GuestLimits } from './guests.ts'
import type { RpcStatus } from './status.ts'
import type { ServerTls } from './tls.ts'

/** One call whose message has come in whole. Answered exactly once, by `reply` or `fail`, at any later time. */
export interface UnaryCall extends RequestHead {
  /** What the handler's `admit` answered; null without it. */
  readonly admitted: Admitted | null
  /** How the message is compressed; empty if it is not. */
  readonly encoding: Encoding | ''
  /** Of the connection: the peer, and no metadata. Shared by its calls. */
  readonly context: RequestContext
  /** Read anew at each call of it; `-bin` values decoded. */
  metadata(): ReadonlyMap<string, readonly string[]>
  /** `null` is the empty message. Without effect when the client has gone. */
  reply(message: Uint8Array | null): void
  fail(status: RpcStatus): void
}

/** Serves one method. No function of it throws. */
export interface UnaryHandler extends Room {
  /**
   * Asked when the head of a call is there and nothing of its message was kept: where its room comes from, or what to
   * answer at once. Absent lets every call in, and the room is the handler's.
   */
  readonly admit?: ((call: UnaryCall) => Admitted | RpcStatus) | undefined
  /** The message is the handler's from now on. */
  handle(call: UnaryCall, message: Uint8Array): void
}

/** Why a connection was cut, or a call on it. */
export type CutReason =
  | 'rapid_reset' // opens calls and cancels them
  | 'settings_flood'
  | 'ping_flood' // against the enforcement policy
  | 'no_preface' // connected and said nothing
  | 'too_many_connections' // one more than there is room for, or one that made room
  | 'slow_body' // the message does not come, or drop by drop
  | 'response_timeout' // does not read its answer
  | 'keepalive' // did not answer our ping
  | 'flood' // frames that carry nothing, endless headers, answers that are not read
  | 'protocol_error' // not HTTP/2, or broken HTTP/2

export const CUT_REASONS: readonly CutReason[] = [
  'rapid_reset',
  'settings_flood',
  'ping_flood',
  'no_preface',
  'too_many_connections',
  'slow_body',
  'response_timeout',
  'keepalive',
  'flood',
  'protocol_error',
]

/** Times in milliseconds; 0 means never, unless another meaning is given. */
export interface GrpcServerOptions {
  readonly listen: ListenOptions
  readonly tls: ServerTls | undefined
  /** Encodings that a message may come in, besides none. */
  readonly encodings: readonly Encoding[]
  /** Absent: as many as come. */
  readonly guests?: GuestLimits
  readonly maxMessageBytes: number
  readonly maxConcurrentStreams: number
  readonly maxConnectionIdleMs: number
  readonly maxConnectionAgeMs: number
  /** 0: calls may take as long as they like. */
  readonly maxConnectionAgeGraceMs: number
  readonly pingAfterMs: number
  readonly pingTimeoutMs: number
  /** Least time between pings of a client. */
  readonly minClientPingMs: number
  readonly permitPingWithoutStream: boolean
  /** A message may pause for so long; on the whole it must come with at least 4 KiB/s besides. */
  readonly bodyTimeoutMs: number
  /** A client must take its answer within this time. */
  readonly responseTimeoutMs: number
  readonly clock: Clock
  readonly onCut: (reason: CutReason) => void
}

export interface GrpcServer {
  /** Rejects with MILLRACE_START_FAILED if the address cannot be had. */
  start(): Promise<void>
  /** The port, once started; 0 for unix sockets. */
  readonly port: number
  readonly connections: number
  /** Stops accepting, sends GOAWAY, and resolves when all calls are answered, or cuts them when `deadline` aborts. */
  stop(deadline: AbortSignal): Promise<void>
}
