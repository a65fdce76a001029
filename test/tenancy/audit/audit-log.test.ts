/** The audit log: what is written can be verified, and whatever is done to it afterwards shows. */
import assert from 'node:assert/strict'
import { appendFile, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import type { AuditEvent } from '../../../src/core/audit.ts'
import {
  formatLine,
  MAX_LINE_BYTES,
  parseLine,
  START,
} from '../../../src/tenancy/audit/audit-line.ts'
import { AuditLog } from '../../../src/tenancy/audit/audit-log.ts'
import { verifyAudit } from '../../../src/tenancy/audit/verify.ts'
import { FakeClock } from '../../../src/testing/fakes.ts'
import { temporaryFolder } from '../identity/senders.ts'

const EVENT = { action: 'key.create', actor: 'jane', subject: 'k1', detail: { tenant: 'acme' } }

async function writeLog(t: test.TestContext, lines: number): Promise<string> {
  const path = join(await temporaryFolder(t), 'audit.jsonl')
  const log = new AuditLog(path, new FakeClock())
  for (let i = 0; i < lines; i++) await log.append({ ...EVENT, subject: `k${i}` })
  return path
}

test('lines count up, each has the hash of the one before, and only the owner may read them', async t => {
  const path = await writeLog(t, 3)

  const report = await verifyAudit(path)
  const lines = (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

  assert.deepEqual([report.records, report.problemCount], [3, 0])
  assert.deepEqual(
    lines.map(line => line.n),
    [1, 2, 3],
  )
  assert.equal(lines[0].prev, '0'.repeat(64))
  assert.equal(lines[2].prev, lines[1].hash)
  assert.equal(report.head, lines[2].hash)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
})

test('several writers to one file make one chain', async t => {
  const path = join(await temporaryFolder(t), 'audit.jsonl')
  const clock = new FakeClock()
  const logs = [new AuditLog(path, clock), new AuditLog(path, clock), new AuditLog(path, clock)]

  await Promise.all(Array.from({ length: 24 }, (_, i) => logs[i % 3].append(EVENT)))

  const report = await verifyAudit(path)
  assert.deepEqual([report.records, report.problemCount], [24, 0])
})

test('any change of any line, its removal, its doubling and a swap are found', async t => {
  const path = await writeLog(t, 6)
  const whole = await readFile(path, 'utf8')
  const lines = whole.trimEnd().split('\n')
  const broken = async (changed: readonly string[]): Promise<boolean> => {
    await writeFile(path, `${changed.join('\n')}\n`)
    return (await verifyAudit(path)).problemCount > 0
  }

  await fc.assert(
    fc.asyncProperty(
      fc.nat(4),
      fc.nat(400),
      fc.integer({ min: 32, max: 126 }),
      async (i, at, code) => {
        const line = lines[i]
        const where = at % line.length
        const changed = line.slice(0, where) + String.fromCharCode(code) + line.slice(where + 1)
        if (changed === line) return
        assert.ok(await broken(lines.with(i, changed)))
      },
    ),
    { numRuns: 60 },
  )
  for (let i = 0; i < 5; i++) {
    assert.ok(await broken(lines.toSpliced(i, 1)), 'removed')
    assert.ok(await broken(lines.toSpliced(i, 0, lines[i])), 'doubled')
    assert.ok(await broken(lines.with(i, lines[i + 1]).with(i + 1, lines[i])), 'swapped')
  }
  assert.ok(!(await broken(lines)))
})

test('lines taken off the end show against a head that was noted', async t => {
  const path = await writeLog(t, 4)
  const { head } = await verifyAudit(path)
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  await writeFile(path, `${lines.slice(0, 3).join('\n')}\n`)

  const hashes: string[] = []
  const report = await verifyAudit(path, record => void hashes.push(record.hash))

  assert.equal(report.problemCount, 0)
  assert.ok(!hashes.includes(head))
})

test('a line that was torn by a crash is named, and the chain goes on behind it', async t => {
  const path = await writeLog(t, 2)
  await appendFile(path, '{"n":3,"at":"2026')

  await new AuditLog(path, new FakeClock()).append(EVENT)

  const report = await verifyAudit(path)
  assert.deepEqual(report.problems, [{ line: 3, message: 'is not a whole line of an audit log' }])
  assert.equal(report.records, 3)
})

test('whatever an event says is one line of bounded length that reads back', () => {
  const text = fc.string({ unit: 'binary', maxLength: 600 })
  const fact = fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text, { maxLength: 40 }))
  const detail = fc.dictionary(text, fact, { maxKeys: 40 })
  fc.assert(
    fc.property(text, text, text, detail, (action, actor, subject, facts) => {
      const line = formatLine({ action, actor, subject, detail: facts } as AuditEvent, 0, START)
      assert.ok(!line.includes('\n') && Buffer.byteLength(line) <= MAX_LINE_BYTES)
      assert.ok(typeof parseLine(line) !== 'string')
    }),
  )
})

test('a log that cannot be written or read says so with its code', async t => {
  const path = await writeLog(t, 1)
  const log = new AuditLog(join(path, 'audit.jsonl'), new FakeClock())

  await assert.rejects(log.append(EVENT), { code: 'MILLRACE_AUDIT_UNWRITABLE' })
  await assert.rejects(verifyAudit(`${path}.absent`), { code: 'MILLRACE_AUDIT_UNREADABLE' })
})
