/** Configuration of `file_storage`: upstream's keys, and what a write-ahead queue can be told besides. */
import { z } from 'zod'
import {
  byteSize,
  duration,
  idle,
  scalarField,
  section,
  textField,
  wrong,
} from '../../config/fields.ts'
import type { ConfigSpec } from '../../core/factory.ts'

const DEFAULT_DIRECTORY = '/var/lib/otelcol/file_storage'
export const MIN_SEGMENT_BYTES = 64 * 1024
const MAX_SEGMENT_BYTES = 1024 * 1024 * 1024
const MAX_FSYNC_INTERVAL_MS = 60_000

export type FsyncSetting = 'always' | 'interval' | 'never'

const FSYNC_WORDS = new Map<unknown, FsyncSetting>([
  [true, 'always'],
  [false, 'never'],
  ['always', 'always'],
  ['interval', 'interval'],
  ['never', 'never'],
])

/** With underscores too, as upstream's own sample writes it: its YAML reads them as numbers. */
function looseInteger(preset: number): z.ZodType<number> {
  return scalarField(readLooseInteger, {
    type: ['integer', 'string'],
    pattern: '^\\d[\\d_]*$',
  }).prefault(preset as never)
}

const schema = section({
  directory: z
    .string()
    .min(1)
    .default(DEFAULT_DIRECTORY)
    .describe('Folder of the queues and the dead letters; one process at a time works in it.'),
  create_directory: z
    .boolean()
    .default(false)
    .describe('Creates the folder, and those above it, if it is not there.'),
  directory_permissions: textField(readMode, { pattern: '^0?[0-7]{3}$' })
    .prefault('0750' as never)
    .describe('Of folders that are created, in octal; the umask takes away from it.'),
  timeout: duration('1s').describe('How long to wait for another process to give up the folder.'),
  fsync: scalarField(readFsync, { enum: [true, false, 'always', 'interval', 'never'] })
    .prefault('always' as never)
    .describe(
      'When the disk must have what is answered as stored: always (true), at the latest after fsync_interval, or never (false): when the system likes.',
    ),
  fsync_interval: duration('100ms', { positive: true, maxMs: MAX_FSYNC_INTERVAL_MS }).describe(
    'For fsync: interval.',
  ),
  max_bytes: byteSize(0).describe('Of all files of the queues; 0 is no limit but min_free_bytes.'),
  max_size: byteSize(0).describe("Upstream's key: the same as max_bytes where that is not set."),
  max_bytes_per_tenant: byteSize(0).describe(
    "Of each tenant's entries in all queues; 0 is no limit. A tenant's own disk_bytes may be smaller.",
  ),
  min_free_bytes: byteSize('64MiB').describe(
    'Nothing is stored that would leave less free on the disk; 0 lets it fill up.',
  ),
  segment_bytes: byteSize('16MiB').describe(
    'Size of one file; space comes back when all entries of a file have ended. 64KiB to 1GiB.',
  ),
  overflow: z
    .enum(['refuse', 'drop_oldest', 'drop_newest'])
    .default('refuse')
    .describe(
      'Without room: refuse asks the sender to come again, drop_oldest lets old entries of the same queue go, drop_newest takes and drops.',
    ),
  letters: section({
    max_bytes: byteSize('256MiB').describe('Of all dead letters; the oldest make room.'),
    max_age: duration('168h').describe('Older dead letters are removed; 0s keeps them.'),
  }).describe('What no destination wanted, kept until somebody looks.'),
  recreate: idle(
    z
      .boolean()
      .default(false)
      .describe('Accepted; no effect: damaged files are always set aside, never the whole folder.'),
  ),
  compaction: idle(
    section({
      on_start: z.boolean().default(false).describe('As the section.'),
      on_rebound: z.boolean().default(false).describe('As the section.'),
      directory: z.string().default(DEFAULT_DIRECTORY).describe('As the section.'),
      rebound_needed_threshold_mib: looseInteger(100).describe('As the section.'),
      rebound_trigger_threshold_mib: looseInteger(10).describe('As the section.'),
      max_transaction_size: looseInteger(65_536).describe('As the section.'),
      check_interval: duration('5s').describe('As the section.'),
      cleanup_on_start: z.boolean().default(false).describe('As the section.'),
    }).describe('Accepted; no effect: files go as their entries end, nothing is ever compacted.'),
  ),
})

export type FileStorageConfig = z.output<typeof schema>

export const config: ConfigSpec<FileStorageConfig> = {
  schema,
  check({ segment_bytes: bytes }) {
    if (bytes >= MIN_SEGMENT_BYTES && bytes <= MAX_SEGMENT_BYTES) return []
    const expected = `from ${MIN_SEGMENT_BYTES} to ${MAX_SEGMENT_BYTES} bytes`
    return [{ path: ['segment_bytes'], message: 'is out of range', expected }]
  },
}

function readMode(text: string): number | ReturnType<typeof wrong> {
  if (!/^0?[0-7]{3}$/.test(text)) {
    return wrong('are no permissions', 'three octal digits, such as 0750')
  }
  return Number.parseInt(text, 8)
}

function readFsync(value: unknown): FsyncSetting | ReturnType<typeof wrong> {
  return FSYNC_WORDS.get(value) ?? wrong('is no policy', 'always, interval, never, true or false')
}

function readLooseInteger(value: unknown): number | ReturnType<typeof wrong> {
  const text = String(value)
  if (!/^\d[\d_]*$/.test(text)) return wrong('is not a number', 'a whole number from 0')
  return Number(text.replaceAll('_', ''))
}
