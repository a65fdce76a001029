// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are references of the configuration language
import assert from 'node:assert/strict'
import test from 'node:test'
import { explainProblems, problemsToJson } from '../../src/config/explain.ts'
import { examineConfig } from '../../src/config/load.ts'
import { redactConfig } from '../../src/config/redact.ts'
import { toPlain } from '../../src/config/tree.ts'
import { GOOD, smallRegistry } from './small-registry.ts'

const REGISTRY = smallRegistry()

function explain(yaml: string, sets: readonly string[] = [], env = {}): string {
  return explainProblems(examineConfig([`yaml:${yaml}`], sets, REGISTRY, env).problems)
}

test('draws the line with a caret under the fault', () => {
  const yaml = GOOD.replace('endpoint: backend:4317', 'endpoint: backend')

  assert.equal(
    explain(yaml),
    `error: exporters.otlp.endpoint: is not an address: the port is missing
  at yaml:9:15
   |
 9 |     endpoint: backend
   |               ^^^^^^^
  expected host:port, such as localhost:4317

1 error, 0 warnings
`,
  )
})

test('draws a misspelled key and what was meant', () => {
  const text = explain(GOOD.replace('  batch:', '  batch: {timeuot: 1s}'))

  assert.match(text, / 6 \| {3}… timeuot: …\n {3}\| {5}\^{7}\n {2}did you mean "timeout"\?/)
})

test('marks a fault in --set', () => {
  const text = explain(GOOD, ['processors.batch.timeout=x'])

  assert.match(text, / 1 \| processors\.batch\.timeout=x\n {3}\| {26}\^\n/)
})

/** Ways to write a secret next to, in, or instead of something that is wrong. */
const SECRET_WRITINGS: readonly string[] = [
  'hedaers: {authorization: Bearer hunter2}',
  'hedaers:\n      authorization: hunter2',
  'headers: hunter2',
  'headers: [hunter2]',
  'headers: {authorization: hunter2, b: 1}',
  'headers: {b: 1, authorization: hunter2}',
  'headers: {authorization: [hunter2]}',
  'headers: {authorization: "hunter2\\n"}',
  'tls: {key_pem: hunter2}',
  'tls: {key_pem: [hunter2]}',
  'tls: hunter2',
  'timeout: ${env:SECRET}',
  'endpoint: "${env:SECRET}"',
  'endpoint: "https://user:hunter2@host"',
  'unknown: hunter2',
  'sending_queue: {storage: x, note: hunter2}',
]

test('shows no secret, however wrongly it is written', () => {
  for (const writing of SECRET_WRITINGS) {
    const yaml = GOOD.replace('endpoint: backend:4317', writing)
    const { problems } = examineConfig([`yaml:${yaml}`], [], REGISTRY, { SECRET: 'hunter2' })

    assert.ok(problems.length > 0, writing)
    assert.doesNotMatch(explainProblems(problems), /hunter2/, writing)
    assert.doesNotMatch(JSON.stringify(problemsToJson(problems)), /hunter2/, writing)
  }
})

test('prints no secret of a merged configuration, right or wrong', () => {
  const right = [
    'headers: {authorization: hunter2}',
    'headers: [{name: authorization, value: hunter2}]',
    'tls: {key_pem: hunter2}',
    'headers: {authorization: "${env:SECRET}"}',
  ]
  for (const writing of [...right, ...SECRET_WRITINGS].filter(
    text => !text.startsWith('timeout'),
  )) {
    const yaml = GOOD.replace('endpoint: backend:4317', writing)
    const env = { SECRET: writing.startsWith('endpoint') ? 'https://u:hunter2@h:1' : 'hunter2' }
    const { tree } = examineConfig([`yaml:${yaml}`], [], REGISTRY, env)

    const shown = JSON.stringify(redactConfig(toPlain(tree!), REGISTRY))

    assert.doesNotMatch(shown, /hunter2/, writing)
    assert.match(shown, /\[REDACTED\]/, writing)
  }
})

test('leaves what is not secret as it is', () => {
  const { tree } = examineConfig(
    [`yaml:${GOOD}`],
    ['service.telemetry.logs.level=debug'],
    REGISTRY,
    {},
  )
  const plain = toPlain(tree!)

  assert.deepEqual(redactConfig(plain, REGISTRY), plain)
})
