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

test('what is used of kafkajs below its surface is there', () => {
  const { kafkajs, Broker, ConnectionPool } = loadKafkajs()

  assert.equal(typeof kafkajs.Kafka, 'function')
  assert.equal(typeof Broker.prototype.connect, 'function')
  assert.equal(typeof ConnectionPool.prototype.getConnection, 'function')
})
