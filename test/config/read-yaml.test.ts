import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { MAX_SOURCE_BYTES, type ReadResult, readYaml } from '../../src/config/read-yaml.ts'
import { Source } from '../../src/config/source.ts'
import { toPlain } from '../../src/config/tree.ts'

function read(text: string): ReadResult {
  return readYaml(new Source('test.yaml', text))
}

function places(text: string): readonly string[] {
  return read(text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

test('refuses a key that is there twice, at its second place', () => {
  assert.deepEqual(places('a:\n  b: 1\n  b: 2\nc: 1\na: 3\n'), [
    '3:3 this key is here twice',
    '5:1 this key is here twice',
  ])
})

test('refuses tabs as indentation', () => {
  assert.deepEqual(places('a:\n\tb: 1\n'), ['2:1 a tab is used for indentation; YAML wants spaces'])
})

test('tells every fault of syntax with its place', () => {
  const found = places('a: [1, 2\nb: "x\n')

  assert.equal(found.length, 2)
  assert.match(found[0], /^2:1 not valid YAML/)
  assert.match(found[1], /^3:1 not valid YAML/)
})

test('refuses a second document and an unknown anchor', () => {
  assert.deepEqual(places('a: 1\n---\nb: 1\n'), ['2:1 there is more than one YAML document'])
  assert.deepEqual(places('a: *nope\n'), ['1:4 there is no anchor "nope"'])
})

test('follows anchors and merge keys', () => {
  const { tree } = read('x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\nz: *x\n')

  assert.deepEqual(toPlain(tree!), {
    x: { a: 1, b: 2 },
    y: { a: 1, b: 3 },
    z: { a: 1, b: 2 },
  })
})

test('refuses an alias that contains itself', () => {
  assert.match(places('x: &x\n  a: *x\n')[0], /^2:6 this alias contains itself/)
})

test('refuses a bomb of aliases without blowing up', () => {
  const letters = 'abcdefghijk'
  const lines = [...letters].map((letter, i) => {
    const inner = i === 0 ? 'x' : `*${letters[i - 1]}`
    return `${letter}: &${letter} [${Array(10).fill(inner).join(', ')}]`
  })

  const [first, ...more] = places(lines.join('\n'))

  assert.match(first, /grows beyond all measure/)
  assert.deepEqual(more, [])
})

test('refuses deep nesting in every writing', () => {
  const deep = [
    '['.repeat(50_000),
    `${'['.repeat(1000)}${']'.repeat(1000)}`,
    '{a: '.repeat(20_000),
    `${'- '.repeat(20_000)}x`,
    Array.from({ length: 500 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
  ]
  for (const text of deep) assert.match(places(text)[0], /is nested too deeply/)
})

test('refuses a text beyond the limit', () => {
  assert.match(places(`a: ${'x'.repeat(MAX_SOURCE_BYTES)}`)[0], /bytes long/)
})

test('keeps __proto__ a key like any other', () => {
  const plain = toPlain(read('__proto__: {polluted: 1}\n').tree!) as object

  assert.deepEqual(Object.keys(plain), ['__proto__'])
  assert.equal(({} as { polluted?: number }).polluted, undefined)
})

test('reads back what the yaml package writes', () => {
  const { value } = fc.letrec(tie => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string({ minLength: 1 }), tie('value'), { maxKeys: 4 }),
    ),
  }))
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), value), map => {
      const { tree, problems } = read(stringify(map))
      assert.deepEqual(problems, [])
      if (Object.keys(map).length > 0)
        assert.equal(JSON.stringify(toPlain(tree!)), JSON.stringify(map))
    }),
    { numRuns: 200 },
  )
})

test('never throws, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), (a, b) => {
      read(a)
      read(`x: ${b}`)
    }),
    { numRuns: 500 },
  )
})
