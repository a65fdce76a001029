/** Who lives is told from who is dead, also when nobody has asked for the end of the dead yet. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isRunning, pidOf, processName } from '../../src/util/process-name.ts'

test('a process runs under its name, and not under that of an earlier one with its number', () => {
  const own = processName(process.pid)

  assert.equal(pidOf(own), process.pid)
  assert.equal(isRunning(own), true)
  assert.equal(isRunning('0 1'), false)
  if (process.platform === 'linux') assert.equal(isRunning(`${process.pid} 1`), false)
})

test('a dead process whose parent does not look after it does not run', {
  skip: process.platform !== 'linux',
}, async t => {
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'])
  t.after(() => parent.kill('SIGKILL'))
  const [line] = await once(parent.stdout, 'data')
  const pid = Number(String(line))
  const name = processName(pid)
  assert.equal(isRunning(name), true)

  process.kill(pid, 'SIGKILL')
  for (let i = 0; i < 200 && !isZombie(pid); i++) await delay(10)

  assert.equal(isZombie(pid), true)
  assert.equal(isRunning(name), false)
})

function isZombie(pid: number): boolean {
  return readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ')
}
