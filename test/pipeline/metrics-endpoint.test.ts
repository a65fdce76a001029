/** Where self-metrics are fetched: every configured address, one path, and all addresses or none. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { SILENT_LOGGER } from '../../src/core/logger.ts'
import { MetricsEndpoint } from '../../src/pipeline/metrics-endpoint.ts'
import { FakeClock } from '../../src/testing/fakes.ts'

function createEndpoint(t: TestContext, exposition = async () => 'up 1\n') {
  const services = { log: SILENT_LOGGER, clock: new FakeClock() }
  const source = { contentType: 'text/plain; version=0.0.4', exposition }
  const endpoint = new MetricsEndpoint(source, services)
  t.after(() => endpoint.listen([]))
  return endpoint
}

const LOCAL = { host: 'localhost', port: 0 }
const NUMBER = { host: '127.0.0.1', port: 0 }

test('answers the exposition on every address, under /metrics only', async t => {
  const endpoint = createEndpoint(t)
  await endpoint.listen([LOCAL, NUMBER])

  for (const port of endpoint.ports) {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
    assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4')
    assert.equal(await answer.text(), 'up 1\n')
    assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404)
  }
  assert.equal(endpoint.ports.length, 2)
})

test('keeps the addresses that stay and lets go of the others', async t => {
  const endpoint = createEndpoint(t)
  await endpoint.listen([LOCAL, NUMBER])
  const [local] = endpoint.ports

  await endpoint.listen([LOCAL])

  assert.deepEqual(endpoint.ports, [local])
  assert.equal((await fetch(`http://127.0.0.1:${local}/metrics`)).status, 200)
})

test('listens where it did before when one address cannot be had', async t => {
  const other = createEndpoint(t)
  await other.listen([LOCAL])
  const taken = { host: 'localhost', port: other.ports[0] }
  const endpoint = createEndpoint(t)
  await endpoint.listen([LOCAL])

  await assert.rejects(endpoint.listen([NUMBER, taken]), { code: 'MILLRACE_START_FAILED' })

  assert.equal(endpoint.ports.length, 1)
  assert.equal((await fetch(`http://127.0.0.1:${endpoint.ports[0]}/metrics`)).status, 200)
})
