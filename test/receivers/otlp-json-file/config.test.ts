/** The configuration of otlp_json_file: upstream's keys as people write them, and what does not go together. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { config } from '../../../src/receivers/otlp-json-file/config.ts'

const INCLUDE = { include: ['/var/log/*.json'] }

function problemsOf(section: object): string[] {
  const parsed = config.schema.safeParse(section)
  if (!parsed.success) return parsed.error.issues.map(({ path }) => path.join('.'))
  return (config.check?.(parsed.data) ?? []).map(({ path }) => path.join('.'))
}

test("takes a section as upstream's users write it", () => {
  const section = {
    ...INCLUDE,
    exclude: ['/var/log/b.json'],
    start_at: 'beginning',
    poll_interval: '1s',
    fingerprint_size: '1kb',
    max_log_size: '4MiB',
    max_concurrent_files: 16,
    include_file_name: false,
    include_file_permissions: false,
    initial_buffer_size: '16KiB',
    preserve_leading_whitespaces: false,
    preserve_trailing_whitespaces: false,
    encoding: 'utf-8',
    storage: 'file_storage/own',
    compression: 'auto',
  }

  const parsed = config.schema.parse(section)

  assert.deepEqual(problemsOf(section), [])
  assert.equal(parsed.fingerprint_size, 1000)
  assert.equal(parsed.max_log_size, 4 << 20)
})

test('begins at the end, every 200 ms, unless told otherwise', () => {
  const { start_at, poll_interval, format, compression, max_log_size } =
    config.schema.parse(INCLUDE)

  assert.deepEqual(
    { start_at, poll_interval, format, compression, max_log_size },
    {
      start_at: 'end',
      poll_interval: 200,
      format: 'json',
      compression: '',
      max_log_size: 64 << 20,
    },
  )
})

for (const [section, path] of [
  [{}, 'include'],
  [{ include: ['[a'] }, 'include.0'],
  [{ ...INCLUDE, exclude: ['ok', '{a'] }, 'exclude.1'],
  [{ ...INCLUDE, fingerprint_size: 15 }, 'fingerprint_size'],
  [{ ...INCLUDE, max_log_size: 0 }, 'max_log_size'],
  [{ ...INCLUDE, max_log_size: '2GiB' }, 'max_log_size'],
  [{ ...INCLUDE, max_concurrent_files: 1 }, 'max_concurrent_files'],
  [{ ...INCLUDE, delete_after_read: true }, 'delete_after_read'],
  [{ ...INCLUDE, replay_file: true, storage: 'file_storage' }, 'replay_file'],
  [{ ...INCLUDE, start_at: 'middle' }, 'start_at'],
  [{ ...INCLUDE, compression: 'lz4' }, 'compression'],
  [{ ...INCLUDE, encoding: 'utf-16' }, 'encoding'],
] as const) {
  test(`refuses ${JSON.stringify(section)}`, () => {
    assert.deepEqual(problemsOf(section), [path])
  })
}
