/** Which files patterns find. */
import assert from 'node:assert/strict'
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { FileFinder, findPatternFault } from '../../../src/receivers/otlp-json-file/glob.ts'
import { makeFolder } from './kit.ts'

const FILES = [
  'a.json',
  'b.json',
  'c.txt',
  '.hidden.json',
  'a[1].json',
  'one/d.json',
  'one/two/e.json',
  'one/.git/f.json',
  'x+y/g.json',
]

for (const [include, exclude, expected] of [
  [['*.json'], ['.*'], ['a.json', 'a[1].json', 'b.json']],
  [['?.json'], ['b*'], ['a.json']],
  [['{a,c}.{json,txt}'], [], ['a.json', 'c.txt']],
  [['[!a].*'], [], ['b.json', 'c.txt']],
  [['*.json'], [], ['.hidden.json', 'a.json', 'a[1].json', 'b.json']],
  [['.*'], [], ['.hidden.json']],
  [['a[[]1].json'], [], ['a[1].json']],
  [
    ['**/*.json'],
    ['**/two/*', '**/.*/**', '.*'],
    ['a.json', 'a[1].json', 'b.json', 'one/d.json', 'x+y/g.json'],
  ],
  [['one/**'], [], ['one/.git/f.json', 'one/d.json', 'one/two/e.json']],
  [['one/*/e.json', 'a.json', 'a.json'], [], ['a.json', 'one/two/e.json']],
  [['x+y/*'], [], ['x+y/g.json']],
  [['none/*.json', 'none.json'], [], []],
  [['one'], [], []],
] as const) {
  test(`finds ${include.join(' and ')} without ${exclude.join(' and ') || 'exceptions'}`, async t => {
    const folder = await makeFolder(t)
    for (const file of FILES) {
      await mkdir(dirname(join(folder, file)), { recursive: true })
      await writeFile(join(folder, file), '')
    }
    await symlink(folder, join(folder, 'one', 'circle'))
    const at = (patterns: readonly string[]): string[] => patterns.map(each => join(folder, each))

    const { files, isCut } = await new FileFinder(at(include), at(exclude)).find()

    assert.deepEqual(files.map(({ path }) => relative(folder, path)).sort(), expected)
    assert.equal(isCut, false)
  })
}

test('gives those first that changed longest ago', async t => {
  const folder = await makeFolder(t)
  for (const [name, seconds] of [
    ['a', 30],
    ['b', 10],
    ['c', 20],
  ] as const) {
    await writeFile(join(folder, name), '')
    await utimes(join(folder, name), seconds, seconds)
  }

  const { files } = await new FileFinder([join(folder, '*')], []).find()

  assert.deepEqual(
    files.map(({ path }) => relative(folder, path)),
    ['b', 'c', 'a'],
  )
})

test('says what is wrong with a pattern', () => {
  assert.equal(findPatternFault('/var/log/*.json'), null)
  assert.equal(findPatternFault('/var/log/[a.json'), 'a [ has no ]')
  assert.equal(findPatternFault('/var/log/{a,b.json'), 'a { has no }')
  assert.match(findPatternFault('[z-a]') ?? '', /order/)
})
