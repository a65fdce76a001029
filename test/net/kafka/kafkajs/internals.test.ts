/** The places of kafkajs that are mended in memory: these tests notice when a version has moved them. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { loadKafkajs } from '../../../../src/net/kafka/kafkajs/internals.ts'

const require = createRequire(import.meta.url)

test('no timer runs while no request waits', () => {
  loadKafkajs()
  const RequestQueue = require('kafkajs/src/network/requestQueue')
  const logger = { debug() {}, warn() {} }
  const queue = new RequestQueue({ maxInFlightRequests: null, requestTimeout: 1000, logger })

  queue.scheduleCheckPendingRequests()
  const idle = queue.throttleCheckTimeoutId
  queue.pending.push({})
  queue.maybeThrottle(10_000)
  queue.scheduleCheckPendingRequests()
  const waiting = queue.throttleCheckTimeoutId
  queue.destroy()

  assert.equal(idle, null)
  assert.notEqual(waiting, null)
})

test('a member asks before it joins again, and says when it has', async () => {
  loadKafkajs()
  const ConsumerGroup = require('kafkajs/src/consumer/consumerGroup')
  const order: string[] = []
  const hook = {
    beforeJoin: async () => void order.push('before'),
    afterJoin: async () => void order.push('after'),
  }
  const self = { assigners: [hook], retrier: async () => void order.push('join') }

  await ConsumerGroup.prototype.joinAndSync.call(self)

  assert.deepEqual(order, ['before', 'join', 'after'])
})

test('a member that stops while its brokers change fetches no more, and leaves the process alive', async () => {
  loadKafkajs()
  const Runner = require('kafkajs/src/consumer/runner')
  let nodes = [1, 2]
  let calls = 0
  // Without a broker behind it a fetch after the stop never waits: nothing else of the process would run again.
  const debug = (message: string): void => {
    if (message.startsWith('consumer not running') && ++calls > 1000) throw new Error('it spins')
  }
  const logger = { namespace: () => logger, debug, info() {}, warn() {}, error() {} }
  const consumerGroup = {
    connect: async () => {},
    joinAndSync: async () => {},
    heartbeat: async () => {},
    leave: async () => {},
    getNodeIds: () => nodes,
    fetch: (node: number) => new Promise(resolve => setTimeout(resolve, node * 20, [])),
  }
  const crashes: Error[] = []
  const runner = new Runner({
    ...{ logger, consumerGroup, concurrency: 1, retry: { initialRetryTime: 10 } },
    instrumentationEmitter: { emit() {} },
    onCrash: (error: Error) => void crashes.push(error),
  })
  await runner.start()

  nodes = [1]
  // The fetcher of the first broker has seen the change and waits for the other one's.
  await new Promise(resolve => setTimeout(resolve, 25))
  await runner.stop()

  assert.ok(calls <= 1, `${calls} fetches after the stop`)
  assert.deepEqual(crashes, [])
  assert.equal(runner.consuming, false)
})

test('what is used of kafkajs below its surface is there', () => {
  const { kafkajs, Broker, ConnectionPool } = loadKafkajs()

  assert.equal(typeof kafkajs.Kafka, 'function')
  assert.equal(typeof Broker.prototype.connect, 'function')
  assert.equal(typeof ConnectionPool.prototype.getConnection, 'function')
})
