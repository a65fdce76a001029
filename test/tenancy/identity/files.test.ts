/** Files with credentials that are caught in the middle of being written, or read twice at one time. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { SILENT_LOGGER } from '../../../src/core/logger.ts'
import { FileReloads } from '../../../src/tenancy/identity/file-reloads.ts'
import { HtpasswdSource } from '../../../src/tenancy/identity/htpasswd-source.ts'
import { SecretFile } from '../../../src/tenancy/identity/secret-file.ts'
import { FakeClock, settle } from '../../../src/testing/fakes.ts'
import { temporaryFolder } from './senders.ts'

const SERVICES = { clock: new FakeClock(), log: SILENT_LOGGER }

test('a file of users that is emptied, as by who writes it anew in place, revokes nothing', async t => {
  const file = join(await temporaryFolder(t), 'htpasswd')
  await writeFile(file, '# nobody yet\n')
  const source = new HtpasswdSource({ file, inline: '' }, SILENT_LOGGER)
  assert.equal((await source.load()).size, 0, 'may be empty at first')
  await writeFile(file, 'a:secret\n')
  assert.equal((await source.load()).size, 1)

  await writeFile(file, '')

  await assert.rejects(source.load(), { code: 'MILLRACE_IDENTITY_FILE_INVALID' })
})

test('a file with a secret that is emptied changes nothing', async t => {
  const path = join(await temporaryFolder(t), 'token')
  await writeFile(path, 's3cret\n')
  const seen: string[] = []
  const file = new SecretFile(path, SERVICES, text => seen.push(text))
  t.after(() => file.stop())
  await file.start()

  await writeFile(path, '\n')
  await file.refresh()

  assert.equal(file.text, 's3cret')
  assert.deepEqual(seen, ['s3cret'])
})

test('a file is read one time after the other: what was read first never wins', async () => {
  const loads: (() => void)[] = []
  const load = (): Promise<void> => new Promise(resolve => loads.push(resolve))
  const files = new FileReloads([{ path: '/nowhere/at/all', load }], SERVICES)

  const both = [files.refresh(), files.refresh()]
  await settle()
  assert.equal(loads.length, 1)
  loads[0]()
  await settle()
  assert.equal(loads.length, 2)
  loads[1]()

  await Promise.all(both)
})
