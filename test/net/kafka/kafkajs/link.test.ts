/** The link by kafkajs on real sockets, towards a broker that says no more than it must. */
import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { SYSTEM_CLOCK } from '../../../../src/core/clock.ts'
import { SILENT_LOGGER } from '../../../../src/core/logger.ts'
import type { KafkaClusterOptions } from '../../../../src/net/kafka/client.ts'
import { KafkajsLink } from '../../../../src/net/kafka/kafkajs/link.ts'
import { encodeProduce } from '../../../../src/net/kafka/protocol.ts'
import { isFailure } from '../../../../src/net/kafka/wire.ts'

/** More than the buffers of two sockets take. */
const MUCH = 64 << 20

/** Tells its versions (Produce 0 to 8), then reads nothing more. */
async function startBroker(t: TestContext): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', request => {
      const answer = Buffer.alloc(4 + 4 + 2 + 4 + 6 + 4)
      answer.writeInt32BE(answer.length - 4, 0)
      request.copy(answer, 4, 8, 12)
      answer.writeInt32BE(1, 10)
      answer.writeInt16BE(8, 18)
      socket.pause()
      socket.write(answer)
    })
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function openLink(t: TestContext, port: number): Promise<KafkajsLink> {
  const options: KafkaClusterOptions = {
    brokers: [],
    clientId: 'c',
    rackId: '',
    tls: null,
    sasl: null,
    connectTimeoutMs: 1000,
    requestTimeoutMs: 100,
    metadataMaxAgeMs: 60_000,
    metadataRetries: 0,
    metadataBackoffMs: 1,
    idleTimeoutMs: 0,
    allowAutoTopicCreation: false,
    clock: SYSTEM_CLOCK,
    log: SILENT_LOGGER,
  }
  const link = new KafkajsLink('127.0.0.1', port, options)
  t.after(() => link.close())
  assert.equal(await link.open(), null)
  return link
}

for (const acks of [0, 1]) {
  test(`a broker that hangs holds a request no longer than its time, with acks ${acks}`, {
    timeout: 10_000,
  }, async t => {
    const link = await openLink(t, await startBroker(t))
    const chunks = [Buffer.alloc(MUCH)]
    const batch = { topic: 't', partition: 0, chunks, byteLength: MUCH }

    const answer = await link.request(encodeProduce([batch], acks, 100, 8), 100, acks !== 0)

    assert.ok(isFailure(answer) && answer.kind === 'retry')
    assert.equal(link.isOpen, false)
  })
}
