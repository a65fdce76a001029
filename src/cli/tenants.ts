/** `millrace tenants …`: API keys, the audit log, and what tenants do. */
import { type Command, InvalidArgumentError } from 'commander'
import { parseDuration } from '../util/duration.ts'
import { addConfigOptions } from './config-options.ts'
import type { CliIo } from './io.ts'

const SIGNALS = ['traces', 'metrics', 'logs']
const DAY_MS = 86_400_000

export function register(program: Command, io: CliIo): void {
  const tenants = program
    .command('tenants')
    .description('Makes and revokes API keys, shows the audit log and what tenants do')
  registerKeys(tenants, io)
  registerAudit(tenants, io)
  registerRunning(tenants, io)
}

function registerKeys(tenants: Command, io: CliIo): void {
  const key = tenants
    .command('key')
    .description('API keys: made, rotated, revoked and listed in their file')

  keyFile(key.command('create'))
    .description('Makes a key and shows it once; only its hash is kept')
    .requiredOption('--tenant <id>', 'whose key it is')
    .option('--name <text>', 'what it is for, shown in lists', '')
    .option('--signals <list>', 'what it may send, as in traces,logs; everything if left out', list)
    .option('--expires <when>', '90d, 12h, 2027-01-31, or never', readExpiry, 'never')
    .action(async options => {
      await (await import('./tenants/key.ts')).createKey(options, io)
    })

  keyFile(key.command('rotate'))
    .description('Makes a key that takes over from another one, which goes on for a while')
    .argument('<id>', 'id of the key, as `key list` shows it')
    .option('--overlap <duration>', 'how long the old key goes on', readSpan, DAY_MS)
    .option(
      '--expires <when>',
      'end of the new key: 90d, 12h, 2027-01-31, or never',
      readExpiry,
      'never',
    )
    .action(async (id, options) => {
      await (await import('./tenants/key.ts')).rotate(id, options, io)
    })

  keyFile(key.command('revoke'))
    .description('Ends a key at once')
    .argument('<id>', 'id of the key, as `key list` shows it')
    .action(async (id, options) => {
      await (await import('./tenants/key.ts')).revoke(id, options, io)
    })

  keyFile(key.command('list'))
    .description('Every key with its tenant, scopes, state and end; never a secret')
    .option('--tenant <id>', 'only keys of this tenant')
    .action(async options => {
      await (await import('./tenants/key.ts')).listKeys(options, io)
    })
}

function registerAudit(tenants: Command, io: CliIo): void {
  const audit = tenants
    .command('audit')
    .description('The log of changes of keys, tenants and configuration')

  auditFile(audit.command('verify'))
    .description('Says whether a line was changed, taken out or put in between')
    .option('--head <hash>', 'a hash noted before, whose line must still be there')
    .action(async options => {
      await (await import('./tenants/audit.ts')).verifyLog(options, io)
    })

  auditFile(audit.command('tail'))
    .description('The last lines')
    .option('--lines <n>', 'how many', readCount, 20)
    .action(async options => {
      await (await import('./tenants/audit.ts')).showTail(options, io)
    })
}

function registerRunning(tenants: Command, io: CliIo): void {
  running(tenants.command('list'))
    .description('Tenants of a running collector: limits, and how much of each is taken')
    .action(async options => {
      await (await import('./tenants/list.ts')).listTenants(options, io)
    })

  running(tenants.command('usage'))
    .description('Who used what: items by what became of them, bytes in and out, costs')
    .option('--tenant <id>', 'only this tenant')
    .option('--since <time>', 'a duration such as 1h, or a time; 24 hours back at most')
    .option('--reasons', 'with the reasons of what was refused, filtered and lost', false)
    .option('--csv', 'as CSV', false)
    .action(async options => {
      await (await import('./tenants/usage.ts')).showUsage(options, io)
    })
}

function running(command: Command): Command {
  return command
    .option('--socket <path>', 'admin socket of the collector; found if only one runs')
    .option('--json', 'as JSON', false)
}

function keyFile(command: Command): Command {
  return addConfigOptions(command)
    .option('--file <path>', 'file of keys; otherwise the one that the configuration names')
    .option('--audit <path>', 'audit log; otherwise that of the configuration, or none')
    .option('--json', 'as JSON', false)
}

function auditFile(command: Command): Command {
  return addConfigOptions(command)
    .option('--audit <path>', 'audit log; otherwise the one that the configuration names')
    .option('--json', 'as JSON', false)
}

function list(text: string): readonly string[] {
  const names = text.split(',').map(name => name.trim())
  const wrong = names.find(name => !SIGNALS.includes(name))
  if (wrong === undefined) return [...new Set(names)]
  throw new InvalidArgumentError(`"${wrong}" is no signal; there are ${SIGNALS.join(', ')}`)
}

/** Milliseconds from now, or a Date. Never is a word, for commander takes null as "no value". */
function readExpiry(text: string): number | Date | 'never' {
  if (text === 'never') return text
  if (/^\d{4}-\d{2}-\d{2}(T[\d:.]+Z)?$/.test(text) && !Number.isNaN(Date.parse(text))) {
    return readDay(text)
  }
  return readSpan(text)
}

/** `Date` makes the 2nd of March of the 30th of February. */
function readDay(text: string): Date {
  const date = new Date(text)
  if (date.toISOString().slice(0, 10) === text.slice(0, 10)) return date
  throw new InvalidArgumentError('there is no such day')
}

function readSpan(text: string): number {
  const days = /^(\d{1,5})d$/.exec(text)
  const ms = days === null ? parseDuration(text) : Number(days[1]) * DAY_MS
  if (ms !== undefined && ms >= 0) return ms
  throw new InvalidArgumentError('a duration is meant, such as 90d or 12h')
}

function readCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('a whole number is meant')
}
