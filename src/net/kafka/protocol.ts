/**
 * The three requests that the producer writes itself, and their answers. Field layouts are those of
 * https://kafka.apache.org/protocol.html; versions are the newest without tagged fields, which brokers from 2.4 to 4 take.
 *
 * ```
 * request : size(4) api(2) version(2) correlation(4) client id | body          strings: length(2) text, -1 = null
 * ```
 */
import type { ProduceAnswer, ProducerIdentity, SealedBatch } from './wire.ts'

export interface RequestBody {
  readonly apiKey: number
  readonly apiVersion: number
  readonly apiName: string
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
}

export const PRODUCE = 0
export const METADATA = 3
export const INIT_PRODUCER_ID = 22
/** Produce and Metadata before these have other fields; the first that this client speaks. */
export const PRODUCE_VERSIONS = { from: 3, to: 8 } as const
/** From this one on brokers take zstd. */
export const ZSTD_PRODUCE_VERSION = 7
const METADATA_VERSION = 5
const INIT_PRODUCER_ID_VERSION = 0

/** Everything before the body, for a body of this size. */
export function encodeRequestHead(
  { apiKey, apiVersion, byteLength }: RequestBody,
  correlationId: number,
  clientId: string,
): Buffer {
  const nameLength = Buffer.byteLength(clientId)
  const head = Buffer.allocUnsafe(14 + nameLength)
  head.writeInt32BE(10 + nameLength + byteLength, 0)
  head.writeInt16BE(apiKey, 4)
  head.writeInt16BE(apiVersion, 6)
  head.writeInt32BE(correlationId, 8)
  head.writeInt16BE(nameLength, 12)
  head.write(clientId, 14, 'utf8')
  return head
}

/** The batches stand in the request as they are. */
export function encodeProduce(
  batches: readonly SealedBatch[],
  acks: number,
  timeoutMs: number,
  apiVersion: number,
): RequestBody {
  const byTopic = new Map<string, SealedBatch[]>()
  for (const batch of batches) {
    const group = byTopic.get(batch.topic)
    if (group === undefined) byTopic.set(batch.topic, [batch])
    else group.push(batch)
  }
  const chunks: Uint8Array[] = []
  let byteLength = 0
  const push = (chunk: Uint8Array): void => {
    chunks.push(chunk)
    byteLength += chunk.length
  }
  // No transactional id, acks, time-out, topics.
  let head = Buffer.allocUnsafe(12)
  head.writeInt16BE(-1, 0)
  head.writeInt16BE(acks, 2)
  head.writeInt32BE(timeoutMs, 4)
  head.writeInt32BE(byTopic.size, 8)
  push(head)
  for (const [topic, group] of byTopic) {
    const length = Buffer.byteLength(topic)
    head = Buffer.allocUnsafe(6 + length)
    head.writeInt16BE(length, 0)
    head.write(topic, 2, 'utf8')
    head.writeInt32BE(group.length, 2 + length)
    push(head)
    for (const batch of group) {
      head = Buffer.allocUnsafe(8)
      head.writeInt32BE(batch.partition, 0)
      head.writeInt32BE(batch.byteLength, 4)
      push(head)
      for (const chunk of batch.chunks) push(chunk)
    }
  }
  return { apiKey: PRODUCE, apiVersion, apiName: 'Produce', chunks, byteLength }
}

export interface ProduceReply {
  /** In the order of the batches; what the broker did not mention has code -1. */
  readonly answers: readonly ProduceAnswer[]
  readonly throttleMs: number
}

export function decodeProduce(
  payload: Buffer,
  apiVersion: number,
  batches: readonly SealedBatch[],
): ProduceReply {
  const input = new Input(payload)
  const found = new Map<string, ProduceAnswer>()
  for (let topics = input.int32(); topics > 0; topics--) {
    const topic = input.text()
    for (let partitions = input.int32(); partitions > 0; partitions--) {
      const partition = input.int32()
      const code = input.int16()
      input.skip(apiVersion >= 5 ? 24 : 16)
      const badRecords: number[] = []
      let said = ''
      if (apiVersion >= 8) {
        for (let bad = input.int32(); bad > 0; bad--) {
          badRecords.push(input.int32())
          said ||= input.text()
        }
        said = input.text() || said
      }
      found.set(`${topic}/${partition}`, { code, said, badRecords })
    }
  }
  const throttleMs = input.int32()
  const answers = batches.map(
    ({ topic, partition }) => found.get(`${topic}/${partition}`) ?? UNMENTIONED,
  )
  return { answers, throttleMs }
}

const UNMENTIONED: ProduceAnswer = {
  code: -1,
  said: 'the answer does not mention it',
  badRecords: [],
}

export function encodeMetadata(topics: readonly string[], mayCreate: boolean): RequestBody {
  const sizes = topics.map(topic => Buffer.byteLength(topic))
  const body = Buffer.allocUnsafe(5 + sizes.reduce((sum, size) => sum + 2 + size, 0))
  let at = body.writeInt32BE(topics.length, 0)
  for (const [i, topic] of topics.entries()) {
    at = body.writeInt16BE(sizes[i], at)
    at += body.write(topic, at, 'utf8')
  }
  body[at] = mayCreate ? 1 : 0
  const chunks = [body]
  const apiVersion = METADATA_VERSION
  return { apiKey: METADATA, apiVersion, apiName: 'Metadata', chunks, byteLength: body.length }
}

export interface ClusterNode {
  readonly id: number
  readonly host: string
  readonly port: number
}

export interface TopicMetadata {
  readonly topic: string
  readonly code: number
  /** By partition; -1 = no leader. Numbers that are left out have none either. */
  readonly leaders: Int32Array
}

export interface ClusterMetadata {
  readonly nodes: readonly ClusterNode[]
  readonly topics: readonly TopicMetadata[]
}

export function decodeMetadata(payload: Buffer): ClusterMetadata {
  const input = new Input(payload)
  input.skip(4)
  const nodes: ClusterNode[] = []
  for (let count = input.int32(); count > 0; count--) {
    const node = { id: input.int32(), host: input.text(), port: input.int32() }
    input.text()
    nodes.push(node)
  }
  input.text()
  input.skip(4)
  const topics: TopicMetadata[] = []
  for (let count = input.int32(); count > 0; count--) topics.push(readTopic(input))
  return { nodes, topics }
}

function readTopic(input: Input): TopicMetadata {
  const code = input.int16()
  const topic = input.text()
  input.skip(1)
  const partitions = input.int32()
  const leaders = new Int32Array(Math.min(Math.max(partitions, 0), MAX_PARTITIONS)).fill(-1)
  for (let i = 0; i < partitions; i++) {
    const error = input.int16()
    const partition = input.int32()
    const leader = input.int32()
    for (let lists = 0; lists < 3; lists++) input.skip(4 * Math.max(input.int32(), 0))
    // A replica that is missing is not the leader's fault.
    const leads = error === 0 || error === REPLICA_NOT_AVAILABLE ? leader : -1
    if (partition >= 0 && partition < leaders.length) leaders[partition] = leads
  }
  return { topic, code, leaders }
}

const REPLICA_NOT_AVAILABLE = 9
/** More than any cluster can have of one topic; bounds what a broken answer can allocate. */
const MAX_PARTITIONS = 1 << 20

export function encodeInitProducerId(): RequestBody {
  const body = Buffer.allocUnsafe(6)
  body.writeInt16BE(-1, 0)
  body.writeInt32BE(0x7fff_ffff, 2)
  const apiVersion = INIT_PRODUCER_ID_VERSION
  const chunks = [body]
  return { apiKey: INIT_PRODUCER_ID, apiVersion, apiName: 'InitProducerId', chunks, byteLength: 6 }
}

export function decodeInitProducerId(
  payload: Buffer,
): ProducerIdentity & { readonly code: number } {
  const input = new Input(payload)
  input.skip(4)
  return { code: input.int16(), id: input.int64(), epoch: input.int16() }
}

/** Reads big-endian fields one after the other; throws a RangeError behind the end. */
class Input {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  skip(bytes: number): void {
    this.#at += bytes
  }

  int16(): number {
    this.#at += 2
    return this.#bytes.readInt16BE(this.#at - 2)
  }

  int32(): number {
    this.#at += 4
    return this.#bytes.readInt32BE(this.#at - 4)
  }

  int64(): bigint {
    this.#at += 8
    return this.#bytes.readBigInt64BE(this.#at - 8)
  }

  /** Null is empty. */
  text(): string {
    const length = Math.max(this.int16(), 0)
    if (this.#at + length > this.#bytes.length) throw new RangeError('text runs past the end')
    this.#at += length
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }
}
