/** The network kept learning: swaps, refusals, guardrails, what survives a restart. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { KEPT_VERSIONS, LiveNetwork } from '../../../src/sampler/models/live-network.ts'
import { REPLAY_ROWS, ReplayBuffer } from '../../../src/sampler/models/replay-buffer.ts'
import { freshNetwork } from '../../../src/sampler/models/training.ts'
import { type RunTraining, runTraining } from '../../../src/sampler/models/training-job.ts'
import { type GuardReadings, Tuner } from '../../../src/sampler/models/tuner.ts'
import { FakeClock } from '../../../src/testing/fakes.ts'
import { LAYOUT, makeRows } from './rows.ts'

const CALM: GuardReadings = { budgetError: 0.01, flagged: 0.04, decisionP99Ms: 1 }
const rows = makeRows(1200)
const shipped = freshNetwork(['self_1', 'gap_1', 'shift'], 8, rows, 2)
const inPlace: RunTraining = async job => runTraining(job)

function makeTuner(run: RunTraining = inPlace) {
  const clock = new FakeClock()
  const network = new LiveNetwork(LAYOUT, { version: '1.0.0', weights: shipped, sinceMs: 0 })
  const told: string[] = []
  const tuner = new Tuner({ network, clock, run, tell: event => told.push(event) })
  return { clock, network, tuner, told }
}

function feed(tuner: Tuner): void {
  for (let row = 0; row < rows.count; row++) {
    if (rows.labels[row] === 1) tuner.addSymptomatic(rows.vectors, row * LAYOUT.length)
    else tuner.addClean(rows.vectors, row * LAYOUT.length)
  }
}

test('learns each minute once there are rows, and the better weights go live', async () => {
  const { tuner, network, clock } = makeTuner()
  tuner.start()
  feed(tuner)

  const minute = clock.advance(60_000)
  await tuner.stop()
  await minute
  assert.equal(network.version, '1.0.0', 'a result that comes after the stop is not taken')
  feed(tuner)
  tuner.start()
  assert.equal(await tuner.tuneNow(), true)

  assert.equal(network.version, '1.0.0+1')
  assert.equal(network.kept[0].version, '1.0.0')
  const { last } = tuner.view()
  assert.ok(last !== null && last.after.auc >= last.before.auc - 0.005)
  await tuner.stop()
})

test('does not train on too little, nor twice on the same rows', async () => {
  const { tuner } = makeTuner()
  assert.equal(await tuner.tuneNow(), false)
  feed(tuner)

  assert.equal(await tuner.tuneNow(), true)
  assert.equal(await tuner.tuneNow(), false)
  assert.equal(tuner.view().trainings, 1)
})

test('refuses weights that judge held-out rows worse, and weights that are no numbers', async () => {
  const worse: RunTraining = async job => {
    const result = runTraining(job)
    return { ...result, after: { auc: result.before.auc - 0.1, coverage: 1 } }
  }
  const broken: RunTraining = async job => {
    const result = runTraining(job)
    const parameters = result.weights.parameters.slice().fill(Number.NaN)
    return { ...result, after: result.before, weights: { ...result.weights, parameters } }
  }

  for (const run of [worse, broken]) {
    const { tuner, network } = makeTuner(run)
    feed(tuner)

    assert.equal(await tuner.tuneNow(), false)
    assert.equal(network.version, '1.0.0')
    assert.equal(tuner.view().refused, 1)
  }
})

test('a thread that fails is counted and told, and the next round trains again', async () => {
  let fail = true
  const { tuner, network, told } = makeTuner(async job => {
    if (fail) throw new Error('no memory')
    return runTraining(job)
  })
  feed(tuner)
  await tuner.tuneNow()
  fail = false
  feed(tuner)
  await tuner.tuneNow()

  assert.equal(tuner.view().failed, 1)
  assert.match(told[0], /no memory/)
  assert.equal(network.version, '1.0.0+1')
})

test('a breached guardrail brings the weights before back, and pauses the learning', async () => {
  const { tuner, network, clock, told } = makeTuner()
  tuner.guard(CALM)
  feed(tuner)
  await tuner.tuneNow()
  assert.equal(tuner.guard(CALM), null)

  const reason = tuner.guard({ ...CALM, flagged: 0.2 })

  assert.match(reason ?? '', /flagged 0.200 is over 0.1/)
  assert.equal(network.version, '1.0.0')
  assert.equal(tuner.view().rollbacks, 1)
  assert.match(told.at(-1)!, /taken back/)
  feed(tuner)
  assert.equal(await tuner.tuneNow(), false)
  await clock.advance(3_600_000)
  assert.equal(await tuner.tuneNow(), true)
  assert.equal(network.version, '1.0.0+2', 'a number is not used twice')
})

test('what was over its guardrail already before the swap is not blamed on it', async () => {
  const { tuner, network } = makeTuner()
  tuner.guard({ ...CALM, budgetError: 0.3 })
  feed(tuner)
  await tuner.tuneNow()

  assert.equal(tuner.guard({ ...CALM, budgetError: 0.3 }), null)
  assert.equal(network.version, '1.0.0+1')
})

test('weights that were watched long enough stay', async () => {
  const { tuner, network, clock } = makeTuner()
  feed(tuner)
  await tuner.tuneNow()
  await clock.advance(600_000)

  assert.equal(tuner.guard({ ...CALM, flagged: 0.5 }), null)
  assert.equal(network.version, '1.0.0+1')
})

test('the last three versions are kept and can be brought back one by one', () => {
  const network = new LiveNetwork(LAYOUT, { version: '1', weights: shipped, sinceMs: 0 })
  for (const version of ['2', '3', '4', '5']) {
    network.swap({ version, weights: shipped, sinceMs: 0 })
  }

  assert.deepEqual(
    network.kept.map(kept => kept.version),
    ['4', '3', '2'],
  )
  assert.equal(KEPT_VERSIONS, 3)
  assert.deepEqual(
    [network.rollback(1), network.rollback(2), network.rollback(3), network.rollback(4)],
    ['4', '3', '2', null],
  )
})

test('feedback of operators bends the scores of traces like those', async () => {
  const { tuner, network } = makeTuner()
  const noise = Float32Array.from(LAYOUT, name => (name === 'gap_1' ? 3 : 0.5))
  const score = (): number => {
    const out = new Float32Array(1)
    network.score(noise, 1, out)
    return out[0]
  }
  for (let round = 0; round < 10; round++) {
    feed(tuner)
    await tuner.tuneNow()
  }
  const before = score()

  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 40; i++) tuner.addFeedback(noise, 0, false)
    await tuner.tuneNow()
  }

  assert.ok(score() < before, `${before} -> ${score()}`)
})

test('another word about the same trace takes the place of the first', () => {
  const { tuner } = makeTuner()
  const { vectors } = makeRows(3)
  const width = LAYOUT.length
  for (let i = 0; i < 3; i++) tuner.addFeedback(vectors, i * width, true, `trace ${i}`)

  tuner.addFeedback(vectors, width, false, 'trace 1')
  assert.deepEqual([tuner.view().rows.useful, tuner.view().rows.noise], [2, 1])
  tuner.addFeedback(vectors, width, true, 'trace 1')

  assert.deepEqual([tuner.view().rows.useful, tuner.view().rows.noise], [3, 0])
})

test('of rows with keys one is taken back, the others stay', () => {
  const buffer = new ReplayBuffer(['a'], 1)
  const rows = Float32Array.of(1, 2, 3)
  for (const [i, key] of ['one', 'two', 'three'].entries()) buffer.add('useful', rows, i, key)

  buffer.withdraw('useful', 'one')
  buffer.withdraw('useful', 'one')
  buffer.withdraw('noise', 'two')

  assert.deepEqual([...buffer.toSet().vectors].sort(), [2, 3])
  buffer.withdraw('useful', 'three')
  assert.deepEqual([...buffer.toSet().vectors], [2])
})

test('live and kept weights and the rows survive a restart', async () => {
  const { tuner, network } = makeTuner()
  feed(tuner)
  await tuner.tuneNow()
  const bytes = tuner.snapshot()
  const next = makeTuner()

  assert.equal(next.tuner.restore(bytes), true)

  assert.equal(next.network.version, network.version)
  assert.deepEqual(next.network.live.weights, network.live.weights)
  assert.deepEqual(next.tuner.view().rows, tuner.view().rows)
  assert.equal(next.network.rollback(0), '1.0.0')
})

test('a snapshot that is cut, changed or of another layout is refused', async () => {
  const { tuner } = makeTuner()
  feed(tuner)
  const bytes = tuner.snapshot()
  const changed = bytes.slice()
  changed[100] ^= 4
  const network = new LiveNetwork([...LAYOUT, 'more'], {
    ...{ version: '1.0.0', weights: shipped, sinceMs: 0 },
  })
  const other = new Tuner({ network, clock: new FakeClock() })

  assert.equal(makeTuner().tuner.restore(bytes.subarray(0, 50)), false)
  assert.equal(makeTuner().tuner.restore(changed), false)
  assert.equal(other.restore(bytes), false)
})

test('weights of another release are not taken over from a snapshot, rows are', async () => {
  const { tuner } = makeTuner()
  feed(tuner)
  await tuner.tuneNow()
  const network = new LiveNetwork(LAYOUT, { version: '2.0.0', weights: shipped, sinceMs: 0 })
  const next = new Tuner({ network, clock: new FakeClock() })

  assert.equal(next.restore(tuner.snapshot()), true)

  assert.equal(network.version, '2.0.0')
  assert.deepEqual(next.view().rows, tuner.view().rows)
})

test('the buffer of rows is bounded, keeps room for each source and weighs both labels alike', () => {
  const buffer = new ReplayBuffer(LAYOUT, 1)
  const vector = new Float32Array(LAYOUT.length).fill(Number.NaN)
  buffer.add('useful', vector, 0)
  for (let i = 0; i < 20_000; i++) buffer.add('clean', rows.vectors, (i % 1200) * LAYOUT.length)

  const set = buffer.toSet()
  const total = [0, 0]
  for (let row = 0; row < set.count; row++) total[set.labels[row]] += set.weights[row]

  assert.ok(buffer.rows <= REPLAY_ROWS && buffer.count('useful') === 1)
  assert.ok(Math.abs(total[0] - total[1]) < 1)
  assert.ok(set.vectors.every(Number.isFinite))
})
