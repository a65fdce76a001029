/** Which configurations of otlp_grpc are right, judged as upstream judges them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { config } from '../../../src/exporters/otlp-grpc/config.ts'

/** Messages of everything that is wrong, with paths. */
function problemsOf(value: object): string[] {
  const parsed = config.schema.safeParse(value)
  if (!parsed.success) return parsed.error.issues.map(i => `${i.path.join('.')} ${i.message}`)
  return config.check!(parsed.data).map(p => `${p.path.join('.')} ${p.message}`)
}

test('defaults are those of the collector', () => {
  const { sending_queue: queue, ...rest } = config.schema.parse({ endpoint: 'a:1' })

  assert.equal(rest.timeout, 5000)
  assert.equal(rest.compression, 'gzip')
  assert.equal(rest.balancer_name, 'round_robin')
  assert.deepEqual(rest.retry_on_failure, {
    enabled: true,
    initial_interval: 5000,
    randomization_factor: 0.5,
    multiplier: 1.5,
    max_interval: 30_000,
    max_elapsed_time: 300_000,
  })
  assert.deepEqual(
    { ...queue },
    {
      enabled: true,
      num_consumers: 10,
      queue_size: 1000,
      sizer: 'requests',
      block_on_overflow: false,
      wait_for_result: false,
    },
  )
})

test('an empty batch section means batching with its defaults', () => {
  const { sending_queue } = config.schema.parse({ endpoint: 'a:1', sending_queue: { batch: null } })

  assert.deepEqual(sending_queue.batch, {
    flush_timeout: 200,
    min_size: 8192,
    max_size: 0,
    sizer: 'items',
    partition: { metadata_keys: [] },
  })
})

for (const [what, value, expected] of [
  ['no endpoint', {}, /^endpoint /],
  ['a scheme without host', { endpoint: 'https://' }, /^endpoint names no host/],
  ['an endpoint without port', { endpoint: 'example.com' }, /port is missing/],
  ['a port that is no number', { endpoint: 'example.com:port' }, /port is not a number/],
  ['a unix endpoint without path', { endpoint: 'unix://' }, /names no socket/],
  ['a negative timeout', { endpoint: 'a:1', timeout: '-5s' }, /^timeout is negative/],
  [
    'a randomization below 0',
    { endpoint: 'a:1', retry_on_failure: { randomization_factor: -5 } },
    /randomization_factor/,
  ],
  ['an unknown TLS version', { endpoint: 'a:1', tls: { min_version: 'asd' } }, /^tls.min_version/],
  [
    'a max_size below min_size',
    { endpoint: 'a:1', sending_queue: { batch: { min_size: 9, max_size: 8 } } },
    /max_size is smaller/,
  ],
  [
    'a batch that never fills',
    { endpoint: 'a:1', sending_queue: { sizer: 'items', batch: null } },
    /min_size is larger than queue_size/,
  ],
  [
    'a retry that gives up before it begins',
    { endpoint: 'a:1', retry_on_failure: { max_elapsed_time: '1s' } },
    /max_elapsed_time is less than/,
  ],
  ['an unknown balancer', { endpoint: 'a:1', balancer_name: 'best' }, /^balancer_name/],
  ['an unknown compression', { endpoint: 'a:1', compression: 'rar' }, /^compression/],
] as const) {
  test(`finds fault with ${what}`, () => {
    const problems = problemsOf(value)

    assert.ok(
      problems.some(problem => expected.test(problem)),
      `${problems}`,
    )
  })
}

test('switched-off sections are not judged', () => {
  const retry_on_failure = { enabled: false, max_elapsed_time: '1s' }
  const sending_queue = { enabled: false, sizer: 'items', batch: null }

  assert.deepEqual(problemsOf({ endpoint: 'a:1', retry_on_failure, sending_queue }), [])
})
