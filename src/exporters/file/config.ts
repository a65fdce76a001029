/** Configuration of `file`. Keys and defaults are upstream's; what is not supported says so. */
import { z } from 'zod'
import {
  compressionParams,
  duration,
  integer,
  optionalSection,
  section,
  textField,
  wrong,
} from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'

const schema = section({
  path: textField(path => (path === '' ? wrong('is empty', 'the path of a file') : path), {
    type: 'string',
    minLength: 1,
  }).describe('File to write to, relative to the working directory.'),
  append: z
    .boolean()
    .default(false)
    .describe('Appends to the file; otherwise it is emptied first.'),
  rotation: optionalSection({
    max_megabytes: integer(100).describe('Size in MiB at which a new file begins; 0 means 100.'),
    max_days: integer(0).describe('Removes older files after so many days; 0 keeps them.'),
    max_backups: integer(100).describe('Older files to keep; 0 keeps all.'),
    localtime: z
      .boolean()
      .default(false)
      .describe("Writes local time instead of UTC into the older files' names."),
  }).describe('Begins new files by size. The older ones carry a time in their name.'),
  format: z
    .enum(['json', 'proto'])
    .default('json')
    .describe(
      '`json` writes one request a line, `proto` requests with a 4-byte length before each.',
    ),
  encoding: z.string().optional().describe('Encoding extension; not supported.'),
  compression: z
    .enum(['', 'zstd'])
    .default('')
    .describe('`zstd` compresses each request by itself; a 4-byte length stands before each.'),
  compression_params: compressionParams.describe('Level of the compression.'),
  flush_interval: duration('1s').describe(
    'How long written items may wait in memory; with `rotation` they are written at once.',
  ),
  create_directory: z
    .boolean()
    .default(false)
    .describe("Creates the file's directory if there is none."),
  directory_permissions: textField(readPermissions, { type: 'string', pattern: '^0?[0-7]{1,3}$' })
    .optional()
    .describe('Permissions of created directories, octal; 0755 if not said.'),
  group_by: optionalSection({
    enabled: z.boolean().default(false).describe('Not supported; must be false.'),
    resource_attribute: z
      .string()
      .default('fileexporter.path_segment')
      .describe('Attribute to group by.'),
    max_open_files: integer(100).describe('Files that may be open at once.'),
  }).describe('Writing to one file per resource attribute; not supported.'),
})

export type FileConfig = z.output<typeof schema>

export const config: ConfigSpec<FileConfig> = { schema, check }

function readPermissions(text: string): number | ReturnType<typeof wrong> {
  const mode = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : -1
  const allowed = mode >= 0 && mode <= 0o777
  return allowed ? mode : wrong('is not a file mode', 'an octal number such as "0755"')
}

function check(config: FileConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const say = (path: string[], message: string, expected: string) =>
    problems.push({ path, message, expected })
  if (config.append && config.rotation !== undefined) {
    say(['append'], 'append and rotation cannot be used together', 'one of the two')
  }
  if (config.directory_permissions !== undefined && !config.create_directory) {
    say(
      ['directory_permissions'],
      'directory_permissions requires create_directory to be true',
      'create_directory: true beside it',
    )
  }
  if (config.encoding !== undefined) {
    say(['encoding'], 'encoding extensions are not supported', 'format: json or format: proto')
  }
  if (config.group_by?.enabled === true) {
    say(['group_by', 'enabled'], 'group_by is not supported', 'one `file` exporter per path')
  }
  return problems
}
