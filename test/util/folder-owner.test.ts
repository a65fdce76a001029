/** What root's commands leave behind in folders of others. */
import assert from 'node:assert/strict'
import { chown, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { AuditLog } from '../../src/tenancy/audit/audit-log.ts'
import { changeKeyFile } from '../../src/tenancy/identity/key-file.ts'
import { FakeClock } from '../../src/testing/fakes.ts'

const SOMEBODY = 4711
const isRoot = process.getuid?.() === 0

test('keys and audit lines that root makes belong to the owner of their folder', {
  skip: !isRoot && 'only root gives files away',
}, async t => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-owner-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await chown(folder, SOMEBODY, SOMEBODY)
  const [keys, audit] = [join(folder, 'keys.json'), join(folder, 'audit.jsonl')]

  await changeKeyFile(keys, async before => before)
  await new AuditLog(audit, new FakeClock()).append({
    action: 'key.create',
    actor: 'root',
    subject: 'k',
    detail: {},
  })

  assert.equal((await stat(keys)).uid, SOMEBODY)
  assert.equal((await stat(audit)).uid, SOMEBODY)
})
