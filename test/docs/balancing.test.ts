/** The paper on endpoints: its YAML loads and balances, its tables have every key and default, its metrics are all there are. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { grpcEndpoint, section } from '../../src/config/fields.ts'
import { loadConfig } from '../../src/config/load.ts'
import { Registry } from '../../src/core/registry.ts'
import {
  type EndpointsConfig,
  endpointsFields,
  MAX_ENDPOINTS,
} from '../../src/exporters/sending/pool/config.ts'
import { createSender } from '../../src/exporters/sending/pool/create.ts'
import { ENDPOINT_METRICS } from '../../src/exporters/sending/pool/metrics.ts'
import { MAX_WAITING } from '../../src/exporters/sending/pool/waiting-room.ts'
import { encodeParts } from '../../src/otlp/encode.ts'
import { fakeHost, fakeServices } from '../../src/testing/fakes.ts'
import { AbortSource } from '../../src/util/abort.ts'
import { parseDuration } from '../../src/util/duration.ts'
import { acceptBatch } from '../exporters/batch-of.ts'
import { DOWN, FakeEndpoint } from '../exporters/sending/pool/kit.ts'
import { BUILTINS } from '../harness/builtins.ts'
import { ROOT } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'

const TEXT = readFileSync(join(ROOT, 'docs', 'balancing.md'), 'utf8')
/** YAML blocks begin with the name of their file. */
const BLOCKS = new Map(
  [...TEXT.matchAll(/```yaml\n# (\S+\.yaml)\n([\s\S]*?)```/g)].map(match => [match[1], match[2]]),
)
const BASE = 'gateway.yaml'

/** The gateway of the page with a piece laid over it, unless the piece stands alone. */
function load(name: string) {
  const names = BLOCKS.get(name)!.includes('service:') ? [name] : [BASE, name]
  const sources = names.map(each => `yaml:${BLOCKS.get(each)}`)
  return loadConfig(sources, [], new Registry(BUILTINS), {})
}

test('every piece of YAML has a name', () => {
  assert.equal(BLOCKS.size, (TEXT.match(/```yaml/g) ?? []).length)
  assert.ok(BLOCKS.size >= 9)
})

for (const name of BLOCKS.keys()) {
  test(`${name} loads without a warning, and every request arrives while its first endpoint is down`, async t => {
    const { exporters, warnings, service } = load(name)
    const [id] = service.pipelines.values().next().value!.exporters
    const loaded = exporters.get(id)!.config as EndpointsConfig
    // No checks of names that are examples only.
    const config = { ...loaded, balancing: { ...loaded.balancing!, health_check: undefined } }
    const services = fakeServices()
    const made: FakeEndpoint[] = []
    const sender = createSender(
      { ...services, id, config, signals: ['traces'] },
      {
        kind: id === 'otlp_http' ? 'http' : 'grpc',
        endpoint: undefined,
        tls: undefined,
        lookup: async () => ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
        create: place => {
          const endpoint = new FakeEndpoint(place)
          if (made.length === 0) endpoint.reply = () => DOWN
          made.push(endpoint)
          return endpoint
        },
      },
    )
    await sender.start(fakeHost())
    t.after(() => sender.stop())

    for (let n = 0; n < 60; n++) {
      const { batch } = acceptBatch(services, 'traces', sampleRequest('traces', n).bytes)
      const { chunks, byteLength } = encodeParts(batch.parts)
      const encoded = { signal: 'traces' as const, items: 5, chunks, byteLength, batch }
      const { kind } = await sender.send(encoded, new AbortSource())
      assert.equal(kind, 'sent')
    }

    assert.deepEqual(warnings, [])
    assert.ok(made.length >= 2)
    assert.ok(made[0].requests < 60)
  })
}

/** Keys with their defaults as the tables say, by the section that the head of the table names. */
function documented(): Map<string, string> {
  const found = new Map<string, string>()
  let prefix: string | null = null
  for (const line of TEXT.split('\n')) {
    const head = /^\| key(?: of `(\w+)`)? \| default \|/.exec(line)
    if (head !== null) prefix = head[1] === undefined ? '' : `${head[1]}.`
    else if (!line.startsWith('|')) prefix = null
    const row = /^\| `(\w+)` \| ([^|]+) \|/.exec(line)
    if (prefix !== null && row !== null) found.set(prefix + row[1], row[2].trim())
  }
  return found
}

test('the tables have every key with its default, and no other', () => {
  const everything = Object.fromEntries(
    ['resolve', 'health_check', 'passive_health_check', 'outlier_ejection'].map(key => [key, null]),
  )
  const schema = section(endpointsFields(grpcEndpoint()))
  const balancing = { ...everything, adaptive_concurrency: null }
  const { balancing: actual } = schema.parse({ endpoints: ['a:1'], balancing })
  const expected = new Map<string, unknown>()
  for (const [key, value] of Object.entries(actual!)) {
    if (typeof value !== 'object') expected.set(key, value)
    else
      for (const [inner, preset] of Object.entries(value)) expected.set(`${key}.${inner}`, preset)
  }

  const said = documented()

  assert.deepEqual([...said.keys()].sort(), [...expected.keys()].sort())
  for (const [key, text] of said) {
    const value = expected.get(key)
    const isSame =
      text === String(value) ||
      parseDuration(text) === value ||
      text === `\`${JSON.stringify(value)}\`` ||
      text === `\`${value}\`` ||
      text === JSON.stringify(value)
    assert.ok(isSame, `${key}: ${text} is said, ${JSON.stringify(value)} is so`)
  }
})

test('the page has every metric of endpoints', () => {
  const said = [...TEXT.matchAll(/^\| `(millrace_endpoint_\w+)` \|/gm)].map(([, name]) => name)

  assert.deepEqual(said.sort(), ENDPOINT_METRICS.map(({ name }) => name).sort())
})

test('the page has the bounds as they are', () => {
  assert.match(TEXT, new RegExp(`From 1 to ${MAX_ENDPOINTS} of them`))
  assert.match(TEXT, new RegExp(`At most ${MAX_ENDPOINTS} addresses of one name`))
  assert.match(TEXT, new RegExp(`at most ${MAX_WAITING.toLocaleString('en')} of them`))
})
