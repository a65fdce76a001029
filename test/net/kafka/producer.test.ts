/** The producer over brokers that are made up: gathering, cutting, repeating, counting, giving up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SILENT_LOGGER } from '../../../src/core/logger.ts'
import type {
  KafkaFailure,
  KafkaProducerOptions,
  OutgoingRecord,
} from '../../../src/net/kafka/client.ts'
import { retryLater } from '../../../src/net/kafka/errors.ts'
import { createPartitioner } from '../../../src/net/kafka/partitioners.ts'
import { BatchingProducer } from '../../../src/net/kafka/producer.ts'
import type { ProduceAnswer, SealedBatch, TopicLayout, Wire } from '../../../src/net/kafka/wire.ts'
import { FakeClock, settle } from '../../../src/testing/fakes.ts'
import { AbortSource } from '../../../src/util/abort.ts'

const TAKEN: ProduceAnswer = { code: 0, said: '', badRecords: [] }
const NOT_LEADER = 6
const TOO_LARGE = 10
const OUT_OF_ORDER = 45
const DUPLICATE = 46
const INVALID_RECORD = 87

interface SentRequest {
  readonly node: number
  readonly batches: readonly SealedBatch[]
}

class FakeWire implements Wire {
  readonly requests: SentRequest[] = []
  readonly forgotten: string[] = []
  identities = 0
  layout: TopicLayout | Promise<TopicLayout | KafkaFailure> = { leaders: Int32Array.of(1) }
  /** Answers request number `n`, from 1. */
  answer: (
    batches: readonly SealedBatch[],
    n: number,
  ) => readonly ProduceAnswer[] | KafkaFailure | Promise<readonly ProduceAnswer[] | KafkaFailure> =
    batches => batches.map(() => TAKEN)

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  topic(): TopicLayout | Promise<TopicLayout | KafkaFailure> {
    return this.layout
  }
  forget(topic: string): void {
    this.forgotten.push(topic)
  }
  async produce(node: number, batches: readonly SealedBatch[]) {
    this.requests.push({ node, batches })
    return this.answer(batches, this.requests.length)
  }
  async identity() {
    return { id: BigInt(++this.identities), epoch: 0 }
  }

  get batches(): SealedBatch[] {
    return this.requests.flatMap(({ batches }) => batches)
  }
}

function fixture(options: Partial<KafkaProducerOptions> = {}) {
  const wire = new FakeWire()
  const clock = new FakeClock()
  const producer = new BatchingProducer(
    {
      brokers: [],
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
      acks: 1,
      idempotent: false,
      compression: 'none',
      compressionLevel: 0,
      maxBatchBytes: 10_000,
      maxRequestBytes: 100_000,
      maxBatchRecords: 100,
      lingerMs: 0,
      partitioner: createPartitioner('sarama_compat', () => 0),
      ...options,
    },
    wire,
  )
  const send = (records: readonly OutgoingRecord[], late?: (index: number) => void) => {
    const abort = new AbortSource()
    return { abort, results: producer.send(records, abort, late) }
  }
  return { wire, clock, producer, send }
}

function record(size = 100, { topic = 't', key = null as string | null } = {}): OutgoingRecord {
  const bytes = key === null ? null : Buffer.from(key)
  return { topic, key: bytes, value: [Buffer.alloc(size, 1)], valueBytes: size, headers: [] }
}

const records = (count: number, size?: number): OutgoingRecord[] =>
  Array.from({ length: count }, () => record(size))

/** Records in a batch and its first number, as its header says. */
function headOf({ chunks }: SealedBatch): { count: number; producer: bigint; sequence: number } {
  const header = Buffer.from(chunks[0])
  return {
    count: header.readInt32BE(57),
    producer: header.readBigInt64BE(43),
    sequence: header.readInt32BE(53),
  }
}

async function move(clock: FakeClock, ms: number): Promise<void> {
  await settle()
  await clock.advance(ms)
  await settle()
}

test('records of one send travel in one batch', async () => {
  const { wire, send } = fixture()

  const results = await send(records(3)).results

  assert.deepEqual(results, [null, null, null])
  assert.equal(wire.requests.length, 1)
  assert.equal(headOf(wire.batches[0]).count, 3)
})

test('a batch lingers for more records of its partition', async () => {
  const { wire, clock, send } = fixture({ lingerMs: 10 })

  const sends = [send(records(1)), send(records(2))]
  await move(clock, 9)
  assert.equal(wire.requests.length, 0)
  await move(clock, 1)

  for (const { results } of sends) assert.ok((await results).every(failure => failure === null))
  assert.deepEqual(
    wire.batches.map(batch => headOf(batch).count),
    [3],
  )
})

test('a full batch does not linger, and no batch is over its limits', async () => {
  const { wire, clock, send } = fixture({ lingerMs: 1000, maxBatchBytes: 5000, maxBatchRecords: 4 })

  const { results } = send(records(9, 2000))
  await move(clock, 1000)

  await results
  assert.ok(wire.batches.every(({ byteLength }) => byteLength <= 5000))
  assert.deepEqual(
    wire.batches.map(batch => headOf(batch).count),
    [2, 2, 2, 2, 1],
  )
})

test('a record that fits into no batch is refused alone', async () => {
  const { send } = fixture({ maxBatchBytes: 1000 })

  const [large, small] = await send([record(2000), record(10)]).results

  assert.equal(large?.kind, 'drop')
  assert.equal(large?.reason, 'too_large')
  assert.equal(small, null)
})

test('each partition goes to its leader, several of one leader in one request', async () => {
  const { wire, send } = fixture()
  wire.layout = { leaders: Int32Array.of(1, 2, 1, 2) }
  const keyed = Array.from({ length: 40 }, (_, i) => record(10, { key: `k${i}` }))

  await send(keyed).results

  for (const { node, batches } of wire.requests) {
    const partitions = batches.map(({ partition }) => partition)
    assert.equal(new Set(partitions).size, partitions.length)
    for (const partition of partitions) assert.equal(node, [1, 2, 1, 2][partition])
  }
  assert.equal(
    wire.batches.reduce((sum, batch) => sum + headOf(batch).count, 0),
    40,
  )
})

test('records without key avoid partitions that nobody leads', async () => {
  const { wire, send } = fixture()
  wire.layout = { leaders: Int32Array.of(-1, -1, 4, -1) }

  assert.deepEqual(await send(records(2)).results, [null, null])

  assert.deepEqual(
    wire.batches.map(({ partition }) => partition),
    [2],
  )
})

test('a new leader is asked for, and gets the batch', async () => {
  const { wire, clock, send } = fixture()
  wire.answer = (batches, n) =>
    batches.map(() => (n === 1 ? { ...TAKEN, code: NOT_LEADER } : TAKEN))

  const { results } = send(records(1))
  await settle()
  wire.layout = { leaders: Int32Array.of(7) }
  await move(clock, 100)

  assert.deepEqual(await results, [null])
  assert.deepEqual(wire.forgotten, ['t'])
  assert.deepEqual(
    wire.requests.map(({ node }) => node),
    [1, 7],
  )
})

test('gives up for now after a few attempts, and says what the broker said', async () => {
  const { wire, clock, send } = fixture()
  wire.answer = batches => batches.map(() => ({ ...TAKEN, code: NOT_LEADER }))

  const { results } = send(records(1))
  for (let i = 0; i < 3; i++) await move(clock, 100)

  const [failure] = await results
  assert.equal(failure?.kind, 'retry')
  assert.equal(failure?.code, 'NOT_LEADER_OR_FOLLOWER')
  assert.equal(wire.requests.length, 3)
})

test('a lost answer is followed by the same batch', async () => {
  const { wire, clock, send } = fixture()
  wire.answer = (batches, n) => (n === 1 ? retryLater('gone') : batches.map(() => TAKEN))

  const { results } = send(records(2))
  await move(clock, 100)

  assert.deepEqual(await results, [null, null])
  assert.deepEqual(
    wire.batches.map(batch => headOf(batch).count),
    [2, 2],
  )
})

test('a batch that is too large for the broker is halved down to single records', async () => {
  const { wire, send } = fixture()
  wire.answer = batches =>
    batches.map(batch => (headOf(batch).count > 1 ? { ...TAKEN, code: TOO_LARGE } : TAKEN))

  assert.deepEqual(await send(records(5)).results, [null, null, null, null, null])
})

test('a single record that is too large for the broker is refused', async () => {
  const { wire, send } = fixture()
  wire.answer = batches => batches.map(() => ({ ...TAKEN, code: TOO_LARGE }))

  const results = await send(records(3)).results

  assert.deepEqual(
    results.map(failure => failure?.reason),
    ['too_large', 'too_large', 'too_large'],
  )
})

test('records that the broker finds bad do not hold up the others', async () => {
  const { wire, send } = fixture()
  wire.answer = (batches, n) =>
    batches.map(() => (n === 1 ? { code: INVALID_RECORD, said: 'no', badRecords: [1] } : TAKEN))

  const results = await send(records(3)).results

  assert.deepEqual(
    results.map(failure => failure?.reason ?? null),
    [null, 'bad_data', null],
  )
})

test('a topic that is not allowed is refused for good', async () => {
  const { wire, send } = fixture()
  wire.answer = batches => batches.map(() => ({ ...TAKEN, code: 29 }))

  const [failure] = await send(records(1)).results

  assert.deepEqual([failure?.kind, failure?.reason], ['drop', 'permission_denied'])
})

test('what the cluster says of a topic is the end of its records only', async () => {
  const { wire, send } = fixture()
  wire.layout = Promise.resolve(retryLater('no broker'))

  const [failure] = await send(records(1)).results

  assert.equal(failure?.message, 'no broker')
})

test('ends at the abort, and tells later what was taken after all', async () => {
  const { wire, clock, send } = fixture()
  let answer!: (answers: readonly ProduceAnswer[]) => void
  wire.answer = () => new Promise(resolve => (answer = resolve))
  const late: number[] = []

  const { abort, results } = send(records(2), index => late.push(index))
  await settle()
  abort.abort(new Error('no answer within 5 s'))
  const failures = await results
  answer([TAKEN])
  await move(clock, 0)

  assert.deepEqual(
    failures.map(failure => failure?.message),
    Array(2).fill('no answer within 5 s'),
  )
  assert.deepEqual(late, [0, 1])
})

test('records of an aborted send leave a batch that lingers', async () => {
  const { wire, clock, send } = fixture({ lingerMs: 50 })

  const first = send(records(2))
  const second = send(records(1))
  first.abort.abort(new Error('too late'))
  await move(clock, 50)

  assert.deepEqual(await second.results, [null])
  assert.deepEqual(
    wire.batches.map(batch => headOf(batch).count),
    [1],
  )
})

test('numbers batches of a partition, one at a time', async () => {
  const { wire, clock, send } = fixture({ idempotent: true, acks: -1, maxBatchRecords: 2 })
  const open: (() => void)[] = []
  wire.answer = batches =>
    new Promise(resolve => open.push(() => resolve(batches.map(() => TAKEN))))

  const { results } = send(records(5))
  for (let i = 0; i < 3; i++) {
    await move(clock, 0)
    assert.equal(open.length, 1)
    open.shift()!()
  }

  await results
  assert.deepEqual(wire.batches.map(headOf), [
    { count: 2, producer: 1n, sequence: 0 },
    { count: 2, producer: 1n, sequence: 2 },
    { count: 1, producer: 1n, sequence: 4 },
  ])
})

test('a batch whose answer was lost keeps its numbers, and a repetition counts as taken', async () => {
  const { wire, clock, send } = fixture({ idempotent: true, acks: -1 })
  wire.answer = (batches, n) =>
    n === 1 ? retryLater('gone') : batches.map(() => ({ ...TAKEN, code: DUPLICATE }))

  const { results } = send(records(2))
  await move(clock, 100)

  assert.deepEqual(await results, [null, null])
  assert.deepEqual(wire.batches.map(headOf), [
    { count: 2, producer: 1n, sequence: 0 },
    { count: 2, producer: 1n, sequence: 0 },
  ])
})

test('takes a new identity when the broker has lost count', async () => {
  const { wire, clock, send } = fixture({ idempotent: true, acks: -1 })
  wire.answer = (batches, n) =>
    batches.map(() => (n === 2 ? { ...TAKEN, code: OUT_OF_ORDER } : TAKEN))

  await send(records(3)).results
  const { results } = send(records(1))
  await move(clock, 100)

  assert.deepEqual(await results, [null])
  assert.deepEqual(wire.batches.map(headOf), [
    { count: 3, producer: 1n, sequence: 0 },
    { count: 1, producer: 1n, sequence: 3 },
    { count: 1, producer: 2n, sequence: 0 },
  ])
})

test('asks for a limited number of answers of one broker at a time', async () => {
  const { wire, send } = fixture({ maxBatchRecords: 1 })
  const open: (() => void)[] = []
  wire.answer = batches =>
    new Promise(resolve => open.push(() => resolve(batches.map(() => TAKEN))))

  const { results } = send(records(20))
  await settle()
  assert.equal(open.length, 5)
  while (open.length > 0) {
    open.shift()!()
    await settle()
  }

  assert.equal((await results).length, 20)
})

test('a numbered batch that waits for the old leader goes to the new one afterwards', async () => {
  const { wire, send } = fixture({ idempotent: true, acks: -1 })
  let answer = (): void => {}
  wire.answer = (batches, n) =>
    n > 1
      ? batches.map(() => TAKEN)
      : new Promise(resolve => {
          answer = () => resolve(batches.map(() => TAKEN))
        })
  const first = send(records(1))
  await settle()
  wire.layout = { leaders: Int32Array.of(2) }
  const second = send(records(1))
  await settle()

  answer()
  await settle()

  assert.deepEqual(
    wire.requests.map(({ node }) => node),
    [1, 2],
  )
  assert.deepEqual([await first.results, await second.results], [[null], [null]])
})

test('what nobody waits for any more is not sent to a broker that comes back', async () => {
  for (const idempotent of [false, true]) {
    const { wire, send } = fixture({ idempotent, acks: -1 })
    const stuck: (() => void)[] = []
    wire.answer = batches =>
      new Promise(resolve => stuck.push(() => resolve(batches.map(() => TAKEN))))
    const under = Array.from({ length: 12 }, () => send(records(1)))
    await settle()
    const sent = wire.requests.length

    for (const { abort } of under) abort.abort(new Error('timeout'))
    for (const { results } of under) assert.equal((await results)[0]?.kind, 'retry')
    wire.answer = batches => batches.map(() => TAKEN)
    for (const go of stuck) go()
    await settle()

    assert.equal(wire.requests.length, sent)
    assert.deepEqual(await send(records(1)).results, [null])
    const { producer, sequence } = headOf(wire.batches.at(-1)!)
    assert.deepEqual([producer, sequence], idempotent ? [1n, 1] : [-1n, -1])
  }
})

test('what is open when it stops is to be tried again', async () => {
  const { wire, producer, send } = fixture()
  wire.answer = () => new Promise(() => {})

  const { results } = send(records(1))
  await settle()
  await producer.stop()

  assert.equal((await results)[0]?.kind, 'retry')
  assert.equal((await send(records(1)).results)[0]?.kind, 'retry')
})
