/** The file of API keys: hashes, never secrets. Read by collectors, written by `millrace tenants key`. */
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import { giveToFolderOwner } from '../../util/folder-owner.ts'
import { withLockFile } from '../../util/lock-file.ts'
import { readCredentialFile } from './credential-file.ts'
import { isKeyId } from './key-format.ts'
import { isTenantId } from './tenant-id.ts'

const FORMAT_VERSION = 1
const MAX_KEYS = 100_000
const MAX_FILE_BYTES = 64 * 1024 * 1024
const MAX_NAME_CHARS = 128
const OWNER_ONLY = 0o600

const time = z.iso.datetime()

const storedKey = z.strictObject({
  id: z.string().refine(isKeyId, 'is not the id of a key'),
  tenant: z.string().refine(isTenantId, 'is not the id of a tenant'),
  name: z.string().max(MAX_NAME_CHARS).default(''),
  hash: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is not sha256: and 64 hexadecimal digits'),
  signals: z.array(z.enum(['traces', 'metrics', 'logs'])).nullable(),
  created: time,
  expires: time.nullable(),
  revoked: time.nullable(),
  /** The key that this one takes over from. */
  replaces: z.string().optional(),
})

const keyFile = z.strictObject({
  version: z.literal(FORMAT_VERSION),
  keys: z.array(storedKey).max(MAX_KEYS),
})

export interface StoredKey {
  readonly id: string
  readonly tenant: string
  /** For people. */
  readonly name: string
  /** `sha256:` and hexadecimal digits. */
  readonly hash: string
  readonly signals: readonly Signal[] | null
  /** ISO 8601, UTC. */
  readonly created: string
  readonly expires: string | null
  readonly revoked: string | null
  readonly replaces?: string
}

/** Rejects with a `MillraceError` that never quotes the file. An absent file is no keys if `mayBeAbsent`. */
export async function readKeyFile(path: string, mayBeAbsent = false): Promise<StoredKey[]> {
  const text = await readCredentialFile(path, MAX_FILE_BYTES, mayBeAbsent)
  return text === null ? [] : parseKeyFile(path, text)
}

export function parseKeyFile(path: string, text: string): StoredKey[] {
  const fail = (why: string) =>
    new MillraceError('MILLRACE_IDENTITY_KEYS_INVALID', `${path} ${why}.`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw fail('is not JSON')
  }
  const parsed = keyFile.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw fail(`is not a file of keys: at ${issue.path.join('.') || 'its top'}: ${issue.message}`)
  }
  const { keys } = parsed.data
  if (new Set(keys.map(key => key.id)).size < keys.length) throw fail('has one id twice')
  return keys
}

/** Changes the file while no other command does; what `change` returns is written at once and whole, or not at all. */
export async function changeKeyFile(
  path: string,
  change: (keys: readonly StoredKey[]) => Promise<readonly StoredKey[]>,
): Promise<void> {
  try {
    await withLockFile(path, async () => {
      const keys = await change(await readKeyFile(path, true))
      if (keys.length > MAX_KEYS) {
        const why = `${path} would have more than ${MAX_KEYS} keys.`
        throw new MillraceError('MILLRACE_IDENTITY_KEYS_INVALID', why)
      }
      const text = JSON.stringify({ version: FORMAT_VERSION, keys }, null, 1)
      await replaceFile(path, `${text}\n`)
    })
  } catch (error) {
    if (error instanceof MillraceError) throw error
    const { message } = error as Error
    throw new MillraceError('MILLRACE_IDENTITY_KEYS_UNWRITABLE', message, { cause: error })
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.${randomUUID()}`
  try {
    const file = await open(next, 'wx', OWNER_ONLY)
    try {
      await keepOwner(path, file)
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(next, path)
  } catch (error) {
    await rm(next, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}

/** Who writes keys may be another user than the collector, which must still be able to read them. */
async function keepOwner(path: string, next: FileHandle): Promise<void> {
  const before = await stat(path).catch(() => null)
  if (before === null) return giveToFolderOwner(next, path)
  await next.chown(before.uid, before.gid).catch(() => {})
  await next.chmod(before.mode & 0o777).catch(() => {})
}

/** So that the new name survives a power failure too; not every system can. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => null)
  await folder?.sync().catch(() => {})
  await folder?.close()
}
