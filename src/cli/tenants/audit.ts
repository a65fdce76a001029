/** `millrace tenants audit verify | tail`. */
import { MillraceError } from '../../errors.ts'
import type { AuditRecord } from '../../tenancy/audit/audit-line.ts'
import { verifyAudit } from '../../tenancy/audit/verify.ts'
import { type CliIo, EXIT } from '../io.ts'
import { type FileOptions, findFiles } from './files.ts'

interface AuditOptions extends FileOptions {
  readonly json: boolean
}

export async function verifyLog(
  options: AuditOptions & { readonly head?: string },
  io: CliIo,
): Promise<void> {
  const path = await requireLog(options, io)
  let hasHead = options.head === undefined
  const report = await verifyAudit(path, record => {
    hasHead ||= record.hash === options.head
  })
  if (report.problemCount > 0 || !hasHead) io.setExitCode(EXIT.failed)
  if (options.json) {
    io.stdout.write(`${JSON.stringify({ ...report, hasHead }, null, 2)}\n`)
    return
  }
  for (const { line, message } of report.problems) {
    io.stdout.write(`${path}:${line}: ${message}\n`)
  }
  const untold = report.problemCount - report.problems.length
  if (untold > 0) io.stdout.write(`and ${untold} more\n`)
  if (!hasHead) io.stdout.write(`no line has the hash ${options.head}: lines are gone\n`)
  const verdict = report.problemCount === 0 && hasHead ? 'unbroken' : 'NOT unbroken'
  io.stdout.write(`${report.records} lines, ${verdict}, head ${report.head}\n`)
}

export async function showTail(
  options: AuditOptions & { readonly lines: number },
  io: CliIo,
): Promise<void> {
  const kept: AuditRecord[] = []
  await verifyAudit(await requireLog(options, io), record => {
    kept.push(record)
    if (kept.length > options.lines) kept.shift()
  })
  if (options.json) {
    io.stdout.write(`${JSON.stringify(kept, null, 2)}\n`)
    return
  }
  for (const { at, actor, action, subject, detail } of kept) {
    const facts = Object.entries(detail ?? {}).map(([name, value]) => `${name}=${value}`)
    const line = [at, actor, action, subject, ...facts].join('  ')
    io.stdout.write(`${line.replace(/[^\x20-\x7e\u00a0-\uffff]/g, '?')}\n`)
  }
}

async function requireLog(options: AuditOptions, io: CliIo): Promise<string> {
  const { audit } = await findFiles(options, io)
  if (audit !== undefined) return audit
  const why = '--audit names the log, or --config a configuration with tenants.audit.'
  throw new MillraceError('MILLRACE_AUDIT_UNREADABLE', why)
}
