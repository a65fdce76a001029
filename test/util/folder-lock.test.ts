import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { FolderLock, FolderLockedError } from '../../src/util/folder-lock.ts'

function lockIn(t: TestContext): { path: string; lock: FolderLock } {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'x.lock')
  return { path, lock: new FolderLock(path, 'works here') }
}

/** As `/proc` has it: when the process began. */
function begunOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

test('is taken, held and given back', async t => {
  const { path, lock } = lockIn(t)

  await lock.take()
  assert.equal(readFileSync(path, 'utf8'), `${process.pid} ${begunOf(process.pid)}`)
  await lock.release()

  assert.equal(existsSync(path), false)
})

test('names the living process that holds it, and does not take its lock away', async t => {
  const { path, lock } = lockIn(t)
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  t.after(() => other.kill('SIGKILL'))
  const owner = `${other.pid} ${begunOf(other.pid!)}`
  writeFileSync(path, owner)

  await assert.rejects(lock.take(), error => {
    assert.ok(error instanceof FolderLockedError)
    assert.equal(error.pid, other.pid)
    return true
  })
  assert.equal(await lock.heldBy(), other.pid)
  await lock.release()
  assert.equal(readFileSync(path, 'utf8'), owner)
})

test('takes over from a dead process, and from another that now has the same number', async t => {
  for (const owner of ['999999999 1', `${process.ppid} 1`, 'nonsense', '']) {
    const { path, lock } = lockIn(t)
    writeFileSync(path, owner)

    assert.equal(await lock.heldBy(), null)
    await lock.take()

    assert.ok(readFileSync(path, 'utf8').startsWith(`${process.pid} `))
  }
})
