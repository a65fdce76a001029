/** States of components on disk: replaced as a whole, one for each name. */
import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CheckpointFolder } from '../../../src/extensions/file-storage/checkpoint-folder.ts'

async function makeCheckpoints(t: TestContext, sync = true) {
  const root = await mkdtemp(join(tmpdir(), 'millrace-states-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  const folder = join(root, 'checkpoints')
  return { folder, states: new CheckpointFolder(folder, 0o750, sync) }
}

const text = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString()

for (const sync of [true, false]) {
  test(`keeps the last state of each name, ${sync ? 'synced' : 'not synced'}`, async t => {
    const { folder, states } = await makeCheckpoints(t, sync)

    assert.equal(await states.read('receiver/a'), null)
    await states.write('receiver/a', Buffer.from('first'))
    await states.write('receiver/A', Buffer.from('other'))
    await states.write('receiver/a', Buffer.from('second'))

    assert.equal(text(await states.read('receiver/a')), 'second')
    assert.equal(text(await states.read('receiver/A')), 'other')
    assert.equal((await readdir(folder)).length, 2)
  })
}

test('a write that a crash broke off leaves the old state', async t => {
  const { folder, states } = await makeCheckpoints(t)
  await states.write('a', Buffer.from('whole'))

  await writeFile(join(folder, 'a.state.new'), 'ha')

  assert.equal(text(await states.read('a')), 'whole')
  await states.write('a', Buffer.from('next'))
  assert.equal(text(await states.read('a')), 'next')
})

test('rejects when the state cannot be read or written', async t => {
  const { folder, states } = await makeCheckpoints(t)
  await states.write('a', Buffer.from('whole'))
  await rm(join(folder, 'a.state'))
  await states.write('b', Buffer.from('x'))
  await rm(folder, { recursive: true })
  await writeFile(folder, 'not a folder')
  await chmod(folder, 0o640)

  await assert.rejects(states.read('a'), { code: 'ENOTDIR' })
  await assert.rejects(states.write('a', Buffer.from('y')))
})
