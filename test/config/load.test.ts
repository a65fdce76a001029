// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are references of the configuration language
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { examineConfig, loadConfig } from '../../src/config/load.ts'
import { ConfigError, describeProblem, type Problem } from '../../src/config/problems.ts'
import { Registry } from '../../src/core/registry.ts'
import { BUILTINS } from '../harness/builtins.ts'
import { GOOD, smallRegistry } from './small-registry.ts'

const REGISTRY = smallRegistry()

function writeFiles(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-load-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

function problemsOf(yaml: string, sets: readonly string[] = [], env = {}): readonly Problem[] {
  return examineConfig([`yaml:${yaml}`], sets, REGISTRY, env).problems
}

/** `GOOD` with one line taken for another. */
function good(line: string, instead: string): string {
  assert.ok(GOOD.includes(line), `no line "${line}"`)
  return GOOD.replace(line, instead)
}

test('loads a good configuration with defaults filled in', () => {
  const config = loadConfig([`yaml:${GOOD}`], [], REGISTRY, {})

  assert.deepEqual(config.warnings, [])
  assert.deepEqual(
    [...config.service.pipelines.values()],
    [
      {
        id: 'traces',
        signal: 'traces',
        receivers: ['otlp'],
        processors: ['batch'],
        exporters: ['otlp'],
      },
    ],
  )
  assert.deepEqual(config.processors.get('batch')?.config, {
    timeout: 200,
    send_batch_size: 8192,
    send_batch_max_size: 0,
  })
  assert.equal(config.exporters.get('otlp')?.factory.meta.id, 'otlp_grpc')
  assert.equal(config.service.telemetry.metrics.level, 'normal')
})

test('tells eight faults of one file at once, each at its line and column', () => {
  const yaml = `receivers:
  otlp:
    protocols:
      grcp:
      grpc:
        endpoint: localhost
processors:
  batch:
    timeout: 10
  filter:
exporters:
  otlp:
    endpoint: a:1
    compression: gzp
    sending_queue: {queue_size: 0}
service:
  pipelines:
    traces:
      receivers: [otlp, otlp/2]
      processors: [batch, filter]
      exporters: [otlp]
    trace:
      receivers: [otlp]
`
  const found = problemsOf(yaml).map(({ line, column, path, expected, nearest }) => {
    return [line, column, path, nearest ?? expected]
  })

  assert.deepEqual(found, [
    [4, 7, 'receivers.otlp.protocols.grcp', 'grpc'],
    [6, 19, 'receivers.otlp.protocols.grpc.endpoint', 'host:port, such as localhost:4317'],
    [9, 14, 'processors.batch.timeout', 'a duration with a unit, such as 200ms, 5s or 1m30s'],
    [10, 3, 'processors.filter', 'one of batch, spans_only'],
    [14, 18, 'exporters.otlp.compression', 'gzip'],
    [15, 33, 'exporters.otlp.sending_queue.queue_size', 'at least 1'],
    [19, 25, 'service.pipelines.traces.receivers.1', 'otlp'],
    [22, 5, 'service.pipelines.trace', 'traces'],
  ])
})

test('points into the file that a value came from, after merging', t => {
  const folder = writeFiles(t, {
    'base.yaml': GOOD,
    'over.yaml': 'exporters:\n  otlp:\n    # comment\n    timeout: soon\n    endpiont: x:1\n',
  })
  const sources = [join(folder, 'base.yaml'), `file:${join(folder, 'over.yaml')}`]

  const { problems } = examineConfig(
    sources,
    ['processors.batch.send_batch_size=many'],
    REGISTRY,
    {},
  )

  assert.deepEqual(
    problems.map(({ file, line, column, path }) => [file, line, column, path]),
    [
      [join(folder, 'over.yaml'), 4, 14, 'exporters.otlp.timeout'],
      [join(folder, 'over.yaml'), 5, 5, 'exporters.otlp.endpiont'],
      ['--set', 1, 34, 'processors.batch.send_batch_size'],
    ],
  )
})

test('lets later sources win key by key, and replaces lists', () => {
  const later =
    'exporters: {otlp: {timeout: 1s}, nop: }\nservice: {pipelines: {traces: {exporters: [nop]}}}'
  const sets = [
    'exporters.otlp.timeout=2s',
    'receivers::otlp::protocols::http::endpoint=localhost:1',
  ]

  const config = loadConfig([`yaml:${GOOD}`, `yaml:${later}`], sets, REGISTRY, {})

  const otlp = config.exporters.get('otlp')?.config as { timeout: number; endpoint: string }
  assert.equal(otlp.timeout, 2000)
  assert.equal(otlp.endpoint, 'backend:4317')
  assert.deepEqual(config.service.pipelines.get('traces')?.exporters, ['nop'])
  assert.match(config.receivers.get('otlp')!.canonical, /"http":\{"endpoint":"localhost:1"\}/)
})

test('reads whole configurations from the environment and from keys with colons', () => {
  const env = { CONFIG: GOOD }

  const config = loadConfig(
    ['env:CONFIG', 'yaml:processors::batch::timeout: 1s'],
    [],
    REGISTRY,
    env,
  )

  assert.equal((config.processors.get('batch')!.config as { timeout: number }).timeout, 1000)
})

test('throws one error with all problems', () => {
  assert.throws(
    () =>
      loadConfig([`yaml:${good('  batch:', '  batch: {timeuot: 1s, size: 1}')}`], [], REGISTRY, {}),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError)
      assert.equal(error.code, 'MILLRACE_CONFIG_INVALID')
      assert.equal(error.problems.length, 2)
      assert.match(
        error.message,
        /yaml:6:11: processors\.batch\.timeuot: .*did you mean "timeout"\?/,
      )
      return true
    },
  )
})

test('says that a source cannot be read', () => {
  for (const source of [
    '/no/such/file.yaml',
    'file:/no/such',
    'env:NOT_SET',
    'http://x/y',
    '/tmp',
  ]) {
    assert.throws(
      () => loadConfig([source], [], REGISTRY, {}),
      { code: 'MILLRACE_CONFIG_UNREADABLE' },
      source,
    )
  }
})

test('refuses an empty configuration and one that is not a map', () => {
  assert.match(problemsOf('')[0].message, /is empty/)
  assert.match(problemsOf('# nothing')[0].message, /is empty/)
  assert.match(problemsOf('[1, 2]')[0].message, /not a map/)
  assert.match(problemsOf('{}')[0].message, /no pipeline/)
})

test('takes null for defaults wherever it stands', () => {
  const yaml = good(
    'endpoint: backend:4317',
    'endpoint: backend:4317\n    timeout:\n    headers:\n    note:',
  )

  const config = loadConfig([`yaml:${yaml}`], [], REGISTRY, {})

  assert.equal((config.exporters.get('otlp')!.config as { timeout: number }).timeout, 5000)
})

test('gives an expanded value to a text field as the text that it was', () => {
  const yaml = good(
    'endpoint: backend:4317',
    'endpoint: "${env:H}:1"\n    note: ${env:ID}\n    timeout: ${env:T}',
  )

  const config = loadConfig([`yaml:${yaml}`], [], REGISTRY, { H: 'h', ID: '007', T: '3s' })

  const otlp = config.exporters.get('otlp')?.config as Record<string, unknown>
  assert.deepEqual([otlp.endpoint, otlp.note, otlp.timeout], ['h:1', '007', 3000])
})

test('points at the reference for a fault in an expanded value, and does not show the value', () => {
  const [problem] = problemsOf(good('  batch:', '  batch: {timeout: "${env:T}"}'), [], {
    T: 'hunter2',
  })

  assert.deepEqual([problem.line, problem.column], [6, 20])
  assert.doesNotMatch(describeProblem(problem), /hunter2/)
})

test('does not repeat itself about a value that could not be expanded', () => {
  const found = problemsOf(good('endpoint: backend:4317', 'endpoint: ${http:x}'))

  assert.equal(found.length, 1)
  assert.match(found[0].message, /not a kind of source/)
})

test('tells upstream components from misspelled ones, and one kind from another', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['kafka', /exists in the OpenTelemetry Collector but not yet in Millrace/],
    ['zzz', /not a component of this build/],
    ['batch', /it is a processor/],
    ['9p', /is not a component type/],
    ['otlp/', /the name after the slash/],
    ['otlp/a b', /the name after the slash/],
  ]
  for (const [id, message] of wrong) {
    const found = problemsOf(
      GOOD.replace('exporters:\n', `exporters:\n  "${id}": {endpoint: a:1}\n`),
    )
    assert.match(found[0].message, message, id)
  }
  assert.equal(problemsOf(good('  batch:', '  bacth:')).at(0)?.nearest, 'batch')
})

test('checks references to extensions, and that they are started', () => {
  const auth = good('      grpc:', '      grpc: {auth: {authenticator: health_check}}')
  const defined = `${auth}extensions:\n  health_check:\n`

  assert.match(problemsOf(auth)[0].message, /extension "health_check" is not defined/)
  assert.match(problemsOf(defined)[0].message, /configured but not started/)
  assert.deepEqual(
    problemsOf(defined.replace('service:', 'service:\n  extensions: [health_check]')),
    [],
  )
})

test('takes upstream service.telemetry and tells what is wrong in it', () => {
  const telemetry = `service:
  telemetry:
    logs: {level: DEBUG, encoding: console, sampling: {enabled: false}}
    metrics:
      level: detailed
      readers: [{pull: {exporter: {prometheus: {host: 0.0.0.0, port: 9999}}}}]
    resource: {service.name: gateway}
`
  const config = loadConfig([`yaml:${GOOD}`, `yaml:${telemetry}`], [], REGISTRY, {})
  const { logs, metrics } = config.service.telemetry

  assert.equal(logs.level, 'debug')
  assert.equal(metrics.readers[0].pull?.exporter.prometheus.port, 9999)
  const [problem] = problemsOf(GOOD, ['service.telemetry.logs.levle=info'])
  assert.equal(problem.nearest, 'level')
})

test('lists the files that it read, for those who watch them', t => {
  const folder = writeFiles(t, { 'a.yaml': GOOD, token: 'x\n' })
  const path = join(folder, 'a.yaml')
  const set = `exporters.otlp.note=\${file:${join(folder, 'token')}}`

  const { files } = loadConfig([path], [set], REGISTRY, {})
  assert.deepEqual([...files.keys()], [path, join(folder, 'token')])
})

test('gives equal configurations equal canonical texts, and others different ones', () => {
  const canonical = (more: string): string => {
    const yaml = good('endpoint: backend:4317', `${more}\n    endpoint: backend:4317`)
    return loadConfig([`yaml:${yaml}`], [], REGISTRY, {}).exporters.get('otlp')!.canonical
  }

  assert.equal(canonical('timeout: 5s'), canonical('timeout: 5000ms'))
  assert.equal(canonical('timeout: 5s'), canonical('compression:'))
  assert.notEqual(canonical('headers: {a: x}'), canonical('headers: {a: y}'))
  assert.doesNotMatch(canonical('headers: {a: hunter2}'), /hunter2/)
})

test('warns of every setting that is accepted and has no effect, and not of defaults that are written out', () => {
  const { config, problems } = examineConfig(
    [
      `yaml:
receivers: { otlp: { protocols: { grpc: } } }
processors:
  memory_limiter: { limit_mib: 300, min_gc_interval_when_hard_limited: 3s, min_gc_interval_when_soft_limited: 10s }
extensions:
  health_check: { check_collector_pipeline: { enabled: true } }
  pprof: { mutex_profile_fraction: 5, block_profile_fraction: 0 }
exporters: { nop: }
service:
  extensions: [health_check, pprof]
  telemetry:
    resource: { team: x }
    logs: { development: true, disable_caller: false }
    traces: { propagators: [b3] }
    metrics: { readers: [{ pull: { exporter: { prometheus: { without_units: false } } } }, { periodic: { interval: 1 } }] }
  pipelines: { traces: { receivers: [otlp], processors: [memory_limiter], exporters: [nop] } }
`,
    ],
    [],
    new Registry(BUILTINS),
    {},
  )

  assert.notEqual(config, undefined)
  const idle = problems.filter(problem => problem.message === 'has no effect in Millrace')
  assert.deepEqual(idle.map(problem => [problem.severity, problem.path]).sort(), [
    ['warning', 'extensions.health_check.check_collector_pipeline'],
    ['warning', 'extensions.pprof.mutex_profile_fraction'],
    ['warning', 'processors.memory_limiter.min_gc_interval_when_hard_limited'],
    ['warning', 'service.telemetry.logs.development'],
    ['warning', 'service.telemetry.metrics.readers.0.pull.exporter.prometheus.without_units'],
    ['warning', 'service.telemetry.metrics.readers.1.periodic'],
    ['warning', 'service.telemetry.resource'],
    ['warning', 'service.telemetry.traces.propagators'],
  ])
})
