import assert from 'node:assert/strict'
import test from 'node:test'
import { BUILTINS } from '../harness/builtins.ts'
import { runMillrace } from './command-line.ts'

test('lists every component as a table', async () => {
  const { code, stdout } = await runMillrace(['components'])

  assert.equal(code, 0)
  assert.match(stdout, /^kind +id \(aliases\) +traces +metrics +logs +what\n/)
  assert.equal(stdout.trimEnd().split('\n').length, BUILTINS.length + 1)
})

test('lists every component as JSON with stability, aliases and summary', async () => {
  const { stdout } = await runMillrace(['components', '--json'])

  const rows = JSON.parse(stdout)
  assert.deepEqual(
    new Set(rows.map((row: { kind: string; id: string }) => `${row.kind} ${row.id}`)),
    new Set(BUILTINS.map(factory => `${factory.kind} ${factory.meta.id}`)),
  )
  for (const row of rows) assert.notEqual(row.summary, '', row.id)
})
