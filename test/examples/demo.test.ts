/** `npm run demo`, shortened: the promise of the README's first command. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ROOT } from '../harness/process.ts'

const run = promisify(execFile)

test('the demo finds every item again and says where to look next', async () => {
  const env = { ...process.env, DEMO_SECONDS: '2' }
  const args = ['--import', 'tsx', join(ROOT, 'scripts/demo.ts')]

  const { stdout } = await run(process.execPath, args, { cwd: ROOT, env, timeout: 60_000 })

  assert.match(stdout, /2 s {3}accepted +[\d,]+\/s/)
  for (const signal of ['traces', 'metrics', 'logs']) {
    assert.match(stdout, new RegExp(`${signal} .*balanced`))
  }
  assert.match(stdout, /Where to look next/)
  assert.match(stdout, /Every item is accounted for\./)
})
