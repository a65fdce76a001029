/** Configuration of `otlp_json_file`. Keys are upstream's (its file consumer); what is ours or has another default is said in the README. */
import { z } from 'zod'
import {
  byteSize,
  duration,
  extensionReference,
  idle,
  integer,
  section,
} from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { findPatternFault } from './glob.ts'

/** In any case, as upstream takes it: 1kb, 16MiB. */
function size(defaultText: string): z.ZodType<number> {
  const upper = (value: unknown): unknown =>
    typeof value === 'string' ? value.trim().toUpperCase().replace('IB', 'iB') : value
  return z.preprocess(upper, byteSize(defaultText)) as unknown as z.ZodType<number>
}

const patterns = () => z.array(z.string().min(1)).default([])

const noted = (what: string) =>
  idle(
    z
      .boolean()
      .default(false)
      .describe(`Accepted; OTLP items are not changed, so ${what} is not noted.`),
  )

const schema = section({
  include: patterns().describe('Paths of files, with *, ?, [a-z], {a,b} and ** for any folders.'),
  exclude: patterns().describe('Paths of files that are left alone, likewise.'),
  exclude_older_than: duration('0s').describe(
    'Leaves files alone that have not changed for so long; 0 none.',
  ),
  start_at: z
    .enum(['beginning', 'end'])
    .default('end')
    .describe('Where to begin with files that are there at the start and not remembered.'),
  poll_interval: duration('200ms', { minMs: 10 }).describe(
    'How often to look for files and for more in them.',
  ),
  format: z
    .enum(['json', 'proto'])
    .default('json')
    .describe(
      'json: a request of OTLP/JSON on each line. proto: requests, each after its length in 4 bytes.',
    ),
  compression: z
    .enum(['', 'none', 'gzip', 'zstd', 'auto'])
    .default('')
    .describe(
      'gzip: whole files. auto: those that begin like gzip. zstd: each request by itself after its length, as the file exporter writes.',
    ),
  signal: z
    .enum(['auto', 'traces', 'metrics', 'logs'])
    .default('auto')
    .describe('What requests are in format proto; auto looks into each.'),
  replay_file: z
    .boolean()
    .default(false)
    .describe(
      'Sends every file again from its beginning with each poll, for tests and demonstrations.',
    ),
  delete_after_read: z
    .boolean()
    .default(false)
    .describe('Removes files that were read to their end and have not grown since the last poll.'),
  storage: extensionReference()
    .optional()
    .describe(
      'Extension that remembers how far files were read and keeps what cannot be sent, such as file_storage.',
    ),
  fingerprint_size: size('1KB').describe(
    'Bytes at the beginning by which a file is known again under another name; at least 16.',
  ),
  max_log_size: size('64MiB').describe('Longest request, before and after decompression.'),
  max_concurrent_files: integer(1024, { min: 2 }).describe('Files that are kept open.'),
  force_flush_period: duration('500ms').describe(
    'A last line without its end is read when the file has not grown for so long.',
  ),
  encoding: idle(
    z.enum(['utf-8', 'utf8', 'nop']).default('utf-8').describe('Accepted; JSON is always UTF-8.'),
  ),
  max_batches: idle(integer(0).describe('Accepted; all files are looked at with each poll.')),
  acquire_fs_lock: idle(z.boolean().default(false).describe('Accepted; files are not locked.')),
  initial_buffer_size: idle(size('16KiB').describe('Accepted; room is made as it is needed.')),
  preserve_leading_whitespaces: noted('white space around a line'),
  preserve_trailing_whitespaces: noted('white space around a line'),
  polls_to_archive: idle(
    integer(0).describe('Accepted; files that have gone are remembered anyway.'),
  ),
  include_file_name: noted('the name of the file'),
  include_file_path: noted('the path of the file'),
  include_file_name_resolved: noted('the name of the file'),
  include_file_path_resolved: noted('the path of the file'),
  include_file_owner_name: noted('the owner of the file'),
  include_file_owner_group_name: noted('the group of the file'),
  include_file_permissions: noted('the mode of the file'),
  include_file_record_number: noted('the number of the line'),
  include_file_record_offset: noted('the place of the line'),
})

export type OtlpJsonFileConfig = z.output<typeof schema>

export const config: ConfigSpec<OtlpJsonFileConfig> = { schema, check }

const MIN_FINGERPRINT_BYTES = 16
/** A request that is longer cannot be held in one piece. */
const MAX_RECORD_BYTES = 1 << 30

function check(config: OtlpJsonFileConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const say = (path: (string | number)[], message: string, expected: string): void => {
    problems.push({ path, message, expected })
  }
  if (config.include.length === 0) {
    say(['include'], 'is empty', 'paths of files, such as /var/log/telemetry/*.json')
  }
  for (const key of ['include', 'exclude'] as const) {
    for (const [i, pattern] of config[key].entries()) {
      const fault = findPatternFault(pattern)
      if (fault !== null)
        say([key, i], `is no pattern: ${fault}`, 'a path with *, ?, [a-z], {a,b}, **')
    }
  }
  if (config.fingerprint_size < MIN_FINGERPRINT_BYTES) {
    say(['fingerprint_size'], 'is too small', `at least ${MIN_FINGERPRINT_BYTES} bytes`)
  }
  if (config.max_log_size < 1 || config.max_log_size > MAX_RECORD_BYTES) {
    say(['max_log_size'], 'is out of range', '1 byte to 1GiB')
  }
  if (config.delete_after_read && config.start_at === 'end') {
    say(['delete_after_read'], 'does not go together with start_at: end', 'start_at: beginning')
  }
  if (config.replay_file && (config.storage !== undefined || config.delete_after_read)) {
    say(['replay_file'], 'does not go together with storage or delete_after_read', 'one of them')
  }
  return problems
}
