// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are references of the configuration language
import assert from 'node:assert/strict'
import test from 'node:test'
import { parse } from 'yaml'
import { runMillrace } from './command-line.ts'

const YAML = `
receivers: {otlp: {protocols: {grpc: }}}
exporters:
  otlp_http:
    endpoint: http://localhost:4318
    headers: {authorization: "Bearer \${env:TOKEN}"}
service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_http]}}}
`
const ARGS = ['print-config', '--config', `yaml:${YAML}`, '--set', 'exporters.otlp_http.timeout=2s']
const ENV = { TOKEN: 'hunter2' }

test('prints what was merged and expanded, with secrets hidden', async () => {
  const { code, stdout, stderr } = await runMillrace(ARGS, ENV)

  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(parse(stdout).exporters.otlp_http, {
    endpoint: 'http://localhost:4318',
    headers: { authorization: '[REDACTED]' },
    timeout: '2s',
  })
})

test('hides what stands in a URL before the host and in its query', async () => {
  const endpoint = 'https://me:hunter2@a.example/v1?api_key=hunter2&team=x#top'
  const { stdout } = await runMillrace([
    ...ARGS,
    '--set',
    `exporters.otlp_http.endpoint=${endpoint}`,
  ])

  assert.equal(
    parse(stdout).exporters.otlp_http.endpoint,
    'https://[REDACTED]@a.example/v1?api_key=[REDACTED]&team=[REDACTED]#top',
  )
})

test('prints secrets when asked to, and JSON', async () => {
  const { stdout } = await runMillrace([...ARGS, '--mode', 'unredacted', '--format', 'json'], ENV)

  assert.equal(JSON.parse(stdout).exporters.otlp_http.headers.authorization, 'Bearer hunter2')
})

test('prints a wrong configuration too, with its problems and exit code 1', async () => {
  const { code, stdout, stderr } = await runMillrace(
    [...ARGS, '--set', 'exporters.otlp_http.tmeout=1s'],
    ENV,
  )

  assert.equal(code, 1)
  assert.match(stderr, /did you mean "timeout"/)
  assert.doesNotMatch(stdout + stderr, /hunter2/)
})
