import assert from 'node:assert/strict'
import test from 'node:test'
import { BUILTINS } from '../harness/builtins.ts'
import { runMillrace } from './command-line.ts'

const GOOD = `yaml:${JSON.stringify({
  receivers: { otlp: { protocols: { grpc: null, http: null } } },
  processors: { batch: null },
  exporters: { nop: null },
  service: {
    pipelines: { traces: { receivers: ['otlp'], processors: ['batch'], exporters: ['nop'] } },
  },
})}`

test('accepts a good configuration', async () => {
  const { code, stdout, stderr } = await runMillrace(['validate', '--config', GOOD])

  assert.deepEqual([code, stdout, stderr], [0, 'The configuration is valid.\n', ''])
})

test('shows warnings and accepts', async () => {
  const args = ['validate', '--config', GOOD, '--set', 'exporters.nop/unused=']

  const { code, stderr } = await runMillrace(args)

  assert.equal(code, 0)
  assert.match(stderr, /warning: exporters\.nop\/unused: the exporter "nop\/unused" is not used/)
})

test('tells every problem and ends with 1', async () => {
  const args = [
    'validate',
    '--config',
    GOOD,
    '--set',
    'processors.batch.tmeout=1s',
    '--set',
    'service.x=1',
  ]

  const { code, stdout, stderr } = await runMillrace(args)

  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /processors\.batch\.tmeout: is not a known key[\s\S]*did you mean "timeout"/)
  assert.match(stderr, /service\.x: is not a known key/)
  assert.match(stderr, /2 errors, 0 warnings\n$/)
})

test('answers programs in JSON', async () => {
  const args = ['validate', '--json', '--config', GOOD, '--set', 'processors.batch.tmeout=1s']

  const { code, stdout } = await runMillrace(args)

  assert.equal(code, 1)
  assert.deepEqual(JSON.parse(stdout), {
    valid: false,
    problems: [
      {
        severity: 'error',
        path: 'processors.batch.tmeout',
        file: '--set',
        line: 1,
        column: 1,
        message: 'is not a known key',
        nearest: 'timeout',
      },
    ],
  })
})

test('every field of every built-in component has a description', async () => {
  const { stdout } = await runMillrace(['schema'])
  const { properties } = JSON.parse(stdout)
  const missing: string[] = []
  const walk = (schema: Record<string, unknown>, path: string): void => {
    for (const [key, child] of Object.entries((schema.properties ?? {}) as Record<string, never>)) {
      if (!('description' in child)) missing.push(`${path}.${key}`)
      walk(child, `${path}.${key}`)
    }
  }
  for (const table of Object.values(properties) as Record<string, unknown>[]) {
    const patterns = (table.patternProperties ?? {}) as Record<string, Record<string, unknown>>
    for (const [pattern, schema] of Object.entries(patterns)) walk(schema, pattern)
  }

  assert.ok(BUILTINS.length > 0)
  assert.deepEqual(missing, [])
})
