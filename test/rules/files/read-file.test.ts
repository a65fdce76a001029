/** Rule files that are no files: a running collector must not wait for a pipe. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { FileWatch } from '../../../src/net/file-watch.ts'
import { readSource, readSourceIfAny } from '../../../src/rules/files/read-file.ts'
import { fakeServices } from '../../../src/testing/fakes.ts'

const REFUSED = /it is no regular file/

test('a pipe or a device in the place of a rule file is refused at once', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-pipe-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'r.yaml')
  execFileSync('mkfifo', [path])

  assert.throws(() => readSource(path, '', 'files'), REFUSED)
  assert.throws(() => readSourceIfAny(path, '', 'files'), REFUSED)
  assert.throws(() => readSource('/dev/zero', '', 'files'), REFUSED)

  const watch = new FileWatch([path], 1000, fakeServices().clock, async () => {})
  await watch.ready
  watch.stop()
})

test('what has no size is read up to the limit, and no further', () => {
  assert.throws(() => readSource('/dev/zero'), /it is larger than \d+ bytes/)
})
