/** The agent's sockets: packets of both protocols, what happens to those that cannot be taken, and what is left at a stop. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { describe, it } from 'node:test'
import { ACCEPTED, busy, type Outcome, refused } from '../../../src/core/outcome.ts'
import { startBook } from '../../tenancy/kit.ts'
import { makeMessage } from '../../translate/jaeger/thrift-maker.ts'
import { until } from '../kit.ts'
import { makeModel, startJaegerReceiver } from './running.ts'

const accepted = 'otelcol_receiver_accepted_spans'
const came = 'millrace_receiver_packets'
const dropped = 'millrace_receiver_dropped_packets'
const queued = 'millrace_receiver_queued_packets'
const COMPACT = { transport: 'udp_thrift_compact' }
const message = makeMessage(makeModel(), 'compact')

describe('agent of the jaeger receiver', () => {
  it('takes packets in the compact and in the binary protocol, each on its port', async t => {
    const jaeger = await startJaegerReceiver(t)

    await jaeger.packet('compact', makeMessage(makeModel(2), 'compact'))
    await jaeger.packet('binary', makeMessage(makeModel(3), 'binary'))
    await jaeger.packet('binary', makeMessage(makeModel(3), 'binary', false))
    await until(() => jaeger.next.batches.length === 3)

    assert.equal(jaeger.count(accepted, { receiver: 'jaeger', ...COMPACT }), 2)
    assert.equal(jaeger.count(accepted, { transport: 'udp_thrift_binary' }), 6)
    const [span] = jaeger.spans()
    assert.equal(span.resource['service.name'], 'checkout')
    assert.match(jaeger.next.batches[0].context.peer, /^127\.0\.0\.1:\d+$/)
    assert.equal(jaeger.count(dropped), 0)
  })

  it('counts what is not a message, is too long or is for the other port, and goes on', async t => {
    const jaeger = await startJaegerReceiver(t, {
      protocols: { thrift_compact: { max_packet_size: 1000 } },
    })

    await jaeger.packet('compact', Buffer.from('hello'))
    await jaeger.packet('compact', Buffer.alloc(0))
    await jaeger.packet('compact', makeMessage(makeModel(), 'binary'))
    await jaeger.packet('compact', message.subarray(0, message.length - 10))
    await jaeger.packet('compact', makeMessage(makeModel(100), 'compact'))
    await jaeger.packet('compact', message)
    await until(() => jaeger.count(came) === 6)

    assert.equal(jaeger.next.items, 1)
    assert.equal(jaeger.count(dropped, { ...COMPACT, reason: 'malformed' }), 4)
    assert.equal(jaeger.count(dropped, { ...COMPACT, reason: 'too_large' }), 1)
    assert.equal(jaeger.count('millrace_receiver_refused_requests', { reason: 'malformed' }), 4)
  })

  it('keeps what the pipeline is too busy for and offers it again, counted once', async t => {
    const jaeger = await startJaegerReceiver(t)
    let answers = 0
    jaeger.next.answer = () => (++answers <= 3 ? busy(1) : ACCEPTED)

    await jaeger.packet('compact', makeMessage(makeModel(5), 'compact'))
    await until(() => jaeger.next.batches.length === 1)

    assert.equal(answers, 4)
    await until(() => jaeger.count(accepted) === 5)
    assert.equal(jaeger.count('otelcol_receiver_refused_spans'), 0)
    assert.equal(jaeger.count(dropped), 0)
  })

  it('holds in the ledger what waits', async t => {
    const jaeger = await startJaegerReceiver(t)
    let isBusy = true
    jaeger.next.answer = () => (isBusy ? busy(10) : ACCEPTED)

    await jaeger.packet('compact', makeMessage(makeModel(5), 'compact'))
    const { ledger } = jaeger.services
    await until(() => ledger.rows()[0]?.held === 5)

    assert.ok(ledger.rows()[0].balanced)
    isBusy = false
    await until(() => jaeger.next.batches.length === 1)
    assert.equal(ledger.rows()[0].held, 0)
  })

  it('has no more packets in the pipeline than workers, queues the next, and drops the rest', async t => {
    const jaeger = await startJaegerReceiver(t, {
      protocols: { thrift_compact: { workers: 2, queue_size: 3 } },
    })
    const answers: ((outcome: Outcome) => void)[] = []
    jaeger.next.answer = () => new Promise(resolve => answers.push(resolve))

    for (let i = 0; i < 7; i++) await jaeger.packet('compact', message)
    await until(() => jaeger.count(came) === 7)

    assert.equal(answers.length, 2)
    assert.equal(jaeger.count(queued, COMPACT), 3)
    assert.equal(jaeger.count(dropped, { reason: 'queue_full' }), 2)
    for (let i = 0; i < 5; i++) {
      await until(() => answers.length > i)
      answers[i](ACCEPTED)
    }
    await until(() => jaeger.next.batches.length === 5)
    assert.equal(jaeger.count(queued), 0)
    assert.equal(jaeger.count(dropped), 2)
  })

  it('waits while memory is short, and drops what it has no memory to keep', async t => {
    const jaeger = await startJaegerReceiver(t)
    const { memory } = jaeger.services
    memory.limitBytes = memory.reservedBytes + message.length * 2
    memory.retryAfterMs = () => 5

    for (let i = 0; i < 3; i++) await jaeger.packet('compact', message)
    await until(() => jaeger.count(came) === 3)

    assert.equal(jaeger.next.items, 0)
    assert.equal(jaeger.count(dropped, { reason: 'memory' }), 1)
    memory.limitBytes = Number.MAX_SAFE_INTEGER
    await until(() => jaeger.next.items === 2)
  })

  it('drops what the pipeline will never take', async t => {
    const jaeger = await startJaegerReceiver(t)
    jaeger.next.answer = batch => refused(batch.items, 'bad_data', 'no')

    await jaeger.packet('compact', makeMessage(makeModel(2), 'compact'))
    await until(() => jaeger.count(dropped) === 1)

    assert.equal(jaeger.count(dropped, { reason: 'refused' }), 1)
    assert.equal(jaeger.count('otelcol_receiver_refused_spans', COMPACT), 2)
  })

  it('counts packets for the tenant `default`, with its limits and its addresses', async t => {
    const { book, usage, use } = startBook({ tenants: { default: { items_per_second: 10 } } })
    const jaeger = await startJaegerReceiver(t, { tenancy: book })

    await jaeger.packet('compact', makeMessage(makeModel(100), 'compact'))
    await jaeger.packet('compact', message)
    await until(() => jaeger.count(came) === 2)
    use({ tenants: { default: { addresses: { allow: ['10.0.0.0/8'] } } } })
    await jaeger.packet('compact', message)
    await until(() => jaeger.count(came) === 3)
    use({ addresses: { deny: ['127.0.0.1'] } })
    await jaeger.packet('compact', message)
    await until(() => jaeger.count(came) === 4)

    assert.deepEqual(
      jaeger.next.batches.map(batch => [batch.tenant, batch.items]),
      [['default', 100]],
    )
    assert.equal(jaeger.count(dropped, { reason: 'quota' }), 1)
    assert.equal(jaeger.count(dropped, { reason: 'denied' }), 2)
    assert.deepEqual(usage.turnedAway_, [
      'default rate_items',
      'default address_denied',
      '(unknown) address_denied',
    ])
  })

  it('hands on what waits when it stops', async t => {
    const jaeger = await startJaegerReceiver(t, {
      protocols: { thrift_compact: { workers: 1 } },
    })
    const answers: ((outcome: Outcome) => void)[] = []
    jaeger.next.answer = () => new Promise(resolve => answers.push(resolve))
    for (let i = 0; i < 3; i++) await jaeger.packet('compact', message)
    await until(() => jaeger.count(queued) === 2)

    const stopped = jaeger.stop(AbortSignal.timeout(10_000))
    for (let i = 0; i < 3; i++) {
      await until(() => answers.length > i)
      answers[i](ACCEPTED)
    }
    await stopped

    assert.equal(jaeger.next.batches.length, 3)
    assert.equal(jaeger.count(dropped), 0)
  })

  it('takes packets that the kernel has when it stops', async t => {
    const jaeger = await startJaegerReceiver(t)

    const sent = Array.from({ length: 20 }, () => jaeger.packet('compact', message))
    await Promise.all(sent)
    await jaeger.stop(AbortSignal.timeout(10_000))

    assert.equal(jaeger.next.batches.length, 20)
  })

  it('drops what is not taken by the deadline, and says so', async t => {
    const jaeger = await startJaegerReceiver(t, {
      protocols: { thrift_compact: { workers: 1 } },
    })
    jaeger.next.answer = () => busy(1000)
    for (let i = 0; i < 3; i++) await jaeger.packet('compact', message)
    await until(() => jaeger.count(queued) === 2)

    await jaeger.stop(AbortSignal.timeout(50))

    assert.equal(jaeger.next.batches.length, 0)
    assert.equal(jaeger.count(dropped, { reason: 'shutdown' }), 3)
    assert.equal(jaeger.services.memory.reservedBytes, 0)
  })

  it('says at the start that its address is in use', async t => {
    const taken = createSocket('udp4')
    await new Promise<void>(resolve => taken.bind(0, '127.0.0.1', resolve))
    t.after(() => taken.close())

    const failing = startJaegerReceiver(t, {
      protocols: { thrift_binary: { endpoint: `localhost:${taken.address().port}` } },
    })

    await assert.rejects(failing, { code: 'MILLRACE_START_FAILED' })
  })

  it('listens on every interface when there is no host, for both families', async t => {
    const jaeger = await startJaegerReceiver(t, {
      protocols: { thrift_compact: { endpoint: ':0', socket_buffer_size: 65_536 } },
    })

    await jaeger.packet('compact', message)
    await until(() => jaeger.next.items === 1)

    assert.match(jaeger.next.batches[0].context.peer, /^127\.0\.0\.1:/)
  })

  it('listens on an address of IPv6', { skip: !hasIpv6() }, async t => {
    const jaeger = await startJaegerReceiver(t, {
      protocols: { thrift_binary: { endpoint: '[::1]:0' } },
    })
    const socket = createSocket('udp6')
    t.after(() => socket.close())

    socket.send(makeMessage(makeModel(), 'binary'), jaeger.ports.thriftBinary, '::1')
    await until(() => jaeger.next.items === 1)

    assert.match(jaeger.next.batches[0].context.peer, /^::1:\d+$/)
  })

  it('tells what the kernel dropped because its buffer was full', async t => {
    const jaeger = await startJaegerReceiver(t, {
      protocols: { thrift_compact: { socket_buffer_size: 4096 } },
    })
    const large = makeMessage(makeModel(500), 'compact')

    const sent = Array.from({ length: 50 }, () => jaeger.packet('compact', large))
    await Promise.all(sent)
    await until(
      () => jaeger.count(came) + jaeger.count(dropped, { reason: 'socket_buffer' }) === 50,
    )

    assert.ok(process.platform !== 'linux' || jaeger.count(dropped) > 0)
  })
})

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some(all =>
    all?.some(({ address }) => address === '::1'),
  )
}
