/** The tables of docs/security.md name tests; each of them must exist. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { ROOT } from '../harness/process.ts'

test('every test that docs/security.md names exists', () => {
  const sources = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.ts') && !file.startsWith('docs'))
    .map(file => readFileSync(join(ROOT, 'test', file), 'utf8'))
    .join('\n')
  const text = readFileSync(join(ROOT, 'docs', 'security.md'), 'utf8')
  const list = text.slice(text.indexOf('## Secrets are not seen'))
  const titles = [...list.matchAll(/^\| (?!what \||-)[^|]+ \| ([^|]+) \|$/gm)].map(row => row[1])

  // Titles of tests for each protocol begin with its name, which the source has in another place.
  const missing = titles.filter(title => !sources.includes(title.replace(/^(gRPC|HTTP): /, '')))

  assert.ok(titles.length > 50, 'the tables were not found')
  assert.deepEqual(missing, [])
})
