/** `millrace sampler eval` as a user meets it: what is wrong is told, and shares of nothing are no figures. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { writeRecording } from '../sampler/eval/made-recording.ts'
import { runMillrace } from './command-line.ts'

const TRACES = 200
const BASE = 'the recording'

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-eval-'))
  t.after(() => rmSync(directory, { recursive: true }))
  writeRecording(directory, TRACES)
  return directory
}

test('every option that cannot be is told before anything is read', async () => {
  const cases: readonly (readonly [string[], RegExp, number])[] = [
    [[], /required option '--data/, 2],
    [['--data', '.', '--budget', '2'], /--budget 2 is not a share/, 2],
    [['--data', '.', '--seeds', '0'], /--seeds 0 is not/, 2],
    [['--data', '.', '--period', '0s'], /--period 0s is not/, 2],
    [['--data', '.', '--model', 'heuristc'], /MILLRACE_MODEL_UNKNOWN.*did you mean "heuristic"/, 1],
    [['--data', '.', '--model', 'network@9.9.9'], /MILLRACE_MODEL_UNKNOWN/, 1],
  ]
  for (const [args, message, wanted] of cases) {
    const { code, stderr } = await runMillrace(['sampler', 'eval', ...args])
    assert.match(stderr, message)
    assert.equal(code, wanted, args.join(' '))
  }
})

test('a recording without symptoms has rows that say so, and a table without made-up figures', async t => {
  const directory = folder(t)
  writeFileSync(
    join(directory, 'labels.csv.gz'),
    gzipSync(`label,fault_idx,why\n${'0,-1,\n'.repeat(TRACES)}`),
  )
  const args = ['sampler', 'eval', '--data', directory, '--budget', '0.1', '--seeds', '1']

  const json = await runMillrace([...args, '--model', 'heuristic', '--json'])
  const table = await runMillrace([...args, '--model', 'heuristic'])

  const [row] = JSON.parse(json.stdout)
  assert.deepEqual([row.symptomatic, row.clean, row.coverage, row.auc], [0, TRACES, 0, null])
  assert.equal(row.coldStart.symptomatic, 0)
  assert.doesNotMatch(table.stdout, /NaN/)
  assert.match(table.stdout, /^heuristic .* - /m)
})

test('recordings of one name are told by their paths, and one that is named twice is judged once', async t => {
  const base = folder(t)
  for (const day of ['monday', 'tuesday']) writeRecording(join(base, day, 'shop'), TRACES)
  const paths = ['monday', 'tuesday'].map(day => join(base, day, 'shop'))
  const args = ['sampler', 'eval', '--seeds', '1', '--budget', '0.1', '--no-baselines', '--json']
  const data = [paths[0], paths[1], `${paths[0]}/`].flatMap(path => ['--data', path])

  const both = await runMillrace([...args, '--model', 'rules', ...data])
  const one = await runMillrace([...args, '--model', 'rules', '--data', paths[0]])

  const names = (text: string) => JSON.parse(text).map(({ data }: { data: string }) => data)
  assert.deepEqual(names(both.stdout), paths)
  assert.deepEqual(names(one.stdout), ['shop'])
})

test('models stand below each other for each budget', async t => {
  const args = ['--data', folder(t), '--budget', '0.1,0.2', '--seeds', '1', '--no-baselines']

  const { stdout } = await runMillrace(['sampler', 'eval', ...args, '--model', 'heuristic,rules'])

  const first = stdout.split('\n').map(line => line.split(/[ ,]/)[0])
  const table = ['', BASE, 'model', 'heuristic', 'rules']
  assert.deepEqual(
    first.map(word => (word.startsWith('millrace-eval-') ? BASE : word)),
    [...table, ...table, ''],
  )
})
