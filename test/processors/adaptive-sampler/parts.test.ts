/** The small parts of `adaptive_sampler`: written attributes, the test of trace ids, the ring of decisions. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import { encodeJson } from '../../../src/otlp/json/encode.ts'
import { Writer } from '../../../src/otlp/wire-writer.ts'
import {
  DecisionRing,
  LoggedDecision,
} from '../../../src/processors/adaptive-sampler/decision-log.ts'
import { describeKey } from '../../../src/processors/adaptive-sampler/describe-key.ts'
import { IdUniformity } from '../../../src/processors/adaptive-sampler/id-uniformity.ts'
import { SpanFields } from '../../../src/processors/adaptive-sampler/span-fields.ts'
import { REASON_ANOMALY } from '../../../src/sampler/decide/options.ts'

function attributesOf(fields: Uint8Array): object[] {
  const head = new Writer().string(5, 'name').finish()
  const span = Buffer.concat([head, fields])
  const bytes = new Writer().begin(1).begin(2).bytes(2, span).end().end().finish()
  const json = JSON.parse(Buffer.from(encodeJson('traces', bytes)).toString())
  return json.resourceSpans[0].scopeSpans[0].spans[0].attributes
}

test('reasons, scores and counts are attributes as OTLP has them', () => {
  const fields = new SpanFields('heuristic')

  assert.deepEqual(attributesOf(fields.explainedAndAdjusted(REASON_ANOMALY, 0.75, 12.5)), [
    { key: 'sampling.adjusted_count', value: { doubleValue: 12.5 } },
    { key: 'sampling.reason', value: { stringValue: 'anomaly' } },
    { key: 'sampling.model', value: { stringValue: 'heuristic' } },
    { key: 'sampling.score', value: { doubleValue: 0.75 } },
  ])
  assert.deepEqual(attributesOf(fields.adjusted(4)), [
    { key: 'sampling.adjusted_count', value: { doubleValue: 4 } },
  ])
  assert.deepEqual(attributesOf(fields.lateError), [
    { key: 'sampling.reason', value: { stringValue: 'late' } },
    { key: 'sampling.late', value: { boolValue: true } },
  ])
})

test('ids that count up are not random, hashes are', () => {
  const counted = new IdUniformity()
  const hashed = new IdUniformity()
  assert.equal(counted.isRandom, true)

  for (let n = 0; n < 20_000; n++) {
    counted.add(n >>> 20)
    hashed.add(createHash('md5').update(String(n)).digest().readUInt32BE() >>> 4)
    assert.equal(hashed.isRandom, true)
  }

  assert.equal(counted.isRandom, false)
})

test('the ring forgets the oldest decisions and tells the latest first', () => {
  const ring = new DecisionRing(3, 2)
  const add = (id: number, score: number): void => {
    const decision = new LoggedDecision()
    decision.id.set([id, 2, 3, -4])
    Object.assign(decision, {
      score,
      isKept: true,
      thresholdHigh: 5,
      surprise: 1.5,
      bytes: 2 ** 40,
    })
    ring.add(decision, Float32Array.of(9, score, score + 1), 1)
  }
  for (const [id, score] of [
    [1, 1],
    [2, 2],
    [1, 3],
    [1, 4],
  ]) {
    add(id, score)
  }

  const rows = ring.rowsOf(Int32Array.of(1, 2, 3, -4))

  assert.deepEqual(
    rows.map(row => ring.read(row).score),
    [4, 3],
  )
  assert.deepEqual([...ring.vector(rows[0])], [4, 5])
  const { isKept, isEarly, thresholdHigh, surprise, bytes } = ring.read(rows[0])
  assert.deepEqual(
    [isKept, isEarly, thresholdHigh, surprise, bytes],
    [true, false, 5, 1.5, 2 ** 40],
  )
})

test('keys are told in words', () => {
  const names = [
    { tenant: 'default', service: 'shop', name: 'GET /cart', kind: 3 },
    { tenant: 'default', service: 'cart', name: '', kind: 2 },
  ]
  const operations = { count: 2, describe: (operation: number) => names[operation] }

  assert.equal(
    describeKey({ why: 2, operation: 0, callee: 1 }, operations),
    'shop GET /cart (client) -> cart (other operations) (server): time on the way',
  )
  assert.equal(describeKey({ why: 0, operation: 0, callee: -1 }, operations), null)
  assert.equal(describeKey({ why: 1, operation: 7, callee: -1 }, operations), null)
})
