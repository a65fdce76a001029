/** Models on disk: listed, checked, promoted, rolled back; and opened by name. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { MillraceError } from '../../../src/errors.ts'
import { compareVersions, type Manifest } from '../../../src/sampler/models/manifest.ts'
import { MODEL_NAMES, openModel } from '../../../src/sampler/models/open.ts'
import { ModelStore } from '../../../src/sampler/models/store.ts'
import { freshNetwork } from '../../../src/sampler/models/training.ts'
import { VECTOR_NAMES } from '../../../src/sampler/observe/vector.ts'
import { makeRows } from './rows.ts'

const weights = freshNetwork(['self_1', 'gap_1'], 4, makeRows(100), 1)

function describe(version: string): Omit<Manifest, 'sha256'> {
  return {
    ...{ name: 'network', version, kind: 'network', features: ['self_1', 'gap_1'], hidden: 4 },
    ...{ created: '2026-11-01T00:00:00Z', data: ['rows'], rows: 100 },
    scores: { auc: 0.9, coverage: 0.8 },
  }
}

async function makeStore(t: TestContext, versions: readonly string[] = []) {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-models-'))
  t.after(() => rm(directory, { recursive: true }))
  const store = new ModelStore(directory, join(directory, 'none'))
  for (const version of versions) await store.save(describe(version), weights, '# card\n')
  return { store, directory }
}

const withCode = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof MillraceError)
  assert.equal(error.code, code)
  assert.match(error.message, message)
  return true
}

test('every shipped model is whole, and reads only what the observer writes', async () => {
  const store = new ModelStore()
  const shipped = await store.list()

  assert.ok(shipped.length > 0)
  for (const entry of shipped) {
    assert.equal(await store.verify(entry), null)
    const { manifest } = await store.read(entry.name, entry.version)
    for (const feature of manifest.features)
      assert.ok((VECTOR_NAMES as readonly string[]).includes(feature))
    assert.match(await readFile(join(entry.folder, 'card.md'), 'utf8'), /^# /)
  }
})

test('what was saved is read as it was; the newest is live until one is promoted', async t => {
  const { store } = await makeStore(t, ['1.9.0', '1.10.0'])

  const { manifest, weights: read } = await store.read('network')

  assert.equal(manifest.version, '1.10.0')
  assert.deepEqual(read, weights)
})

test('promoted versions are live, and rollback goes back three of them', async t => {
  const versions = ['1.0.0', '1.1.0', '1.2.0', '1.3.0', '1.4.0']
  const { store } = await makeStore(t, versions)
  await store.promote('network', '1.0.0')
  for (const version of versions.slice(1)) await store.promote('network', version)

  const back = [
    await store.rollback('network'),
    await store.rollback('network'),
    await store.rollback('network'),
  ]

  assert.deepEqual(back, ['1.3.0', '1.2.0', '1.1.0'])
  assert.equal((await store.read('network')).manifest.version, '1.1.0')
  await assert.rejects(store.rollback('network'), withCode('MILLRACE_MODEL_REFUSED', /live before/))
})

test('a version is not written twice, nor into the package, nor promoted twice', async t => {
  const { store } = await makeStore(t, ['1.0.0'])

  await assert.rejects(
    store.save(describe('1.0.0'), weights, ''),
    withCode('MILLRACE_MODEL_REFUSED', /there already/),
  )
  await assert.rejects(
    new ModelStore().save(describe('9.0.0'), weights, ''),
    withCode('MILLRACE_MODEL_REFUSED', /--directory/),
  )
  await assert.rejects(
    store.promote('network', '1.0.0'),
    withCode('MILLRACE_MODEL_REFUSED', /live already/),
  )
})

test('a model that is not there is told with the nearest one that is', async t => {
  const { store } = await makeStore(t, ['1.0.0'])

  await assert.rejects(
    store.read('network', '1.0.1'),
    withCode('MILLRACE_MODEL_UNKNOWN', /did you mean network@1\.0\.0\?/),
  )
})

test('files that are missing, cut, changed or of another version are refused', async t => {
  const { store, directory } = await makeStore(t, ['1.0.0'])
  const folder = join(directory, 'network', '1.0.0')
  const manifestPath = join(folder, 'manifest.json')
  const weightsPath = join(folder, 'weights.bin')
  const manifest = await readFile(manifestPath, 'utf8')
  const bytes = await readFile(weightsPath)
  const [entry] = await store.list()
  const verdict = async (path: string, content: string | Uint8Array | null) => {
    if (content === null) await rm(path)
    else await writeFile(path, content)
    const problem = await store.verify(entry)
    await writeFile(manifestPath, manifest)
    await writeFile(weightsPath, bytes)
    return problem ?? ''
  }

  assert.match(await verdict(weightsPath, null), /weights\.bin is missing/)
  assert.match(await verdict(weightsPath, bytes.subarray(4)), /checksum/)
  assert.match(await verdict(manifestPath, null), /manifest\.json is missing/)
  assert.match(await verdict(manifestPath, '{'), /not JSON/)
  assert.match(await verdict(manifestPath, '{}'), /name/)
  assert.match(await verdict(manifestPath, manifest.replace('1.0.0', '2.0.0')), /is of network@2/)
  assert.match(
    await verdict(manifestPath, manifest.replace('"hidden": 4', '"hidden": 5')),
    /such a/,
  )
  assert.equal(await verdict(manifestPath, manifest), '')
})

test('folders that are no versions are left out', async t => {
  const { store, directory } = await makeStore(t, ['1.0.0'])
  await mkdir(join(directory, 'network', '1.1.0.new-7'))
  await mkdir(join(directory, '..odd'))

  assert.equal((await store.list()).length, 1)
})

test('versions are compared by number', () => {
  const sorted = ['1.0.0+10', '1.10.0', '1.0.0', '1.9.0', '1.0.0+9'].sort(compareVersions)

  assert.deepEqual(sorted, ['1.0.0', '1.0.0+9', '1.0.0+10', '1.9.0', '1.10.0'])
})

test('every name opens a model over the layout of the observer', async () => {
  for (const name of MODEL_NAMES) {
    const model = await openModel(name, { layout: VECTOR_NAMES })
    const out = new Float32Array(2)

    model.score(new Float32Array(2 * VECTOR_NAMES.length), 2, out)

    assert.equal(model.name, name)
    assert.ok(out.every(score => score >= 0 && score <= 1))
  }
})

test('a name that is none is refused with the nearest', async () => {
  const open = (spec: string) => openModel(spec, { layout: VECTOR_NAMES })

  await assert.rejects(open('heuristics'), withCode('MILLRACE_MODEL_UNKNOWN', /mean "heuristic"/))
  await assert.rejects(open('rules@1'), withCode('MILLRACE_MODEL_UNKNOWN', /no versions/))
  await assert.rejects(open('network@0.0.0'), withCode('MILLRACE_MODEL_UNKNOWN', /network@0\.0\.0/))
})

test('a layout that lacks what a model reads is refused', async () => {
  await assert.rejects(
    openModel('rules', { layout: ['self_1'] }),
    withCode('MILLRACE_MODEL_INVALID', /server_faults/),
  )
})
