/** Policies of `tail_sampling` by themselves: what the conformance cases and the Go collector do not show. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { mergeBits } from '../../../src/processors/tail-sampling/conditions.ts'
import { config as spec } from '../../../src/processors/tail-sampling/config.ts'
import { SAMPLED } from '../../../src/processors/tail-sampling/decision.ts'
import { Facts } from '../../../src/processors/tail-sampling/facts.ts'
import { PolicyBuilder } from '../../../src/processors/tail-sampling/policies/build.ts'
import { TokenBucket } from '../../../src/processors/tail-sampling/policies/limits.ts'
import {
  DEFAULT_SALT,
  ProbabilisticPolicy,
  shareOfUint64,
} from '../../../src/processors/tail-sampling/policies/probabilistic.ts'
import { hasMember } from '../../../src/processors/tail-sampling/trace-state.ts'

const MASK = (1n << 64n) - 1n

function fnv(salt: string, id: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of [...Buffer.from(salt), ...id]) {
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & MASK
  }
  return hash
}

test('probabilistic samples by the 64-bit hash of salt and id', () => {
  const id = fc.uint8Array({ minLength: 16, maxLength: 16 })
  fc.assert(
    fc.property(id, fc.string(), fc.double({ min: 0, max: 100, noNaN: true }), (bytes, salt, p) => {
      const facts = new Facts(0)
      facts.traceId.set(bytes)
      const isSampled = new ProbabilisticPolicy(salt, p).decide(facts) === SAMPLED
      assert.equal(isSampled, fnv(salt || DEFAULT_SALT, bytes) <= shareOfUint64(p / 100))
    }),
  )
})

test('the share of 2^64 - 1 is cut to 64 binary digits', () => {
  assert.equal(shareOfUint64(0), 0n)
  assert.equal(shareOfUint64(-1), 0n)
  assert.equal(shareOfUint64(1), MASK)
  assert.equal(shareOfUint64(2), MASK)
  assert.equal(shareOfUint64(0.5), MASK >> 1n)
  assert.equal(shareOfUint64(0.1), 0x1999999999999a00n - 1n)
})

test('of a pair of bits only the first answer counts', () => {
  const HOLDS = 0b01
  const FAILED = 0b10
  assert.equal(mergeBits(1, 1, HOLDS, FAILED), HOLDS)
  assert.equal(mergeBits(1, 1, FAILED, HOLDS), FAILED)
  assert.equal(mergeBits(1, 1, FAILED << 4, HOLDS) >>> 0, (FAILED << 4) | HOLDS)
  assert.equal(mergeBits(1, 1, 0, FAILED << 30) >>> 0, (FAILED << 30) >>> 0)
  assert.equal(mergeBits(0, 1, HOLDS, FAILED), HOLDS | FAILED)
})

test('a bucket is full at first, fills evenly and never beyond its burst', () => {
  const bucket = new TokenBucket(10, 20)

  assert.equal(bucket.take(21, 0), false)
  assert.equal(bucket.take(20, 0), true)
  assert.equal(bucket.take(1, 50), false)
  assert.equal(bucket.take(1, 100), true)
  assert.equal(bucket.take(20, 60_000), true)
  assert.equal(bucket.take(1, 60_000), false)
})

test('a bucket goes on filling after the clock went back', () => {
  const bucket = new TokenBucket(10, 20)
  assert.ok(bucket.take(20, 5_000_000))
  assert.ok(!bucket.take(10, 1_000_000))
  assert.ok(bucket.take(10, 1_001_000))
})

test('a trace state with a bad or doubled member has no members at all', () => {
  const values = new Set(['v'])
  assert.ok(hasMember('a=1,k=v', 'k', values))
  assert.ok(hasMember(' k=v ,,t@s=1', 'k', values))
  for (const state of ['k=v,k=w', 'k=v,bad', 'k=v,A=1', 'k=v,a=', 'K=v', 'k =v', 'kk=v', '']) {
    assert.ok(!hasMember(state, 'k', values), state)
  }
  const many = Array.from({ length: 32 }, (_, i) => `a${i}=1`)
  assert.ok(hasMember(['k=v', ...many.slice(1)].join(','), 'k', values))
  assert.ok(!hasMember(['k=v', ...many].join(','), 'k', values))
})

function problemsOf(section: object): string[] {
  return spec.check!(spec.schema.parse(section)).map(
    ({ path, message }) => `${path.join('.')} ${message}`,
  )
}

test('says what is wrong with policies, and where', () => {
  const policies = [
    { name: '', type: 'always_sample' },
    { name: 'a', type: 'status_code', status_code: { status_codes: ['BAD'] } },
    { name: 'a', type: 'status_code' },
    { name: 'n', type: 'numeric_attribute', numeric_attribute: { key: 'k' } },
    {
      name: 'r',
      type: 'string_attribute',
      string_attribute: { key: 'k', values: ['('], enabled_regex_matching: true },
    },
    { name: 'o', type: 'ottl_condition' },
    { name: 'p', type: 'ottl_condition', ottl_condition: { span: ['nope('] } },
    { name: 'x', type: 'and', and: { and_sub_policy: [{ name: 'y', type: 'not' }] } },
  ]

  const problems = problemsOf({ policies })

  assert.equal(problems.length, 9, problems.join('\n'))
  for (const part of [
    'policies.0.name is empty',
    'policies.1.status_code.status_codes.0 "BAD" is no status code',
    'policies.2.name names a again',
    'policies.2.status_code.status_codes is empty',
    'policies.3.numeric_attribute has no bounds',
    'policies.5.ottl_condition has no condition',
    'policies.7.and.and_sub_policy.0.not.not_sub_policy is missing',
  ]) {
    assert.ok(problems.includes(part), `${part} in\n${problems.join('\n')}`)
  }
})

test('a policy that may change its mind cannot be asked as spans come', () => {
  const stateful = { name: 'rate', type: 'rate_limiting', rate_limiting: { spans_per_second: 5 } }
  const section = { sampling_strategy: 'span-ingest', policies: [stateful] }

  assert.equal(problemsOf(section).length, 1)
  assert.deepEqual(problemsOf({ ...section, sampling_strategy: 'trace-complete' }), [])
})

test('the threshold of `and` is that of its strictest member', () => {
  const builder = new PolicyBuilder({ semantics: 'current', readsState: false, asksPieces: false })
  const share = (name: string, sampling_percentage: number) => ({
    name,
    type: 'probabilistic',
    probabilistic: { sampling_percentage },
  })
  const members = [share('a', 50), share('b', 25)]
  const section = { policies: [{ name: 'x', type: 'and', and: { and_sub_policy: members } }] }

  const [{ policy }] = builder.buildAll(spec.schema.parse(section).policies, [])

  assert.equal(policy.threshold, 0xc0000000000000n)
})
