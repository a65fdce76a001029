// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are references of the configuration language
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { expandTree } from '../../src/config/expand.ts'
import type { Problem } from '../../src/config/problems.ts'
import { readYaml } from '../../src/config/read-yaml.ts'
import { Source } from '../../src/config/source.ts'
import { nodeAt, toPlain } from '../../src/config/tree.ts'

const ENV: Readonly<Record<string, string>> = {
  HOST: 'localhost',
  PORT: '3044',
  OS: 'ubuntu',
  B: 'bee',
  K: 'B',
  AB: 'nested',
  BOOL: 'true',
  FLOAT: '6.4',
  SEVEN: '007',
  LIST: '[1, 2]',
  MAP: '{a: 1, b: "${env:HOST}"}',
  ESC: 'a$$b${env:B}',
  EMPTY: '',
  TILDE: '~',
  BAD_YAML: '[1, ',
  LOOP: '${env:LOOP}',
  PING: 'x${env:PONG}',
  PONG: 'y${env:PING}',
  TREE: '{x: "${env:TREE}", y: "${env:TREE}"}',
  LONG: '${env:LONG2}${env:LONG2}${env:LONG2}${env:LONG2}${env:LONG2}${env:LONG2}',
  LONG2: 'z'.repeat(300_000),
}

interface Expanded {
  readonly value: unknown
  readonly original: string | undefined
  readonly problems: readonly Problem[]
}

function expand(text: string): Expanded {
  const tree = readYaml(new Source('test', `v: ${JSON.stringify(text)}`)).tree!
  const problems: Problem[] = []
  const expanded = expandTree(tree, { env: ENV, files: new Map(), problems })
  const { v } = toPlain(expanded) as { v: unknown }
  return { value: v, original: nodeAt(expanded, ['v'])?.original, problems }
}

/** What the OpenTelemetry Collector makes of the same texts, except where a line says otherwise. */
const CASES: readonly (readonly [string, unknown])[] = [
  // whole values have the type that YAML gives them
  ['${env:PORT}', 3044],
  ['${PORT}', 3044],
  ['${env:BOOL}', true],
  ['${env:FLOAT}', 6.4],
  ['${env:LIST}', [1, 2]],
  ['${env:MAP}', { a: 1, b: 'localhost' }],
  ['${env:TILDE}', null],
  ['${env:EMPTY}', null],
  ['${env:BAD_YAML}', '[1, '],
  ['${yaml:[a, b]}', ['a', 'b']],
  // within a text they are text
  ['${env:HOST}:3043', 'localhost:3043'],
  ['${env:HOST}:${env:PORT}', 'localhost:3044'],
  ['${HOST}:$PORT', 'localhost:$PORT'],
  ['https://${env:HOST}:3045', 'https://localhost:3045'],
  ['test_${env:BOOL}_test_${env:BOOL}', 'test_true_test_true'],
  ['${env:HOST}?os=${env:OS}', 'localhost?os=ubuntu'],
  // nested: the innermost first
  ['${env:A${env:K}}', 'nested'],
  ['${yaml:1${yaml:2${yaml:3}}}', 123],
  ['${env:NONE:-${env:HOST}}', 'localhost'],
  // defaults
  ['${env:NONE:-fallback}', 'fallback'],
  ['${env:NONE:-8080}', 8080],
  ['${env:NONE:-}', ''],
  ['${env:EMPTY:-x}', null],
  ['${env:HOST:-x}', 'localhost'],
  // escapes
  ['$${env:HOST}', '${env:HOST}'],
  ['$$${env:B}', '$bee'],
  ['$$$${env:B}', '$${env:B}'],
  ['a$$b', 'a$b'],
  ['$x', '$x'],
  ['${env:ESC}', 'a$bbee'],
  // upstream leaves ${env:B} as it is here
  ['$${env:A} ${env:B}', '${env:A} bee'],
  // no references
  ['env:HOST}', 'env:HOST}'],
  ['${HOST', '${HOST'],
  ['HO{ST}', 'HO{ST}'],
  ['${env:HOST${env:PORT?os=${env:OS', '${env:HOST${env:PORT?os=${env:OS'],
  ['env:HOST}${env:PORT', 'env:HOST}${env:PORT'],
]

test('expands as upstream does', () => {
  for (const [text, wanted] of CASES) {
    const { value, problems } = expand(text)
    assert.deepEqual(value, wanted, text)
    assert.deepEqual(
      problems.filter(problem => problem.severity === 'error'),
      [],
      text,
    )
  }
})

test('keeps the text beside a value that is not one, for fields that want text', () => {
  assert.equal(expand('${env:SEVEN}').original, '007')
  assert.equal(expand('${env:TILDE}').original, '~')
  assert.equal(expand('${env:NONE}').original, '')
})

test('warns about a variable that is not set, and goes on without it', () => {
  const { value, problems } = expand('${env:NONE}')

  assert.equal(value, null)
  assert.deepEqual(
    problems.map(({ severity, path, line, column }) => ({ severity, path, line, column })),
    [{ severity: 'warning', path: 'v', line: 1, column: 4 }],
  )
})

test('refuses what cannot be expanded, at its place', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['${env:9X}', /not the name of an environment variable/],
    ['${http:x}', /not a kind of source/],
    ['${NONE:-x}', /does not say env:/],
    ['${env:A$B}', /dollar sign inside/],
    ['${file:/no/such/file}', /no such file/],
    ['${env:LOOP}', /refers to itself/],
    ['${env:PING}', /refers to itself/],
    ['${env:TREE}', /refers to itself/],
    ['${env:LONG}', /grows too long/],
  ]
  for (const [text, message] of wrong) {
    const { problems } = expand(text)
    assert.ok(problems.length > 0, text)
    assert.match(problems[0].message, message, text)
    assert.equal(problems[0].severity, 'error', text)
  }
})

test('reads files: maps as maps, one text without its line end', t => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-expand-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'token'), 'def-not-a-map\n')
  writeFileSync(join(folder, 'part.yaml'), 'a: 1\nb: [x]\n')

  assert.equal(expand(`\${file:${folder}/token}`).value, 'def-not-a-map')
  assert.deepEqual(expand(`\${file:${folder}/part.yaml}`).value, { a: 1, b: ['x'] })
})
