import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { runMillrace } from './command-line.ts'

test('prints version and help and ends well', async () => {
  const { version } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )

  const told = await runMillrace(['--version'])
  const help = await runMillrace(['--help'])

  assert.deepEqual([told.code, told.stdout], [0, `${version}\n`])
  assert.equal(help.code, 0)
  for (const command of ['run', 'validate', 'components', 'print-config', 'schema', 'generate']) {
    assert.match(help.stdout, new RegExp(`^ {2}${command} `, 'm'))
  }
})

test('tells a misspelled command what was meant', async () => {
  const { code, stderr } = await runMillrace(['valdate'])

  assert.equal(code, 2)
  assert.match(stderr, /unknown command "valdate"; did you mean "validate"\?/)
})

test('refuses unknown options and missing configurations as wrong usage', async () => {
  const option = await runMillrace(['validate', '--confg', 'x'])
  const none = await runMillrace(['validate'])
  const run = await runMillrace([])

  assert.deepEqual([option.code, none.code, run.code], [2, 2, 2])
  assert.match(option.stderr, /unknown option '--confg'/)
  assert.match(none.stderr, /MILLRACE_CLI_NO_CONFIG/)
  assert.match(run.stderr, /MILLRACE_CLI_NO_CONFIG/)
})

test('says that a source cannot be read, with the code and what to do', async () => {
  const { code, stderr } = await runMillrace(['validate', '--config', '/no/such/file.yaml'])

  assert.equal(code, 1)
  assert.match(stderr, /MILLRACE_CONFIG_UNREADABLE: .*no such file/)
})
