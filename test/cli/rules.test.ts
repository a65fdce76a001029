/** `millrace rules check | test | explain | replay | eval | fmt` on files. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { decodeJson } from '../../src/otlp/json/decode.ts'
import { runMillrace } from './command-line.ts'

const RULES = `version: 1
rules:
  - name: health
    when: attributes["url.path"] == "/healthz"
    do: drop
  - name: payments
    when: resource.attributes["service.name"] == "payments" and status.code == STATUS_CODE_ERROR
    do: { route: [jaeger] }
`
const CASES = `cases:
  - name: a health check is dropped
    span: { name: GET, attributes: { url.path: /healthz } }
    expect: { dropped_by: health }
`
const REQUEST = {
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'payments' } }] },
      scopeSpans: [
        {
          spans: [
            {
              name: 'charge',
              traceId: 'a'.repeat(32),
              spanId: 'b'.repeat(16),
              status: { code: 2 },
            },
            {
              name: 'GET /healthz',
              traceId: 'c'.repeat(32),
              spanId: 'd'.repeat(16),
              attributes: [{ key: 'url.path', value: { stringValue: '/healthz' } }],
            },
          ],
        },
      ],
    },
  ],
}

function folderWith(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-cli-rules-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

test('check tells what is wrong with the line and a caret, and exits with 1', async t => {
  const folder = folderWith(t, { 'r.yaml': RULES.replace('status.code', 'status.cod') })

  const { code, stderr } = await runMillrace(['rules', 'check', join(folder, 'r.yaml')])

  assert.equal(code, 1)
  assert.match(stderr, /rules\.1\.when: there is no path status\.cod; did you mean status\.code\?/)
  assert.match(stderr, / 7 \| {5}when: resource.*\n.*\^{10}\n/)
})

test('check knows the exporters of a configuration', async t => {
  const config = `receivers: { otlp: { protocols: { grpc: {} } } }
exporters: { nop: {}, nop/jaeger: {} }
service: { pipelines: { traces: { receivers: [otlp], exporters: [nop] } } }
`
  const folder = folderWith(t, { 'r.yaml': RULES, 'c.yaml': config })
  const args = ['rules', 'check', join(folder, 'r.yaml')]

  const known = await runMillrace([...args, '--destination', 'jaeger'])
  const unknown = await runMillrace([...args, '--config', join(folder, 'c.yaml'), '--json'])

  assert.deepEqual([known.code, unknown.code], [0, 1])
  assert.match(known.stdout, /r\.yaml: valid, 2 rules, 0 cases, hash [0-9a-f]{16}/)
  const { problems } = JSON.parse(unknown.stdout)
  assert.equal(problems[0].message, 'there is no exporter "jaeger"')
})

test('test runs the cases beside the rules and writes a JUnit report', async t => {
  const wrong = `${CASES}  - name: <wrong> & "bad"\n    span: {}\n    expect: { dropped_by: health }\n`
  const folder = folderWith(t, {
    'r.yaml': RULES,
    'r.cases.yaml': CASES,
    'w.yaml': RULES,
    'w.cases.yaml': wrong,
  })
  const junit = join(folder, 'junit.xml')

  const fine = await runMillrace(['rules', 'test', join(folder, 'r.yaml')])
  const failed = await runMillrace(['rules', 'test', join(folder, 'w.yaml'), '--junit', junit])

  assert.deepEqual([fine.code, fine.stdout.split('\n').at(-2)], [0, '1 case, 0 failed'])
  assert.equal(failed.code, 1)
  assert.match(failed.stdout, /FAIL {2}<wrong> & "bad"/)
  assert.match(failed.stdout, /- expected health\n +\+ got {6}nothing/)
  const report = readFileSync(junit, 'utf8')
  assert.match(report, /tests="2" failures="1" errors="0"/)
  assert.match(report, /name="&lt;wrong&gt; &amp; &quot;bad&quot;"/)
})

test('test fails for rules without cases', async t => {
  const folder = folderWith(t, { 'r.yaml': RULES })

  const { code, stderr } = await runMillrace(['rules', 'test', join(folder, 'r.yaml')])

  assert.equal(code, 1)
  assert.match(stderr, /has no file of cases beside it/)
})

test('explain says which rule, which part of its condition, and with which values', async t => {
  const folder = folderWith(t, { 'r.yaml': RULES, 'c.json': JSON.stringify(REQUEST) })

  const { code, stdout } = await runMillrace([
    ...['rules', 'explain', join(folder, 'r.yaml'), '--in', join(folder, 'c.json')],
  ])

  assert.equal(code, 0)
  assert.match(stdout, /#1 span "charge" trace a{32}\n {2}goes to jaeger\n/)
  assert.match(
    stdout,
    /false: attributes\["url\.path"\] == "\/healthz"\n +attributes\["url\.path"\] = nil/,
  )
  assert.match(stdout, /true: status\.code == STATUS_CODE_ERROR\n +status\.code = 2/)
  assert.match(stdout, /#2 span "GET \/healthz" trace c{32}\n {2}dropped by health\n/)
})

test('explain reads protobuf, records of the file exporter, and lines of JSON alike', async t => {
  const bytes = decodeJson('traces', Buffer.from(JSON.stringify(REQUEST))) as Uint8Array
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  const folder = folderWith(t, {
    'r.yaml': RULES,
    'one.pb': bytes,
    'records.pb': Buffer.concat([length, bytes, length, bytes]),
    'lines.jsonl': `${JSON.stringify(REQUEST)}\n\n${JSON.stringify(REQUEST)}\n`,
  })
  const explain = async (name: string) => {
    const args = ['rules', 'explain', join(folder, 'r.yaml'), '--json', '--in', join(folder, name)]
    const { stdout } = await runMillrace(args)
    return stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
  }

  assert.deepEqual(
    (await explain('one.pb')).map(item => item.dropped_by),
    [null, 'health'],
  )
  assert.equal((await explain('records.pb')).length, 4)
  const lines = await explain('lines.jsonl')
  assert.equal(lines.length, 4)
  assert.deepEqual(lines[0].routed_to, ['jaeger'])
  assert.equal(lines[0].rules[1].condition.parts[1].values['status.code'], '2')
})

test('explain guesses the signal of protobuf', async t => {
  const logs = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: 'x' } }] }] }] }
  const metrics = {
    resourceMetrics: [
      { scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: [{ asInt: '1' }] } }] }] },
    ],
  }
  const folder = folderWith(t, {
    'r.yaml': RULES,
    'logs.pb': decodeJson('logs', Buffer.from(JSON.stringify(logs))) as Uint8Array,
    'metrics.pb': decodeJson('metrics', Buffer.from(JSON.stringify(metrics))) as Uint8Array,
    'bad.pb': Buffer.from('no telemetry at all'),
  })
  const explain = (name: string) =>
    runMillrace(['rules', 'explain', join(folder, 'r.yaml'), '--in', join(folder, name)])

  assert.match((await explain('logs.pb')).stdout, /#1 log "x"/)
  assert.match((await explain('metrics.pb')).stdout, /#1 metric "m"/)
  const bad = await explain('bad.pb')
  assert.equal(bad.code, 1)
  assert.match(bad.stderr, /it is no export request of any signal/)
})

test('replay counts what would change, by rule and destination, and shows samples', async t => {
  const changed = RULES.replace('/healthz', '/readyz').replace('[jaeger]', '[jaeger, kafka]')
  const folder = folderWith(t, {
    'old.yaml': RULES,
    'new.yaml': changed,
    'c.json': JSON.stringify(REQUEST),
  })
  const args = [
    'rules',
    'replay',
    '--old',
    join(folder, 'old.yaml'),
    '--new',
    join(folder, 'new.yaml'),
  ]

  const { stdout } = await runMillrace([...args, '--in', join(folder, 'c.json'), '--json'])

  const report = JSON.parse(stdout)
  assert.deepEqual([report.items, report.different], [2, 2])
  assert.deepEqual(report.rules, { payments: { old: 1, new: 1 }, health: { old: 1, new: 0 } })
  assert.deepEqual(report.destinations.kafka, { old: 0, new: 1 })
  assert.deepEqual(report.destinations['(default)'], { old: 0, new: 1 })
  assert.equal(report.samples[1].old, 'dropped by health')
})

test('eval runs conditions, values and statements on one item', async t => {
  const item =
    '{"span": {"name": "charge", "attributes": {"n": 5, "d": 5.0}}, "resource": {"k": "v"}}'
  const folder = folderWith(t, { 'item.json': item, 'c.json': JSON.stringify(REQUEST) })
  const evaluate = async (expression: string, file = 'item.json', context = 'span') => {
    const args = ['rules', 'eval', expression, '--context', context, '--in', join(folder, file)]
    const { stdout, stderr } = await runMillrace(args)
    return `${stdout}${stderr}`
  }

  assert.match(await evaluate('attributes["d"]'), /span 1: 5\.0\n/)
  assert.match(await evaluate('attributes["n"] > 4 and name == "charge"'), /span 1: true\n/)
  assert.match(await evaluate('set(attributes["n"], 6)'), /span 1: ran\n.*attributes\.n: 5 -> 6\n/)
  assert.match(await evaluate('attributes["k"]', 'item.json', 'resource'), /resource 1: "v"\n/)
  assert.match(await evaluate('name', 'c.json'), /span 1: "charge"\n.*span 2: "GET \/healthz"\n/)
  assert.match(await evaluate('nmae'), /did you mean name\?/)
})

test('fmt puts keys and spaces in order, keeps comments, and comes to rest', async t => {
  const ugly = `# Rules of the shop.
version: 1
rules:
    - do: {route: [jaeger,   kafka/errors]}
      when:  name=="x"   and(kind==1)
      # What it is for.
      name: one
      tenants: [007, 1.0, ~, yes, "a b", "12"]
      continue:   false
`
  const folder = folderWith(t, { 'r.yaml': ugly })
  const path = join(folder, 'r.yaml')

  assert.equal((await runMillrace(['rules', 'fmt', '--check', path])).code, 1)
  await runMillrace(['rules', 'fmt', path])

  assert.equal(
    readFileSync(path, 'utf8'),
    `# Rules of the shop.
version: 1
rules:
  # What it is for.
  - name: one
    tenants: [007, 1.0, ~, yes, "a b", "12"]
    when: name == "x" and kind == 1
    do: { route: [jaeger, kafka/errors] }
    continue: false
`,
  )
  assert.equal((await runMillrace(['rules', 'fmt', '--check', path])).code, 0)
})

test('schema --rules and --cases are JSON Schemas in which every field is described', async () => {
  for (const option of ['--rules', '--cases']) {
    const { stdout } = await runMillrace(['schema', option])
    const schema = JSON.parse(stdout)
    assert.match(schema.$schema, /2020-12/)
    assert.equal(schema.additionalProperties, false)
  }
})

test('validate looks into the rule files of a configuration, and runs their cases', async t => {
  const folder = folderWith(t, {
    'r.yaml': RULES,
    'r.cases.yaml': CASES.replace('health }', 'payments }'),
  })
  const config = (exporter: string) => `receivers: { otlp: { protocols: { grpc: {} } } }
processors: { rules: { files: [${join(folder, 'r.yaml')}] } }
exporters: { nop: {}, ${exporter}: {} }
service: { pipelines: { traces: { receivers: [otlp], processors: [rules], exporters: [nop] } } }
`
  const validate = (exporter: string) => runMillrace(['validate', '-c', `yaml:${config(exporter)}`])

  const unknown = await validate('nop/other')
  assert.equal(unknown.code, 1)
  assert.match(
    unknown.stderr,
    /r\.yaml:8:19: rules\.1\.do\.route\.0: there is no exporter "jaeger"/,
  )

  writeFileSync(join(folder, 'r.yaml'), RULES.replace('jaeger', 'nop/jaeger'))
  const failing = await validate('nop/jaeger')
  assert.match(
    failing.stderr,
    /case "a health check is dropped": dropped_by: expected payments, got health/,
  )

  rmSync(join(folder, 'r.cases.yaml'))
  assert.equal((await validate('nop/jaeger')).code, 0)
})
