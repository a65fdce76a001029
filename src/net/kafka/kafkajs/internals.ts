/**
 * The parts of kafkajs 2.2.4 that lie below its public surface, and what is mended in them when they are loaded. The
 * package has no `exports`, and its version is pinned, so they can be named.
 *
 * - `RequestQueue.scheduleCheckPendingRequests` sets a timer of 1 ms for as long as a client lives, and a negative one,
 *   which newer runtimes complain about; it is needed only while a request waits.
 * - `ConsumerGroup.joinAndSync` gives partitions back without asking whoever still works on them: it asks now.
 * - `Runner.fetch` of a member that has stopped answers at once with nothing. Fetchers that begin just then, because the
 *   brokers have changed, ask again and again without a pause, and nothing else of the process runs: it throws now.
 * - snappy, lz4 and zstd are not in it: those of `net/codecs` are plugged in.
 * - A fetched batch that cannot be read fails the whole fetch, again and again: `fetched-batch.ts` reads them.
 */
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type * as Kafkajs from 'kafkajs'
import type { Logger } from '../../../core/logger.ts'
import { compress, type Encoding } from '../../compression.ts'
import { inflateRecords } from '../inflate-records.ts'
import { decodeFetched, type FetchDecoder } from './fetched-batch.ts'

export interface RequestQueue {
  readonly pending: readonly unknown[]
  push(request: {
    readonly entry: QueueEntry
    readonly expectResponse: boolean
    readonly requestTimeout: number | null
    readonly sendRequest: () => void
  }): void
  maybeThrottle(ms: number): void
  rejectAll(error: Error): void
}

export interface QueueEntry {
  readonly apiKey: number
  readonly apiName: string
  readonly apiVersion: number
  readonly correlationId: number
  readonly resolve: (answer: { readonly payload: Buffer | null }) => void
  readonly reject: (error: Error) => void
}

export interface Connection {
  readonly clientId: string
  readonly requestQueue: RequestQueue
  readonly socket: Socket
  isConnected(): boolean
  nextCorrelationId(): number
  disconnect(): Promise<unknown>
}

export interface ConnectionPool {
  readonly host: string
  readonly port: number
  /** The first is for everything but fetching. */
  readonly pool: readonly Connection[]
}

export interface Broker {
  readonly connectionPool: ConnectionPool
  /** By api key; null before the first connection. */
  readonly versions: Readonly<Record<number, { minVersion: number; maxVersion: number }>> | null
  isConnected(): boolean
  connect(): Promise<void>
  disconnect(): Promise<void>
}

export interface Internals {
  readonly kafkajs: typeof Kafkajs
  readonly Broker: new (options: object) => Broker
  readonly ConnectionPool: new (options: object) => ConnectionPool
}

interface ConsumerGroupPrototype {
  joinAndSync(this: ConsumerGroup): Promise<void>
}

interface RunnerPrototype {
  running: boolean
  fetch(this: RunnerPrototype, nodeId: number): Promise<unknown[]>
}

/** A member of a group. */
export interface ConsumerGroup {
  readonly assigners: readonly JoinHook[]
  /** Null before the group knows it, and when it has forgotten it. */
  readonly memberId: string | null
  /** Of this generation; null before the first. */
  readonly offsetManager: OffsetManager | null
  assigned(): readonly { readonly topic: string; readonly partitions: readonly number[] }[]
}

export interface OffsetManager {
  /** Asks for what is committed, and for where to begin without. */
  resolveOffsets(): Promise<void>
  /** By topic and partition. */
  committedOffsets(): Readonly<Record<string, Readonly<Record<number, string>>>>
  commitOffsets(offsets: {
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
    }[]
  }): Promise<void>
}

/** An assigner of ours carries this. */
export interface JoinHook {
  /** The member is about to give its partitions back, to join anew. */
  readonly beforeJoin?: (group: ConsumerGroup) => Promise<void>
  /** It has new ones, and has not read of them yet. */
  readonly afterJoin?: (group: ConsumerGroup) => Promise<void>
}

interface RequestQueueClass {
  readonly prototype: { scheduleCheckPendingRequests(this: RequestQueue): void }
}

let loaded: Internals | undefined

/** The same for all clients of the process. */
export function loadKafkajs(): Internals {
  loaded ??= load()
  return loaded
}

function load(): Internals {
  const require = createRequire(import.meta.url)
  const RequestQueue = require('kafkajs/src/network/requestQueue') as RequestQueueClass
  mendTimer(RequestQueue)
  replaceDecoder(require)
  const { prototype } = require('kafkajs/src/consumer/consumerGroup') as {
    readonly prototype: ConsumerGroupPrototype
  }
  addJoinHooks(prototype)
  endFetching(require('kafkajs/src/consumer/runner').prototype)
  const kafkajs = require('kafkajs') as typeof Kafkajs
  plugCodecs(kafkajs)
  return {
    kafkajs,
    Broker: require('kafkajs/src/broker'),
    ConnectionPool: require('kafkajs/src/network/connectionPool'),
  }
}

/** In the place of kafkajs' own before any other of its modules takes that one. */
function replaceDecoder(require: NodeJS.Require): void {
  const path = require.resolve('kafkajs/src/protocol/requests/fetch/v4/decodeMessages')
  const original = require(path) as (decoder: FetchDecoder) => Promise<unknown[]>
  require.cache[path]!.exports = (decoder: FetchDecoder) => decodeFetched(decoder, original)
}

function mendTimer({ prototype }: RequestQueueClass): void {
  const original = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function scheduleWhenNeeded(this: RequestQueue) {
    if (this.pending.length > 0) original.call(this)
  }
}

function addJoinHooks(prototype: ConsumerGroupPrototype): void {
  const original = prototype.joinAndSync
  prototype.joinAndSync = async function joinWithHooks(this: ConsumerGroup) {
    const { beforeJoin, afterJoin } = this.assigners[0]
    await beforeJoin?.(this)
    await original.call(this)
    await afterJoin?.(this)
  }
}

/** What it throws ends the fetchers; the loop around them sees then that it is to end, too. */
function endFetching(prototype: RunnerPrototype): void {
  const original = prototype.fetch
  prototype.fetch = async function fetchWhileRunning(this: RunnerPrototype, nodeId) {
    if (!this.running) throw new Error('the member has stopped')
    return original.call(this, nodeId)
  }
}

function plugCodecs({ CompressionTypes, CompressionCodecs }: typeof Kafkajs): void {
  const names: readonly [number, Encoding][] = [
    [CompressionTypes.GZIP, 'gzip'],
    [CompressionTypes.Snappy, 'snappy'],
    [CompressionTypes.LZ4, 'lz4'],
    [CompressionTypes.ZSTD, 'zstd'],
  ]
  const codecs = CompressionCodecs as unknown as Record<number, () => object>
  for (const [type, encoding] of names) {
    const codec = {
      compress: async ({ buffer }: { readonly buffer: Buffer }) => {
        const packed = await compress(encoding, [buffer], buffer.length)
        return Buffer.from(packed.buffer, packed.byteOffset, packed.length)
      },
      decompress: (bytes: Buffer) => inflateRecords(encoding, bytes),
    }
    codecs[type] = () => codec
  }
}

/** kafkajs' own messages are for who looks closely; what they mean is told by us. */
export function quietLogger(log: Logger): object {
  const say = (message: string, extra?: object): void => log.debug('kafkajs', { message, ...extra })
  const logger = {
    namespace: () => logger,
    debug() {},
    info: say,
    warn: say,
    error: say,
    setLogLevel() {},
  }
  return logger
}
