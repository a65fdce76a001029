/** Which broker is asked for what: over links that are made up, with the protocol's own bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SILENT_LOGGER } from '../../../src/core/logger.ts'
import type { KafkaClusterOptions, KafkaFailure } from '../../../src/net/kafka/client.ts'
import { Cluster, splitAddress } from '../../../src/net/kafka/cluster.ts'
import { retryLater } from '../../../src/net/kafka/errors.ts'
import type { Link } from '../../../src/net/kafka/link.ts'
import { METADATA, PRODUCE, type RequestBody } from '../../../src/net/kafka/protocol.ts'
import { isFailure, type TopicLayout } from '../../../src/net/kafka/wire.ts'
import { FakeClock, settle } from '../../../src/testing/fakes.ts'

interface TopicAnswer {
  readonly code?: number
  /** Leaders by partition. */
  readonly leaders?: readonly number[]
}

/** A cluster of brokers at `b1:1`, `b2:2`, ... */
class FakeBrokers {
  readonly links: FakeLink[] = []
  readonly down = new Set<number>()
  nodes: readonly number[] = [1, 2]
  topics: Readonly<Record<string, TopicAnswer>> = { t: { leaders: [1, 2] } }
  asked: string[] = []
  /** Of answers to Produce. */
  produceCode = 0
  produceVersion = 8

  metadata(topic: string): Buffer {
    this.asked.push(topic)
    const out = new Output()
    out.int32(0).int32(this.nodes.length)
    for (const node of this.nodes) out.int32(node).text(`b${node}`).int32(node).int16(-1)
    out.int16(-1).int32(1).int32(1)
    const { code = 0, leaders = [] } = this.topics[topic] ?? { code: 3 }
    out.int16(code).text(topic).int8(0).int32(leaders.length)
    for (const [i, leader] of leaders.entries()) {
      out
        .int16(leader < 0 ? 5 : 0)
        .int32(i)
        .int32(leader)
        .int32(0)
        .int32(0)
        .int32(0)
    }
    return out.bytes()
  }

  produced(topic: string, partition: number): Buffer {
    const out = new Output().int32(1).text(topic).int32(1).int32(partition)
    out.int16(this.produceCode).int32(0).int32(0).int32(0).int32(0).int32(0).int32(0)
    if (this.produceVersion >= 8) out.int32(0).int16(-1)
    return out.int32(0).bytes()
  }
}

class FakeLink implements Link {
  readonly host: string
  readonly port: number
  readonly #brokers: FakeBrokers
  readonly requests: RequestBody[] = []
  isOpen = false
  opened = 0

  constructor(brokers: FakeBrokers, host: string, port: number) {
    this.#brokers = brokers
    this.host = host
    this.port = port
    brokers.links.push(this)
  }

  async open(): Promise<KafkaFailure | null> {
    this.opened++
    if (this.#brokers.down.has(this.port)) return retryLater(`${this.host} is down`)
    this.isOpen = true
    return null
  }

  versions(apiKey: number) {
    return apiKey === PRODUCE ? { min: 3, max: this.#brokers.produceVersion } : { min: 0, max: 9 }
  }

  async request(body: RequestBody): Promise<Buffer | KafkaFailure> {
    this.requests.push(body)
    if (this.#brokers.down.has(this.port)) {
      this.isOpen = false
      return retryLater('lost')
    }
    const bytes = Buffer.concat(body.chunks)
    if (body.apiKey === METADATA) {
      return this.#brokers.metadata(bytes.toString('utf8', 6, 6 + bytes.readInt16BE(4)))
    }
    return this.#brokers.produced('t', 0)
  }

  throttle(): void {}

  async close(): Promise<void> {
    this.isOpen = false
  }
}

class Output {
  readonly #parts: Buffer[] = []

  int8(value: number): this {
    this.#parts.push(Buffer.from([value]))
    return this
  }

  int16(value: number): this {
    const bytes = Buffer.alloc(2)
    bytes.writeInt16BE(value)
    this.#parts.push(bytes)
    return this
  }

  int32(value: number): this {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(value)
    this.#parts.push(bytes)
    return this
  }

  text(value: string): this {
    this.int16(value.length)
    this.#parts.push(Buffer.from(value))
    return this
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

async function fixture(more: Partial<KafkaClusterOptions> = {}) {
  const brokers = new FakeBrokers()
  const clock = new FakeClock()
  const options: KafkaClusterOptions = {
    brokers: ['b1:1', 'b2:2'],
    clientId: 'c',
    rackId: '',
    tls: null,
    sasl: null,
    connectTimeoutMs: 1000,
    requestTimeoutMs: 1000,
    metadataMaxAgeMs: 60_000,
    metadataRetries: 2,
    metadataBackoffMs: 100,
    idleTimeoutMs: 0,
    allowAutoTopicCreation: false,
    clock,
    log: SILENT_LOGGER,
    ...more,
  }
  const cluster = new Cluster(
    options,
    async () => (host, port) => new FakeLink(brokers, host, port),
  )
  await cluster.start()
  await settle()
  return { brokers, clock, cluster }
}

const BATCH = { topic: 't', partition: 0, chunks: [Buffer.from('x')], byteLength: 1 }

async function layoutOf(cluster: Cluster, topic = 't'): Promise<readonly number[] | KafkaFailure> {
  const found = await cluster.topic(topic)
  return isFailure(found) ? found : [...found.leaders]
}

test('learns the leaders of a topic once, and then knows them', async () => {
  const { brokers, cluster } = await fixture()

  assert.deepEqual(await layoutOf(cluster), [1, 2])
  const again = cluster.topic('t')

  assert.ok(!(again instanceof Promise))
  assert.deepEqual([...(again as TopicLayout).leaders], [1, 2])
  assert.deepEqual(brokers.asked, ['t'])
})

test('asks again when what it knew was wrong, and when it is old', async () => {
  const { brokers, clock, cluster } = await fixture()
  await layoutOf(cluster)

  cluster.forget('t')
  brokers.topics = { t: { leaders: [2, 2] } }
  assert.deepEqual(await layoutOf(cluster), [2, 2])
  await clock.advance(60_001)
  brokers.topics = { t: { leaders: [1, 1, 1] } }
  // What is old serves until the answer is there.
  assert.deepEqual(await layoutOf(cluster), [2, 2])
  await settle()

  assert.deepEqual(await layoutOf(cluster), [1, 1, 1])
})

test('waits for a leader to be elected', async () => {
  const { brokers, clock, cluster } = await fixture()
  brokers.topics = { t: { code: 5, leaders: [] } }

  const layout = layoutOf(cluster)
  await settle()
  brokers.topics = { t: { leaders: [2] } }
  await clock.advance(100)

  assert.deepEqual(await layout, [2])
})

test('a topic that is missing is to be tried again, one that is forbidden is not', async () => {
  const { brokers, clock, cluster } = await fixture()
  brokers.topics = { secret: { code: 29 } }

  const missing = layoutOf(cluster, 'missing')
  for (let i = 0; i < 3; i++) {
    await settle()
    await clock.advance(100)
  }
  const forbidden = await layoutOf(cluster, 'secret')

  assert.equal(((await missing) as KafkaFailure).code, 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(((await missing) as KafkaFailure).kind, 'retry')
  assert.deepEqual(
    [(forbidden as KafkaFailure).kind, (forbidden as KafkaFailure).reason],
    ['drop', 'permission_denied'],
  )
  assert.equal(brokers.asked.filter(topic => topic === 'missing').length, 3)
})

test('goes past a broker of the configuration that is down', async () => {
  const { brokers, cluster } = await fixture()
  await cluster.stop()
  const second = await fixture()
  second.brokers.down.add(1)
  for (const link of second.brokers.links) await link.close()

  assert.deepEqual(await layoutOf(second.cluster), [1, 2])
  assert.equal(brokers.links.length, 2)
})

test('says which broker cannot be reached when none can', async () => {
  const { brokers, clock, cluster } = await fixture()
  brokers.down.add(1).add(2)
  for (const link of brokers.links) await link.close()

  const layout = layoutOf(cluster)
  for (let i = 0; i < 3; i++) {
    await settle()
    await clock.advance(100)
  }

  assert.match(((await layout) as KafkaFailure).message, /b[12] is down/)
})

test('sends batches to the node that leads, over the seed where that is the same', async () => {
  const { brokers, cluster } = await fixture()
  await layoutOf(cluster)

  const answers = await cluster.produce(1, [BATCH], 1)

  assert.deepEqual(answers, [{ code: 0, said: '', badRecords: [] }])
  assert.equal(brokers.links.length, 2)
  const [link] = brokers.links.filter(({ port }) => port === 1)
  assert.equal(link.requests.filter(({ apiKey }) => apiKey === PRODUCE).length, 1)
})

test('tells brokers no longer time than they can read', async () => {
  const { brokers, cluster } = await fixture({ requestTimeoutMs: 1000 * 3_600_000 })
  await layoutOf(cluster)

  const answers = await cluster.produce(1, [BATCH], 1)

  assert.deepEqual(answers, [{ code: 0, said: '', badRecords: [] }])
  const requests = brokers.links.flatMap(link => link.requests)
  const [head] = requests.find(({ apiKey }) => apiKey === PRODUCE)!.chunks
  assert.equal(Buffer.from(head).readInt32BE(4), 0x7fff_ffff)
})

test('speaks the version that the broker has', async () => {
  const { brokers, cluster } = await fixture()
  brokers.produceVersion = 5
  await layoutOf(cluster)

  assert.deepEqual(await cluster.produce(1, [BATCH], 1), [{ code: 0, said: '', badRecords: [] }])
  brokers.produceVersion = 2
  const tooOld = await cluster.produce(1, [BATCH], 1)

  assert.equal((tooOld as KafkaFailure).reason, 'unimplemented')
})

test('an answer that cannot be read is a failure that may pass', async () => {
  const { brokers, cluster } = await fixture()
  await layoutOf(cluster)
  brokers.produced = () => Buffer.from([0, 0, 0, 9, 0])

  const failure = await cluster.produce(1, [BATCH], 1)

  assert.equal((failure as KafkaFailure).kind, 'retry')
  assert.match((failure as KafkaFailure).message, /cannot be read/)
})

test('forgets brokers that are gone', async () => {
  const { brokers, cluster } = await fixture()
  await layoutOf(cluster)
  brokers.nodes = [2]
  cluster.forget('t')
  brokers.topics = { t: { leaders: [2] } }
  await layoutOf(cluster)

  const failure = await cluster.produce(1, [BATCH], 1)

  assert.match((failure as KafkaFailure).message, /broker 1 is not known/)
})

test('closes links that nobody has used for a while', async () => {
  const { brokers, clock, cluster } = await fixture({ idleTimeoutMs: 1000 })
  await layoutOf(cluster)
  const open = brokers.links.filter(({ isOpen }) => isOpen).length

  await clock.advance(2000)

  assert.equal(open, 1)
  assert.ok(brokers.links.every(({ isOpen }) => !isOpen))
})

test('addresses may be names, and v6 in brackets', () => {
  assert.deepEqual(splitAddress('kafka-1.example:9092'), ['kafka-1.example', 9092])
  assert.deepEqual(splitAddress('[2001:db8::1]:9092'), ['2001:db8::1', 9092])
})
