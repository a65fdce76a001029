/** A lock beside a file: held by one at a time, and taken over from processes that are gone. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { withLockFile } from '../../src/util/lock-file.ts'

async function pathOf(t: TestContext): Promise<{ path: string; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-lock-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return { folder, path: join(folder, 'audit.jsonl') }
}

test('one works at a time, also within one process', async t => {
  const { path, folder } = await pathOf(t)
  let [inside, most] = [0, 0]
  const work = async (): Promise<void> => {
    inside++
    most = Math.max(most, inside)
    await new Promise(setImmediate)
    inside--
  }

  await Promise.all([1, 2, 3, 4].map(() => withLockFile(path, work)))

  assert.equal(most, 1)
  assert.deepEqual(await readdir(folder), [])
})

test('what a process left that had the number of this one is taken over, as in a container that began anew', async t => {
  const { path } = await pathOf(t)
  for (const left of [`${process.pid}`, `${process.pid} 1`, '999999999 1', 'torn']) {
    await writeFile(`${path}.lock`, left)

    assert.equal(await withLockFile(path, async () => 'done'), 'done', left)
  }
})
