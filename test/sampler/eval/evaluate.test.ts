import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { evaluateSampling } from '../../../src/cli/sampler/eval.ts'
import { runBaseline } from '../../../src/sampler/eval/baselines.ts'
import { Truth } from '../../../src/sampler/eval/estimation.ts'
import { evaluate } from '../../../src/sampler/eval/evaluate.ts'
import { observeAll } from '../../../src/sampler/eval/features.ts'
import { rank } from '../../../src/sampler/eval/ranking.ts'
import { LABEL_SYMPTOMATIC, readRecording } from '../../../src/sampler/eval/recording.ts'
import { makeRandomness } from '../../../src/sampler/eval/run.ts'
import { makeSchedule } from '../../../src/sampler/eval/schedule.ts'
import { openModel } from '../../../src/sampler/models/open.ts'
import { VECTOR_NAMES } from '../../../src/sampler/observe/vector.ts'
import { writeRecording } from './made-recording.ts'

const DAY_MS = 86_400_000

function folder(t: TestContext, traces = 6_000): string {
  const directory = mkdtempSync(join(tmpdir(), 'recording-'))
  t.after(() => rmSync(directory, { recursive: true }))
  writeRecording(directory, traces)
  return directory
}

test('reads a recording as columns', async t => {
  const recording = await readRecording(folder(t, 50))

  assert.equal(recording.traces, 50)
  assert.equal(recording.first[50] * 5, recording.spans.length)
  assert.deepEqual(recording.services, ['shop', 'cart', 'pay'])
  assert.equal(recording.structures, 2)
  assert.equal(recording.faults[0].kind, 'cpu')
})

test('refuses a recording whose labels do not fit, and one that is not there, by code', async t => {
  const directory = folder(t, 20)
  const other = folder(t, 30)
  writeFileSync(
    join(directory, 'labels.csv.gz'),
    (await import('node:fs')).readFileSync(join(other, 'labels.csv.gz')),
  )

  await assert.rejects(readRecording(directory), { code: 'MILLRACE_SAMPLER_RECORDING' })
  await assert.rejects(readRecording(join(directory, 'none')), {
    code: 'MILLRACE_SAMPLER_RECORDING',
  })
})

test('no trace is decided before its root is there or half a minute has passed, and late spans are missing', async t => {
  const recording = await readRecording(folder(t))

  const schedule = makeSchedule(recording, 1)

  let missing = 0
  schedule.order.forEach((trace, at) => {
    const waited = schedule.tick[at] - recording.start[trace] / 1000
    assert.ok(waited >= 2_000 && waited < 36_000, `${waited}`)
    if (at > 0) assert.ok(schedule.tick[at] >= schedule.tick[at - 1])
  })
  for (const there of schedule.present) missing += 1 - there
  const share = missing / schedule.present.length
  assert.ok(share > 0.004 && share < 0.02, `${share}`)
})

test('a trace of very many spans is decided when as many have come, not when it ends', async t => {
  const directory = folder(t, 1)
  // The root lasts a minute, all others end at once.
  const spans = Array.from({ length: 12_000 }, (_, i) =>
    i === 0 ? [1, 0, -1, 0, 60_000_000] : [1, 0, 0, i, 10],
  )
  const line = { id: 'aa', t0: 1.7e15, h: 'wide', s: spans.flat() }
  writeFileSync(join(directory, 'traces.jsonl.gz'), gzipSync(`${JSON.stringify(line)}\n`))
  const recording = await readRecording(directory)

  const schedule = makeSchedule(recording, 1)

  const waited = schedule.tick[0] - 1.7e12
  assert.ok(waited > 0 && waited <= 4_000, `${waited}`)
  assert.equal(
    schedule.present.reduce((sum, there) => sum + there, 0),
    10_000,
  )
})

test('keeps nearly all traces of an incident within the budget, and gives the same rows for the same seed', async t => {
  const recording = await readRecording(folder(t))
  const options = {
    budgets: [0.1],
    seeds: 1,
    periodMs: DAY_MS,
    models: ['heuristic', 'random'],
    open: (name: string, seed: number) => openModel(name, { layout: VECTOR_NAMES, seed }),
  }

  const [heuristic, random] = await evaluate(recording, options)
  const again = await evaluate(recording, options)

  assert.deepEqual(again, [heuristic, random])
  assert.ok(heuristic.coverage > 0.9, `coverage ${heuristic.coverage}`)
  assert.ok(heuristic.auc > 0.97, `AUC ${heuristic.auc}`)
  assert.ok(heuristic.retained < 0.13, `retained ${heuristic.retained}`)
  assert.ok(heuristic.flagged < 0.05, `flagged ${heuristic.flagged}`)
  assert.equal(heuristic.incidentsCovered, 1)
  assert.equal(random.flagged, 0)
  assert.equal(random.auc, 0.5)
})

test('ranks with ties at half and leaves ambiguous traces out', () => {
  const label = Uint8Array.of(1, 0, 1, 0, 2)

  const perfect = rank(Float32Array.of(3, 1, 2, 0, 9), label, 0.4)
  const tied = rank(Float32Array.of(1, 1, 1, 1, 1), label, 0.4)

  assert.equal(perfect.auc, 1)
  assert.equal(perfect.coverageAsRanking, 0.5)
  assert.equal(tied.auc, 0.5)
})

test('weighted counts of a uniform sample are true but for chance', async t => {
  const recording = await readRecording(folder(t))
  const schedule = makeSchedule(recording, 0)
  const features = observeAll(recording, schedule)
  const random = makeRandomness(recording.traces, 0)

  const choice = runBaseline('random', schedule, features, random, 0.2)
  const all = new Truth(recording).compare(recording, schedule, choice)

  assert.ok(Math.abs(all.countBias) < 0.1, `${all.countBias}`)
  assert.ok(all.countError >= Math.abs(all.countBias))
  assert.equal(recording.label.filter(label => label === LABEL_SYMPTOMATIC).length > 100, true)
})

test('the command prints rows with the names that programs rely on', async t => {
  const directory = folder(t, 1_500)
  let out = ''
  const io = {
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: () => {} },
    env: {},
    cwd: directory,
    setExitCode: () => {},
    onSignal: () => () => {},
  }

  await evaluateSampling(
    {
      ...{ data: ['.'], budget: '0.05,0.1', model: ['heuristic'], baselines: true },
      ...{ seeds: '1', period: '24h', json: true },
    },
    io,
  )

  const rows = JSON.parse(out) as Record<string, unknown>[]
  assert.equal(rows.length, 16)
  for (const name of [
    ...['data', 'model', 'budget', 'seed', 'retained', 'retainedSpans', 'coverage', 'flagged'],
    ...['keptClean', 'budgetError', 'auc', 'structuresKept', 'incidentsCovered', 'coldStart'],
  ]) {
    assert.ok(
      rows.every(row => row[name] !== undefined),
      name,
    )
  }
})
