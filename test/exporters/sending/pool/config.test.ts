/** Which `endpoints` and `balancing` are right, and what is said about those that are not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type JsonSchema, jsonSchemaOf } from '../../../../src/config/schema-walk.ts'
import { config as grpc } from '../../../../src/exporters/otlp-grpc/config.ts'
import { config as http } from '../../../../src/exporters/otlp-http/config.ts'

/** Messages of everything that is wrong, with paths. */
function problemsOf(spec: typeof grpc | typeof http, value: object): string[] {
  const parsed = spec.schema.safeParse(value)
  if (!parsed.success) return parsed.error.issues.map(i => `${i.path.join('.')} ${i.message}`)
  return spec.check!(parsed.data as never).map(p => `${p.path.join('.')} ${p.message}`)
}

test('editors are told that an endpoint may be a text', () => {
  const { properties } = jsonSchemaOf(grpc.schema)
  const items = properties!.endpoints.items as JsonSchema

  assert.deepEqual(items.type, ['object', 'string'])
  assert.deepEqual(Object.keys(items.properties!), ['endpoint', 'weight'])
})

test('endpoints are texts or objects', () => {
  const { endpoints } = grpc.schema.parse({
    endpoints: ['a:1', { endpoint: 'https://b:2', weight: 3 }],
  })

  assert.deepEqual(endpoints, [
    { endpoint: 'a:1', weight: 1 },
    { endpoint: 'https://b:2', weight: 3 },
  ])
})

test('sections of balancing are off until they are named, the breaker is on', () => {
  const { balancing } = grpc.schema.parse({ endpoints: ['a:1'], balancing: null })

  assert.deepEqual(Object.keys(balancing!).sort(), [
    'circuit_breaker',
    'hash_metadata_key',
    'hash_on',
    'max_tries',
    'panic_threshold',
    'strategy',
    'try_timeout',
  ])
  assert.equal(balancing!.circuit_breaker.enabled, true)
  assert.equal(balancing!.circuit_breaker.consecutive_failures, 5)
})

for (const [what, spec, value, expected] of [
  ['neither endpoint nor endpoints', grpc, {}, /^endpoint is missing$/],
  ['none of the HTTP endpoints', http, {}, /^endpoint is missing; at least one/],
  ['both', grpc, { endpoint: 'a:1', endpoints: ['b:1'] }, /^endpoint does not go together/],
  [
    'a signal’s own endpoint beside them',
    http,
    { traces_endpoint: 'http://a', endpoints: ['http://b'] },
    /^traces_endpoint does not go together with endpoints/,
  ],
  ['an empty list', grpc, { endpoints: [] }, /^endpoints /],
  [
    'an endpoint that is none',
    grpc,
    { endpoints: ['a:1', 'b'] },
    /^endpoints\.1\.endpoint .*port is missing/,
  ],
  [
    'an HTTP endpoint without scheme',
    http,
    { endpoints: ['b:1'] },
    /^endpoints\.0\.endpoint does not begin/,
  ],
  [
    'one twice',
    grpc,
    { endpoints: ['a:1', { endpoint: 'a:1', weight: 2 }] },
    /^endpoints\.1 is listed twice/,
  ],
  [
    'a weight of 0',
    grpc,
    { endpoints: [{ endpoint: 'a:1', weight: 0 }] },
    /^endpoints\.0\.weight /,
  ],
  [
    'an unknown key',
    grpc,
    { endpoints: [{ endpoint: 'a:1', tls: {} }] },
    /^endpoints\.0 Unrecognized key/,
  ],
  [
    'more endpoints than there may be',
    grpc,
    { endpoints: Array.from({ length: 65 }, (_, i) => `a:${i + 1}`) },
    /^endpoints /,
  ],
  ['balancing of nothing', grpc, { endpoint: 'a:1', balancing: {} }, /^balancing has no effect/],
  [
    'an unknown strategy',
    grpc,
    { endpoints: ['a:1'], balancing: { strategy: 'random' } },
    /^balancing\.strategy /,
  ],
  [
    'a breaker whose longest wait is shorter than its first',
    grpc,
    { endpoints: ['a:1'], balancing: { circuit_breaker: { open_interval: '1m' } } },
    /^balancing\.circuit_breaker\.max_open_interval is less/,
  ],
  [
    'an ejection whose longest time is shorter than its first',
    grpc,
    { endpoints: ['a:1'], balancing: { outlier_ejection: { base_ejection_time: '10m' } } },
    /^balancing\.outlier_ejection\.max_ejection_time is less/,
  ],
  [
    'a greatest limit under the least',
    grpc,
    { endpoints: ['a:1'], balancing: { adaptive_concurrency: { min: 20, max: 10 } } },
    /^balancing\.adaptive_concurrency\.max is less than min/,
  ],
  [
    'a first limit outside',
    grpc,
    { endpoints: ['a:1'], balancing: { adaptive_concurrency: { initial: 200 } } },
    /^balancing\.adaptive_concurrency\.initial is not between/,
  ],
  [
    'gRPC checks of HTTP endpoints',
    http,
    { endpoints: ['http://a'], balancing: { health_check: { protocol: 'grpc' } } },
    /^balancing\.health_check\.protocol is not what an HTTP endpoint speaks/,
  ],
  [
    'a hash on metadata without a key',
    grpc,
    { endpoints: ['a:1'], balancing: { strategy: 'consistent_hash', hash_on: 'metadata' } },
    /^balancing\.hash_metadata_key is missing/,
  ],
  [
    'a hash on metadata that batches do not keep apart',
    grpc,
    {
      endpoints: ['a:1'],
      balancing: { strategy: 'consistent_hash', hash_on: 'metadata', hash_metadata_key: 'shard' },
      sending_queue: { batch: { partition: { metadata_keys: ['zone'] } } },
    },
    /^balancing\.hash_metadata_key is not in sending_queue\.batch\.partition/,
  ],
  [
    'weights that nobody looks at',
    grpc,
    { endpoints: [{ endpoint: 'a:1', weight: 2 }, 'b:1'] },
    /^endpoints\.0\.weight has no effect with the strategy round_robin/,
  ],
  [
    'a hash key that nobody looks at',
    grpc,
    { endpoints: ['a:1'], balancing: { strategy: 'latency', hash_on: 'trace_id' } },
    /^balancing\.hash_on has no effect with the strategy latency/,
  ],
  [
    'a hash on peers that batches mix',
    grpc,
    { endpoints: ['a:1'], balancing: { strategy: 'ip_hash' }, sending_queue: { batch: {} } },
    /^balancing\.strategy does not go together with sending_queue\.batch/,
  ],
] as const) {
  test(`says what is wrong with ${what}`, () => {
    const problems = problemsOf(spec, value)

    assert.ok(
      problems.some(problem => expected.test(problem)),
      problems.join('\n') || 'nothing was found wrong',
    )
  })
}

test('a hash on metadata goes with batches that are partitioned by it', () => {
  const problems = problemsOf(grpc, {
    endpoints: ['a:1'],
    balancing: { strategy: 'consistent_hash', hash_on: 'metadata', hash_metadata_key: 'Shard' },
    sending_queue: { batch: { partition: { metadata_keys: ['shard'] } } },
  })

  assert.deepEqual(problems, [])
})

test('gRPC checks of HTTP endpoints may go to another port', () => {
  const problems = problemsOf(http, {
    endpoints: ['http://a'],
    balancing: { health_check: { protocol: 'grpc', port: 4317 } },
  })

  assert.deepEqual(problems, [])
})
