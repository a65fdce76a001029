/** The tables of docs/otlp.md name tests; each of them must exist. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

test('every test that docs/otlp.md names exists', () => {
  const sources = readdirSync(`${ROOT}test`, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.ts'))
    .map(file => readFileSync(`${ROOT}test/${file}`, 'utf8'))
    .join('\n')
  const titles = readFileSync(`${ROOT}docs/otlp.md`, 'utf8')
    .split('\n')
    .filter(line => /^\| \d/.test(line))
    .map(line => line.split(' | '))
    .filter(cells => cells.length === 4)
    .map(cells => cells[3].replace(/ \|$/, '').trim())

  assert.ok(titles.length > 40, 'the tables were not found')
  assert.deepEqual(
    titles.filter(title => !sources.includes(title)),
    [],
  )
})
