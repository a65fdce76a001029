/** Records on their way into the pipeline: what is taken, what is waited for, what is left out, and what is committed. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ACCEPTED, busy, type Outcome, refused } from '../../../src/core/outcome.ts'
import { OPEN_TENANCY, type TenantAccount } from '../../../src/core/tenancy.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { encodeJson } from '../../../src/otlp/json/encode.ts'
import { assertBalanced, settle } from '../../../src/testing/fakes.ts'
import { batch, HOME, Kit, record, spans } from './kit.ts'

const DEADLINE = AbortSignal.timeout(60_000)

test('hands records on and commits them once the pipeline has taken them', async () => {
  const kit = new Kit()
  const client = await kit.start()

  const next = await client.events.records(batch([spans(7), spans(8, 3)]))
  const before = client.commits.length
  await kit.services.clock.advance(1000)

  assert.equal(next, 9)
  assert.equal(before, 0)
  assert.deepEqual(client.commits, [{ ...HOME, offset: 9 }])
  assert.equal(kit.next.items, 5)
  assert.equal(kit.total('otelcol_receiver_accepted_spans'), 5)
  assert.equal(kit.total('otelcol_kafka_receiver_records'), 2)
  assert.equal(kit.total('otelcol_kafka_receiver_offset_lag'), 91)
  kit.next.releaseAll()
  assert.equal(kit.services.memory.reservedBytes, 0)
})

test('asks the group for the topics, encodings and limits of its configuration', async () => {
  const kit = new Kit({
    signals: ['traces', 'logs'],
    config: {
      traces: { topics: ['^spans-.*'], exclude_topics: ['-test$'] },
      logs: { topics: ['lines'], encoding: 'raw' },
      group_id: 'g',
      group_instance_id: 'a',
      initial_offset: 'earliest',
      group_rebalance_strategies: ['range', 'sticky'],
      max_fetch_size: 5,
    },
  })
  await kit.start([])

  const [traces, logs] = kit.clients.values()

  assert.deepEqual(traces.options.topics, ['^spans-.*'])
  assert.deepEqual(traces.options.excludeTopics, ['-test$'])
  assert.deepEqual(logs.options.topics, ['lines'])
  assert.equal(traces.options.groupId, 'g')
  assert.notEqual(traces.options.groupInstanceId, logs.options.groupInstanceId)
  assert.equal(traces.options.initialOffset, 'earliest')
  assert.deepEqual(traces.options.rebalanceStrategies, ['range', 'sticky'])
  assert.equal(traces.options.maxFetchBytes, 5)
  assert.equal(traces.options.sessionTimeoutMs, 10_000)
  assert.equal(traces.options.heartbeatIntervalMs, 3000)
})

test('waits with the same record while the pipeline has no room, and loses none', async () => {
  const kit = new Kit()
  const client = await kit.start()
  let isFull = true
  kit.next.answer = () => (isFull ? busy(50) : ACCEPTED)

  const pending = client.events.records(batch([spans(0), spans(1)]))
  await kit.services.clock.advance(100)
  isFull = false
  await kit.services.clock.advance(2000)

  assert.equal(await pending, 2)
  assert.equal(kit.next.items, 4)
  assert.equal(kit.services.ledger.rows()[0].accepted, 4)
  kit.next.releaseAll()
  assert.equal(kit.services.memory.reservedBytes, 0)
})

test('lets the records go when that takes long, rests the partition, and takes them once', async () => {
  const kit = new Kit()
  const client = await kit.start()
  let isFull = false
  kit.next.answer = ({ parts }) => (isFull && parts[0].items === 2 ? busy(4000) : ACCEPTED)
  await client.events.records(batch([spans(0, 1)]))
  isFull = true

  const next = await client.events.records(batch([spans(1), spans(2, 3)]))
  const isResting = client.paused.has('otlp_spans/0')
  isFull = false
  await kit.services.clock.advance(6000)
  const isBack = !client.paused.has('otlp_spans/0')
  const after = await client.events.records(batch([spans(1), spans(2, 3)]))

  assert.deepEqual([next, isResting, isBack, after], [1, true, true, 3])
  assert.deepEqual(
    kit.next.batches.map(({ items }) => items),
    [1, 2, 3],
  )
})

test('does not take a second time what was taken beyond a record that was not', async () => {
  const kit = new Kit()
  const client = await kit.start()
  const answers: ((outcome: Outcome) => void)[] = []
  kit.next.answer = () => new Promise<Outcome>(resolve => answers.push(resolve))

  const pending = client.events.records(batch([spans(0, 1), spans(1, 2), spans(2, 3)]))
  await settle()
  answers[1](ACCEPTED)
  answers[2](ACCEPTED)
  answers[0](busy(60_000))
  const next = await pending
  await kit.services.clock.advance(70_000)
  kit.next.answer = () => ACCEPTED
  const again = await client.events.records(batch([spans(0, 1), spans(1, 2), spans(2, 3)]))
  await kit.services.clock.advance(1000)

  assert.deepEqual([next, again], [0, 3])
  assert.deepEqual(kit.next.batches.map(({ items }) => items).sort(), [1, 2, 3])
  assert.deepEqual(client.commits.at(-1), { ...HOME, offset: 3 })
})

test('has no more records on their way than it may', async () => {
  const kit = new Kit({ config: { max_in_flight: 2 } })
  const client = await kit.start()
  const answers: ((outcome: Outcome) => void)[] = []
  kit.next.answer = () => new Promise<Outcome>(resolve => answers.push(resolve))

  const pending = client.events.records(batch([spans(0), spans(1), spans(2)]))
  await settle()
  const atFirst = answers.length
  answers[1](ACCEPTED)
  await settle()
  const then = answers.length
  for (const answer of answers) answer(ACCEPTED)

  assert.deepEqual([atFirst, then, await pending], [2, 3, 3])
})

test('leaves out what is no OTLP, keeps it as a letter, and goes on', async () => {
  const kit = new Kit({ config: { dead_letters: 'file_storage' } })
  const client = await kit.start()
  const poison = Buffer.from('not protobuf at all')

  const next = await client.events.records(batch([spans(0), record(1, poison), spans(2)]))
  await kit.services.clock.advance(1000)

  assert.equal(next, 3)
  assert.equal(kit.next.items, 4)
  const [letter] = kit.letters
  assert.equal(letter.exporter, 'receiver/kafka')
  assert.equal(letter.reason, 'bad_data')
  assert.match(letter.message, /not a valid OTLP message/)
  assert.deepEqual(Buffer.concat(letter.chunks), poison)
  assert.deepEqual(letter.context.metadata.get('kafka.offset'), ['1'])
  assert.equal(kit.total('otelcol_kafka_receiver_unmarshal_failed_spans'), 1)
  assert.equal(kit.total('millrace_kafka_receiver_dropped_records'), 1)
  assert.deepEqual(client.commits, [{ ...HOME, offset: 3 }])
})

test('keeps what the pipeline refuses as a letter and books it as dropped', async () => {
  const kit = new Kit({ config: { dead_letters: 'file_storage' } })
  const client = await kit.start()
  kit.next.answer = ({ items }) => refused(items, 'rejected', 'nobody wants it')

  const next = await client.events.records(batch([spans(0)]))

  assert.equal(next, 1)
  assert.equal(kit.letters[0].items, 2)
  assert.deepEqual(Buffer.concat(kit.letters[0].chunks), Buffer.from(spans(0).value!))
  const [row] = kit.services.ledger.rows()
  assert.deepEqual(row.dropped, [
    { stage: 'kafka', reason: 'rejected', intentional: false, items: 2 },
  ])
  assertBalanced(kit.services.ledger)
  assert.equal(kit.services.memory.reservedBytes, 0)
})

test('books the part that the pipeline did not take', async () => {
  const kit = new Kit()
  const client = await kit.start()
  kit.next.answer = taken => {
    kit.services.ledger.sent('default', 'traces', 1)
    taken.release()
    return refused(1, 'bad_data', 'one of them')
  }

  assert.equal(await client.events.records(batch([spans(0)])), 1)

  assertBalanced(kit.services.ledger)
  assert.equal(kit.total('otelcol_receiver_accepted_spans'), 1)
  assert.equal(kit.total('otelcol_receiver_refused_spans'), 1)
})

test('stands still before a record that is never taken where it is told to', async () => {
  const kit = new Kit({ config: { message_marking: { on_permanent_error: false } } })
  const client = await kit.start()

  const next = await client.events.records(batch([spans(0), record(1, Buffer.from('x')), spans(2)]))
  await kit.services.clock.advance(60_000)

  assert.equal(next, 1)
  assert.ok(client.paused.has('otlp_spans/0'))
  assert.equal(kit.letters.length, 0)
  assert.match(kit.statuses.join(), /recoverable_error traces: otlp_spans\/0 stands still/)
  assert.deepEqual(client.commits, [{ ...HOME, offset: 1 }])
})

test('drops what there is no room for at once, or after a time, where it is told to', async () => {
  const at = new Kit({ config: { message_marking: { on_error: true } } })
  const later = new Kit({
    config: {
      message_marking: { on_error: true },
      error_backoff: { enabled: true, initial_interval: '1s', max_elapsed_time: '10s' },
    },
  })
  const results: number[] = []
  for (const kit of [at, later]) {
    const client = await kit.start()
    kit.next.answer = () => busy(100)
    let next = 0
    for (let i = 0; i < 20 && next === 0; i++) {
      const pending = client.events.records(batch([spans(0)]))
      await kit.services.clock.advance(1500)
      next = await pending
      results.push(next)
    }
  }

  assert.equal(results[0], 1)
  assert.ok(results.length > 4, `${results}`)
  for (const kit of [at, later]) {
    assertBalanced(kit.services.ledger)
    assert.equal(kit.services.ledger.rows()[0].dropped[0].reason, 'overloaded')
  }
})

test('waits for memory without asking the pipeline, and never gives up for it', async () => {
  const kit = new Kit({ config: { message_marking: { on_error: true } } })
  const client = await kit.start()
  kit.services.memory.limitBytes = 10

  const next = await client.events.records(batch([spans(0, 50)]))
  const isResting = client.paused.has('otlp_spans/0')
  kit.services.memory.limitBytes = 1 << 20
  await kit.services.clock.advance(10_000)
  const after = await client.events.records(batch([spans(0, 50)]))

  assert.deepEqual([next, isResting, after], [0, true, 1])
  assert.equal(kit.next.items, 50)
})

test('lets records on their way end, commits, and forgets when partitions are revoked', async () => {
  const kit = new Kit()
  const client = await kit.start()
  const answers: ((outcome: Outcome) => void)[] = []
  kit.next.answer = () => new Promise<Outcome>(resolve => answers.push(resolve))
  const pending = client.events.records(batch([spans(0), spans(1)]))
  await settle()

  const revoked = client.events.revoked([HOME], false)
  await settle()
  const early = client.commits.length
  for (const answer of answers) answer(ACCEPTED)
  await revoked
  await kit.services.clock.advance(5000)

  assert.equal(early, 0)
  assert.equal(await pending, 2)
  assert.deepEqual(client.commits, [{ ...HOME, offset: 2 }])
  assert.equal(kit.total('otelcol_kafka_receiver_partition_close'), 1)
  assert.equal(await client.events.records(batch([spans(2)])), 2)
})

test('commits nothing for partitions that are lost', async () => {
  const kit = new Kit()
  const client = await kit.start()
  await client.events.records(batch([spans(0)]))

  await client.events.revoked([HOME], true)
  await kit.services.clock.advance(5000)

  assert.deepEqual(client.commits, [])
})

test('does not hold up a rebalance for a pipeline that does not answer', async () => {
  const kit = new Kit()
  const client = await kit.start()
  kit.next.answer = () => new Promise<Outcome>(() => {})
  const pending = client.events.records(batch([spans(0)]))
  await settle()
  let isOver = false

  void client.events.revoked([HOME], false).then(() => (isOver = true))
  await kit.services.clock.advance(6000)

  assert.ok(isOver)
  assert.equal(await pending, 0)
  assert.deepEqual(client.commits, [])
})

test('repeats a commit that failed', async () => {
  const kit = new Kit()
  const client = await kit.start()
  await client.events.records(batch([spans(0)]))
  client.failure = { kind: 'retry', reason: 'unavailable', message: 'later', code: '' }
  await kit.services.clock.advance(1000)

  client.failure = null
  await kit.services.clock.advance(1000)
  await kit.services.clock.advance(5000)

  assert.deepEqual(client.commits, [{ ...HOME, offset: 1 }])
  assert.equal(kit.total('millrace_kafka_receiver_commit_failures'), 1)
})

test('asks for a commit once an interval while commits fail in any way, and goes on afterwards', async () => {
  const kit = new Kit()
  const client = await kit.start()
  const failure = { kind: 'retry', reason: 'x', message: 'the broker has gone', code: '' } as const
  const ways: (() => Promise<typeof failure>)[] = [
    async () => failure,
    () => Promise.reject(new Error('it rejects')),
    () => {
      throw new Error('it throws')
    },
  ]
  await client.events.records(batch([spans(0)]))

  for (const [i, way] of ways.entries()) {
    client.whenAsked = way
    await kit.services.clock.advance(3000)
    assert.equal(client.asked, 3 * (i + 1))
  }
  client.whenAsked = null
  await kit.services.clock.advance(1000)

  assert.deepEqual(client.commits, [{ ...HOME, offset: 1 }])
  assert.equal(kit.total('millrace_kafka_receiver_commit_failures'), 9)
})

for (const enable of [true, false]) {
  test(`a commit that stands still holds up neither a rebalance nor the stop, autocommit ${enable}`, async () => {
    const kit = new Kit({ config: { autocommit: { enable } } })
    const client = await kit.start()
    client.whenAsked = () => new Promise(() => {})
    void client.events.records(batch([spans(0)]))
    await kit.services.clock.advance(60_000)
    const asked = client.asked

    let isGiven = false
    void Promise.resolve(client.events.revoked([HOME], false)).then(() => (isGiven = true))
    await kit.services.clock.advance(30_000)
    const isGivenInTime = isGiven
    const stopping = kit.receiver.stop(AbortSignal.abort())
    await settle()
    await kit.services.clock.advance(1000)
    await stopping

    assert.equal(client.isStopped, true)
    assert.equal(asked, 1)
    assert.equal(isGivenInTime, true)
    assert.equal(client.asked, 1)
  })
}

test('commits with each fetch where autocommit is off, and at the stop', async () => {
  const each = new Kit({ config: { autocommit: { enable: false } } })
  const last = new Kit()
  const eachClient = await each.start()
  const lastClient = await last.start()

  await eachClient.events.records(batch([spans(0)]))
  await lastClient.events.records(batch([spans(0)]))
  await last.receiver.stop(DEADLINE)

  assert.deepEqual(eachClient.commits, [{ ...HOME, offset: 1 }])
  assert.deepEqual(lastClient.commits, [{ ...HOME, offset: 1 }])
  assert.ok(lastClient.isStopped)
  await last.receiver.stop(DEADLINE)
})

test('goes over a batch that cannot be read, and says so', async () => {
  const kit = new Kit({ config: { dead_letters: 'file_storage' } })
  const client = await kit.start()
  const failure = {
    kind: 'drop',
    reason: 'bad_data',
    message: 'the checksum is wrong',
    code: '',
  } as const

  const next = await client.events.damaged({
    ...HOME,
    offset: 5,
    nextOffset: 9,
    highWatermark: 20,
    failure,
    bytes: Buffer.from('broken'),
  })
  await kit.services.clock.advance(1000)

  assert.equal(next, 9)
  assert.match(kit.letters[0].message, /records 5 to 8: the checksum is wrong/)
  assert.deepEqual(client.commits, [{ ...HOME, offset: 9 }])
})

test('hands topic, partition, offset and headers on as metadata, within bounds', async () => {
  const kit = new Kit({ config: { max_header_bytes: 40 } })
  const client = await kit.start()

  await client.events.records(
    batch([
      spans(3, 1, { 'X-Team': 'a', 'kafka.topic': 'forged' }),
      spans(4, 1, { big: 'x'.repeat(60) }),
    ]),
  )

  const [first, second] = kit.next.batches.map(({ context }) =>
    Object.fromEntries(context.metadata),
  )
  assert.deepEqual(first, {
    'x-team': ['a'],
    'kafka.topic': ['otlp_spans'],
    'kafka.partition': ['0'],
    'kafka.offset': ['3'],
  })
  assert.equal(second.big, undefined)
  assert.deepEqual(second['kafka.offset'], ['4'])
  assert.equal(kit.total('millrace_kafka_receiver_headers_left_out'), 1)
})

test('believes a header about the tenant only where it is told to', async () => {
  const plain = new Kit()
  const trusting = new Kit({
    config: { tenant_header: 'millrace-tenant', dead_letters: 'file_storage' },
  })
  const records = [
    spans(0, 1, { 'millrace-tenant': 'acme' }),
    spans(1, 1),
    spans(2, 1, { 'millrace-tenant': '../../etc' }),
  ]
  for (const kit of [plain, trusting]) {
    const client = await kit.start()
    assert.equal(await client.events.records(batch(records)), 3)
  }

  const tenants = [plain, trusting].map(kit => kit.next.batches.map(({ tenant }) => tenant))
  assert.deepEqual(tenants, [
    ['default', 'default', 'default'],
    ['acme', 'default'],
  ])
  assert.equal(trusting.letters[0].reason, 'invalid_tenant')
})

test('puts headers into the attributes of all resources', async () => {
  const kit = new Kit({
    config: { header_extraction: { extract_headers: true, headers: ['team', 'none'] } },
  })
  const client = await kit.start()
  const text = JSON.stringify({
    resourceSpans: [
      {
        resource: {
          attributes: [
            { key: 'kafka.header.team', value: { stringValue: 'old' } },
            { key: 'a', value: { intValue: '1' } },
          ],
        },
        scopeSpans: [{ spans: [{ name: 'x' }] }],
      },
      { scopeSpans: [{ spans: [{ name: 'y' }] }] },
    ],
  })
  const { decodeJson } = await import('../../../src/otlp/json/decode.ts')
  const value = decodeJson('traces', Buffer.from(text)) as Uint8Array

  await client.events.records(batch([record(0, value, { team: 'blue', other: 'x' })]))

  const encoded = flatten(encodeParts(kit.next.batches[0].parts))
  const { resourceSpans } = JSON.parse(Buffer.from(encodeJson('traces', encoded)).toString())
  const team = { key: 'kafka.header.team', value: { stringValue: 'blue' } }
  assert.deepEqual(resourceSpans[0].resource.attributes, [
    { key: 'a', value: { intValue: '1' } },
    team,
  ])
  assert.deepEqual(resourceSpans[1].resource.attributes, [team])
  assert.equal(resourceSpans[1].scopeSpans[0].spans[0].name, 'y')
})

test('reads on where a topic that was made anew begins', async () => {
  const kit = new Kit()
  const client = await kit.start()
  await client.events.records(batch([spans(500)], HOME, 501))
  await kit.services.clock.advance(1000)

  const next = await client.events.records(batch([spans(0), spans(1)]))
  await kit.services.clock.advance(1000)

  assert.equal(next, 2)
  assert.equal(kit.next.items, 6)
  assert.deepEqual(
    client.commits.map(({ offset }) => offset),
    [501, 2],
  )
})

test('takes records once that come again and again from beyond the end that the broker tells', async () => {
  const kit = new Kit()
  const client = await kit.start()
  const beyond = batch([spans(0), spans(1), spans(2)], HOME, 1)
  await client.events.records(beyond)
  await kit.services.clock.advance(1000)

  const answers: number[] = []
  const waits: number[] = []
  for (let i = 0; i < 12; i++) {
    answers.push(await client.events.records(beyond))
    for (let ms = 0; client.paused.size > 0; ms += 500) {
      waits[i] = ms
      await kit.services.clock.advance(500)
    }
  }

  assert.deepEqual([...new Set(answers)], [0])
  assert.equal(kit.next.items, 6)
  assert.equal(kit.total('otelcol_kafka_receiver_records'), 3)
  assert.equal(kit.total('millrace_kafka_receiver_broken_fetches'), 12)
  assert.ok(waits[0] < 2000 && waits[11] > 200_000, String(waits))
  assert.match(kit.statuses.at(-1)!, /recoverable_error.*MILLRACE_KAFKA_LOG_BROKEN/)
  assert.equal(kit.statuses.filter(status => status.includes('BROKEN')).length, 1)
})

/** Records from beyond the end that the broker tells come again, so that the log counts as broken. */
async function breakLog() {
  const kit = new Kit()
  const client = await kit.start()
  const beyond = batch([spans(0), spans(1), spans(2)], HOME, 1)
  await client.events.records(beyond)
  await client.events.records(beyond)
  await kit.services.clock.advance(5000)
  return { kit, client }
}

test('reads a topic that was made anew in the place of one with a broken log', async () => {
  const { kit, client } = await breakLog()
  const another = { ...spans(0), timestampMs: 1_800_000_000_000 }

  const next = await client.events.records(batch([another], HOME, 1))

  assert.equal(next, 1)
  assert.equal(kit.next.items, 8)
  assert.match(kit.statuses.at(-1)!, /^ok/)
})

test('a broken log is told of no more once it goes on behind what was read', async () => {
  const { kit, client } = await breakLog()

  const next = await client.events.records(batch([spans(5)], HOME, 6))

  assert.equal(next, 6)
  assert.equal(kit.next.batches.length, 4)
  assert.match(kit.statuses.at(-1)!, /^ok/)
})

test('holds up the partition of a tenant over its limits, and leaves out whom nobody knows', async () => {
  const charged: number[] = []
  let isOver = true
  const over = {
    kind: 'turned_away',
    code: 'quota',
    reason: 'rate_items',
    message: 'too much',
  } as const
  const account = {
    ...{ kind: 'account', tenant: 'acme', enter: () => null, leave() {}, refund() {} },
    charge: (items: number) => {
      if (isOver) return { ...over, retryAfterMs: 2000 }
      charged.push(items)
      return null
    },
    ...{ tryHold: () => true, unhold() {}, outOfMemory: () => over },
    ...{ connected: () => null, disconnected() {} },
  } as unknown as TenantAccount
  const unknown = {
    ...over,
    code: 'permission_denied',
    reason: 'unknown_tenant',
    retryAfterMs: 0,
  } as const
  const door = {
    admits: () => true,
    account: (tenant: string) => (tenant === 'acme' ? account : unknown),
  }
  const kit = new Kit({
    tenancy: { ...OPEN_TENANCY, door },
    config: { tenant_header: 'who', dead_letters: 'file_storage' },
  })
  const client = await kit.start()
  const records = [spans(0, 1, { who: 'nobody' }), spans(1, 2, { who: 'acme' })]

  const next = await client.events.records(batch(records))
  isOver = false
  await kit.services.clock.advance(4000)
  const after = await client.events.records(batch([records[1]]))

  assert.deepEqual([next, after, charged], [1, 2, [2]])
  assert.deepEqual(
    kit.letters.map(({ reason }) => reason),
    ['unknown_tenant'],
  )
  assert.deepEqual(
    kit.next.batches.map(({ tenant }) => tenant),
    ['acme'],
  )
  kit.next.releaseAll()
  assert.equal(kit.services.memory.reservedBytes, 0)
})

test('takes tombstones and empty requests for done', async () => {
  const kit = new Kit()
  const client = await kit.start()

  assert.equal(await client.events.records(batch([record(0, null), record(1, Buffer.alloc(0))])), 2)

  assert.equal(kit.next.items, 0)
  assert.equal(kit.total('millrace_kafka_receiver_dropped_records'), 0)
})

test('starts and stops members of the group as signals come and go', async () => {
  const kit = new Kit({ signals: ['traces'] })
  const traces = await kit.start()

  kit.receiver.serve(['logs'])
  await settle()
  await settle()

  assert.ok(traces.isStopped)
  assert.ok(kit.clients.has('otlp_logs'))
  await kit.receiver.stop(DEADLINE)
})

test('does not start with an extension that keeps no letters', async () => {
  const kit = new Kit({ config: { dead_letters: 'health_check' } })

  await assert.rejects(kit.start(), /The extension health_check is not running/)
})
