/** `millrace tenants key create | rotate | revoke | list`. A key is shown by the command that makes it and never again. */
import { userInfo } from 'node:os'
import { SYSTEM_CLOCK } from '../../core/clock.ts'
import type { Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import { AuditLog } from '../../tenancy/audit/audit-log.ts'
import { makeKey, revokeKey, rotateKey, stateOf } from '../../tenancy/identity/key-changes.ts'
import { changeKeyFile, readKeyFile, type StoredKey } from '../../tenancy/identity/key-file.ts'
import { looksLikeApiKey, parseApiKey } from '../../tenancy/identity/key-format.ts'
import { isTenantId, TENANT_ID_RULE } from '../../tenancy/identity/tenant-id.ts'
import type { CliIo } from '../io.ts'
import { type FileOptions, findFiles } from './files.ts'

/** Milliseconds from now, a time, or never. */
type Expiry = number | Date | 'never'

interface KeyOptions extends FileOptions {
  readonly json: boolean
}

interface CreateOptions extends KeyOptions {
  readonly tenant: string
  readonly name: string
  readonly signals?: readonly Signal[]
  readonly expires: Expiry
}

interface RotateOptions extends KeyOptions {
  readonly overlap: number
  readonly expires: Expiry
}

const MAX_NAME_CHARS = 128

export async function createKey(options: CreateOptions, io: CliIo): Promise<void> {
  const { tenant, name, signals = null } = options
  if (!isTenantId(tenant)) throw usage(`--tenant: ${TENANT_ID_RULE}`)
  if (name.length > MAX_NAME_CHARS) throw usage(`--name: at most ${MAX_NAME_CHARS} characters`)
  const nowMs = Date.now()
  const expiresMs = endOf(options.expires, nowMs)
  const made = makeKey({ tenant, name, signals, expiresMs }, nowMs)
  await change(options, io, 'key.create', async keys => ({
    keys: [...keys, made.key],
    changed: made.key,
  }))
  show(made.key, made.text, options, io)
}

export async function rotate(id: string, options: RotateOptions, io: CliIo): Promise<void> {
  refuseWholeKey(id)
  const nowMs = Date.now()
  let text = ''
  const key = await change(options, io, 'key.rotate', async keys => {
    const rotated = rotateKey(keys, id, options.overlap, endOf(options.expires, nowMs), nowMs)
    text = rotated.made.text
    return { keys: rotated.keys, changed: rotated.made.key }
  })
  show(key, text, options, io)
}

export async function revoke(id: string, options: KeyOptions, io: CliIo): Promise<void> {
  refuseWholeKey(id)
  const key = await change(options, io, 'key.revoke', async keys => {
    const revoked = revokeKey(keys, id, Date.now())
    return { keys: revoked.keys, changed: revoked.old }
  })
  if (options.json) writeJson(shown(key, Date.now()), io)
  else io.stdout.write(`${key.id} of ${key.tenant} is revoked\n`)
}

export async function listKeys(
  options: KeyOptions & { readonly tenant?: string },
  io: CliIo,
): Promise<void> {
  const nowMs = Date.now()
  const keys = await readKeyFile(await requireFile(options, io))
  const rows = keys
    .filter(key => options.tenant === undefined || key.tenant === options.tenant)
    .map(key => shown(key, nowMs))
  if (options.json) {
    writeJson(rows, io)
    return
  }
  const table = [
    ['ID', 'TENANT', 'NAME', 'SIGNALS', 'STATE', 'CREATED', 'EXPIRES'],
    ...rows.map(row => [
      ...[row.id, row.tenant, printable(row.name), row.signals?.join(',') ?? 'all', row.state],
      ...[row.created.slice(0, 10), row.expires?.slice(0, 16) ?? 'never'],
    ]),
  ]
  const widths = table[0].map((_, i) => Math.max(...table.map(line => line[i].length)))
  for (const line of table) {
    io.stdout.write(
      `${line
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd()}\n`,
    )
  }
}

interface Change {
  readonly keys: readonly StoredKey[]
  readonly changed: StoredKey
}

/** The line of the audit log comes first: what cannot be audited is not done. */
async function change(
  options: KeyOptions,
  io: CliIo,
  action: string,
  work: (keys: readonly StoredKey[]) => Promise<Change>,
): Promise<StoredKey> {
  const { audit } = await findFiles(options, io)
  const file = await requireFile(options, io)
  const log = audit === undefined ? null : new AuditLog(audit, SYSTEM_CLOCK)
  let changed: StoredKey | undefined
  try {
    await changeKeyFile(file, async keys => {
      const next = await work(keys)
      await log?.append(eventOf(action, next.changed, file))
      changed = next.changed
      return next.keys
    })
  } catch (error) {
    if (changed !== undefined) await log?.append(eventOf(`${action}.failed`, changed, file))
    throw error
  }
  return changed!
}

function eventOf(action: string, key: StoredKey, file: string) {
  const detail = {
    tenant: key.tenant,
    name: key.name,
    signals: key.signals ?? ['all'],
    expires: key.expires ?? 'never',
    file,
    ...(key.replaces !== undefined && { replaces: key.replaces }),
  }
  return { action, actor: actor(), subject: key.id, detail }
}

function actor(): string {
  const { SUDO_USER } = process.env
  const name = userName()
  return SUDO_USER === undefined ? name : `${name} (${SUDO_USER})`
}

/** Containers often run as a user that has no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.()}`
  }
}

function show(key: StoredKey, text: string, { json }: KeyOptions, io: CliIo): void {
  if (json) {
    writeJson({ ...shown(key, Date.now()), key: text }, io)
    return
  }
  io.stdout.write(`${text}\n`)
  const scope = key.signals === null ? 'everything' : key.signals.join(', ')
  io.stderr.write(
    `Key ${key.id} of tenant ${key.tenant} for ${scope}, expires ${key.expires ?? 'never'}.\n` +
      'It is shown this once; send it as "authorization: Bearer <key>".\n',
  )
}

function shown(key: StoredKey, nowMs: number) {
  const { hash: _, ...rest } = key
  return { ...rest, state: stateOf(key, nowMs) }
}

async function requireFile(options: KeyOptions, io: CliIo): Promise<string> {
  const { keys } = await findFiles(options, io)
  if (keys !== undefined) return keys
  throw usage('--file names the file of keys, or --config a configuration with tenants.api_keys')
}

/** A key in the place of its id is an easy slip; its secret must not come back in the message. */
function refuseWholeKey(text: string): void {
  if (!looksLikeApiKey(text)) return
  const parts = parseApiKey(text)
  throw usage(`This is a key, and not its id${parts === null ? '' : `; its id is ${parts.id}`}`)
}

function endOf(expires: Expiry, nowMs: number): number | null {
  if (expires === 'never') return null
  const endMs = typeof expires === 'number' ? nowMs + expires : expires.getTime()
  if (endMs > nowMs && endMs < 8.64e15) return endMs
  throw usage('--expires: a time to come is meant')
}

/** Names are free text and go to terminals. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, '?')
}

function writeJson(value: unknown, io: CliIo): void {
  io.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

function usage(detail: string): MillraceError {
  return new MillraceError('MILLRACE_IDENTITY_KEY_USAGE', `${detail}.`)
}
