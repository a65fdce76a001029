/** A run that is ended from outside leaves neither servers nor folders behind. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventually } from '../harness/process.ts'
import { PeerProcess } from './peer-process.ts'

const MODULE = fileURLToPath(new URL('peer-process.ts', import.meta.url))
const SERVER = "console.log('ready'); setInterval(() => {}, 1000)"

const RUN = `
  import { PeerProcess, temporaryFolder } from ${JSON.stringify(MODULE)}
  const server = new PeerProcess({
    command: process.execPath,
    args: ['-e', ${JSON.stringify(SERVER)}],
    isReady: output => output.includes('ready'),
  })
  await server.start()
  console.log(JSON.stringify([server.pid, temporaryFolder({ after: () => {} })]))
`

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a run that is told to end takes its servers and folders along', async () => {
  const flags = ['--import', 'tsx', '--input-type=module', '-e', RUN]
  const run = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(run.stdout, 'data')) as [Buffer]
  const [pid, folder] = JSON.parse(line.toString()) as [number, string]
  assert.ok(lives(pid) && existsSync(folder))

  run.kill('SIGTERM')
  await once(run, 'exit')

  await eventually(() => !lives(pid), 5000, 'the server is gone')
  assert.ok(!existsSync(folder))
})

test('a server that ends before it is ready is an error with what it said', async () => {
  const server = new PeerProcess({
    command: process.execPath,
    args: ['-e', "console.error('no such port'); process.exit(3)"],
    isReady: () => false,
  })

  await assert.rejects(server.start(), /it ended with 3\n(.*\n)*no such port/)
})

test('a server can be killed and started again', async t => {
  const server = new PeerProcess({
    command: process.execPath,
    args: ['-e', SERVER],
    isReady: output => output.includes('ready'),
  })
  t.after(() => server.stop())
  await server.start()
  const before = server.pid

  await server.kill()
  await server.start()

  assert.ok(before !== undefined && !lives(before))
  assert.ok(server.pid !== before && lives(server.pid ?? 0))
})
