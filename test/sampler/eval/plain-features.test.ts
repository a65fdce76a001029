import assert from 'node:assert/strict'
import test from 'node:test'
import {
  openPlain,
  PLAIN_MODELS,
  PLAIN_NAMES,
  PlainFeatures,
} from '../../../src/sampler/eval/plain-features.ts'
import { isOnline } from '../../../src/sampler/models/model.ts'
import type { TraceSpans } from '../../../src/sampler/trace-spans.ts'

/** Each row: operation, service, parent, start, duration. */
function traceOf(...rows: readonly (readonly number[])[]): TraceSpans {
  return {
    count: rows.length,
    operation: Int32Array.from(rows, row => row[0]),
    service: Int32Array.from(rows, row => row[1]),
    parent: Int32Array.from(rows, row => row[2]),
    start: Float64Array.from(rows, row => row[3]),
    duration: Float64Array.from(rows, row => row[4]),
    flags: new Uint8Array(rows.length),
  }
}

function read(trace: TraceSpans): Float32Array {
  const row = new Float32Array(PLAIN_NAMES.length)
  new PlainFeatures().read(trace, row, 0)
  return row
}

function assertNear(found: number, wanted: number): void {
  assert.ok(Math.abs(found - wanted) < 1e-6, `${found} is not ${wanted}`)
}

test('reads durations, sizes and shape of a trace by itself', () => {
  const trace = traceOf(
    [0, 0, -1, 0, 1_000],
    [1, 1, 0, 100, 200],
    [1, 1, 0, 400, 200],
    [2, 2, 1, 150, 100],
  )

  const row = read(trace)

  const micros = Math.log1p(1e9)
  assertNear(row[0], Math.log1p(1_000) / micros)
  assertNear(row[1], Math.log1p(1_000) / micros)
  assertNear(row[2], Math.log1p(4) / Math.log1p(10_000))
  assertNear(row[3], Math.log1p(3) / Math.log1p(256))
  assertNear(row[4], Math.log1p(2) / Math.log1p(10_000))
  assertNear(row[5], Math.log1p(3) / Math.log1p(256))
  assertNear(row[6], 1 / 4)
})

test('remembers nothing of the traces before', () => {
  const features = new PlainFeatures()
  const row = new Float32Array(PLAIN_NAMES.length)
  const trace = traceOf([0, 0, -1, 0, 500], [1, 1, 0, 10, 50])

  for (let i = 0; i < 10; i++) features.read(traceOf([5, 3, -1, 0, 9e6 + i]), row, 0)
  features.read(trace, row, 0)

  assert.deepEqual(row, read(trace))
})

test('stays from 0 to below 1 for no spans, for huge ones, and where parents go round in a cycle', () => {
  for (const trace of [
    traceOf(),
    traceOf([0, 0, -1, 0, 1e15]),
    traceOf([0, 0, 1, 0, 10], [0, 0, 0, 0, 10]),
  ]) {
    const row = read(trace)

    assert.ok(
      row.every(value => value >= 0 && value < 1),
      row.join(),
    )
  }
})

test('few usual traces score as high as one ten times as long, in either model', () => {
  const features = new PlainFeatures()
  const usual = 2_000
  const vectors = new Float32Array((usual + 1) * PLAIN_NAMES.length)
  for (let i = 0; i <= usual; i++) {
    const micros = (i === usual ? 100_000 : 10_000) + (i % 97) * 20
    const trace = traceOf([0, 0, -1, 0, micros], [1, 1, 0, 10, micros / 2])
    features.read(trace, vectors, i * PLAIN_NAMES.length)
  }

  for (const name of PLAIN_MODELS) {
    const { model, vectors: rows } = openPlain(name, vectors, 1)
    const scores = new Float32Array(usual + 1)
    if (isOnline(model)) model.learn(rows, usual)
    model.score(rows, usual + 1, scores)

    // The ends of what was learned tie with what lies beyond them, since trees part no further there.
    const found = scores[usual]
    const asHigh = scores.subarray(0, usual).filter(score => score >= found).length
    assert.ok(asHigh < usual / 20, `${name}: ${asHigh}`)
  }
})
