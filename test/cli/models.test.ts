/** `millrace models list | verify | train | promote | rollback` on a directory. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runMillrace } from './command-line.ts'

const QUICK = ['--made-up', '2', '--traces', '4000', '--epochs', '40', '--hidden', '4']

function makeDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-models-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

test('the shipped weights are listed and good', async () => {
  const list = await runMillrace(['models', 'list', '--json'])
  const verify = await runMillrace(['models', 'verify', 'network'])

  const rows = JSON.parse(list.stdout)
  assert.ok(
    rows.some((row: { live: boolean; origin: string }) => row.live && row.origin === 'package'),
  )
  assert.equal(verify.code, 0)
  assert.match(verify.stdout, /^network@\d+\.\d+\.\d+: good$/m)
})

test('weights are trained into a directory, made live and taken back', async t => {
  const directory = makeDirectory(t)
  const models = (...args: string[]) => runMillrace(['models', ...args, '--directory', directory])

  const trained = await models('train', ...QUICK, '--json')
  const { version, auc, rows } = JSON.parse(trained.stdout)
  assert.ok(auc > 0.5 && rows > 500, trained.stdout)
  const before = JSON.parse((await models('list', '--json')).stdout)
  const promoted = await models('promote', `network@${version}`)
  const after = JSON.parse((await models('list', '--json')).stdout)
  const back = await models('rollback', 'network')

  const liveIn = (list: { version: string; live: boolean }[]) => list.find(row => row.live)?.version
  assert.notEqual(liveIn(before), version)
  assert.match(promoted.stdout, /is live/)
  assert.equal(liveIn(after), version)
  assert.match(back.stdout, new RegExp(`network@${liveIn(before)} is live again`))
  const card = readFileSync(join(directory, 'network', version, 'card.md'), 'utf8')
  assert.match(card, /2 made-up systems of 4000 traces/)
})

test('the same seed trains the same weights', async t => {
  const [one, two] = [makeDirectory(t), makeDirectory(t)]
  for (const directory of [one, two]) {
    await runMillrace(['models', 'train', ...QUICK, '--as', '5.0.0', '--directory', directory])
  }

  const bytes = [one, two].map(d => readFileSync(join(d, 'network', '5.0.0', 'weights.bin')))
  assert.deepEqual(bytes[0], bytes[1])
})

test('weights that were touched are told, and the command fails', async t => {
  const directory = makeDirectory(t)
  await runMillrace(['models', 'train', ...QUICK, '--as', '5.0.0', '--directory', directory])
  writeFileSync(join(directory, 'network', '5.0.0', 'weights.bin'), 'something else')

  const verify = await runMillrace(['models', 'verify', '--directory', directory])
  const promote = await runMillrace([
    'models',
    'promote',
    'network@5.0.0',
    '--directory',
    directory,
  ])

  assert.equal(verify.code, 1)
  assert.match(verify.stdout, /network@5\.0\.0: .*checksum/)
  assert.equal(promote.code, 1)
  assert.match(promote.stderr, /MILLRACE_MODEL_INVALID/)
})

test('what cannot be done is told with what can', async () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [['train', ...QUICK], /MILLRACE_MODEL_REFUSED.*--directory/s],
    [['promote', 'network'], /MILLRACE_MODEL_UNKNOWN.*names no version/s],
    [['verify', 'netwrk'], /MILLRACE_MODEL_UNKNOWN.*netwrk/s],
    [['rollback', 'network'], /MILLRACE_MODEL_REFUSED/],
  ]
  for (const [args, message] of cases) {
    const { code, stderr } = await runMillrace(['models', ...args])
    assert.equal(code, 1)
    assert.match(stderr, message)
  }
})

test('a directory that is named and not there is no reason to tell of the shipped models', async t => {
  const directory = makeDirectory(t)
  const missing = join(directory, 'mistyped')
  const file = join(directory, 'file')
  writeFileSync(file, '')
  for (const path of [missing, file]) {
    for (const args of [['list'], ['verify'], ['rollback', 'network']]) {
      const { code, stdout, stderr } = await runMillrace(['models', ...args, '--directory', path])
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, /MILLRACE_MODEL_DIRECTORY/)
      assert.ok(stderr.includes(path), stderr)
    }
  }
})

test('what training could not write or learn from is told before it begins', async t => {
  const directory = makeDirectory(t)
  const file = join(directory, 'file')
  writeFileSync(file, '')
  const train = (...args: string[]) => runMillrace(['models', 'train', ...args])
  const cases: readonly (readonly [string[], RegExp])[] = [
    [['--directory', directory, '--as', '../../x'], /MILLRACE_MODEL_REFUSED.*is not a version/],
    [['--directory', directory, '--as', '1.0.0'], /MILLRACE_MODEL_REFUSED.*is there already/],
    [['--directory', file], /MILLRACE_MODEL_REFUSED.*EEXIST/],
    [['--directory', directory, '--made-up', '0'], /MILLRACE_MODEL_REFUSED.*no symptomatic/],
    [['--directory', directory, '--made-up', '1', '--traces', '100'], /no symptomatic/],
    [['--directory', directory, '--hidden', '0'], /a whole number from 1 to 256/],
    [['--directory', directory, '--made-up', '999999999'], /a whole number from 0 to 1000/],
  ]
  for (const [args, message] of cases) {
    const { code, stderr } = await train(...args)
    assert.notEqual(code, 0)
    assert.match(stderr, message)
  }
})

test('a note of what is live that cannot be read is told by its path', async t => {
  const directory = makeDirectory(t)
  for (const text of ['null', '{"network":{"live":"1.0.0"}}', '{"network":', '[]']) {
    writeFileSync(join(directory, 'live.json'), text)
    for (const args of [['list'], ['rollback', 'network'], ['promote', 'network@1.0.0']]) {
      const { code, stderr } = await runMillrace(['models', ...args, '--directory', directory])
      assert.equal(code, 1)
      assert.match(stderr, /MILLRACE_MODEL_INVALID.*live\.json/)
    }
  }
})
