/** The admin socket: who may open it, what it answers, and what it does not put up with. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { RuleControl, RulesView } from '../../src/core/rule-control.ts'
import { AdminSocket } from '../../src/pipeline/admin-socket.ts'
import { fakeHost } from '../../src/testing/fakes.ts'

const VIEW: RulesView = {
  id: 'rules',
  signal: 'traces',
  live: { hash: 'abc', files: ['r.yaml'], rules: 1, sinceMs: 0, origin: 'start' },
  kept: [],
  refusal: null,
  guarded: false,
  rules: [],
}

/** A collector in which nothing runs. */
const NOTHING = fakeHost().inspector

function fakeControl(id: string, calls: string[]): RuleControl {
  return {
    id,
    view: () => ({ ...VIEW, id }),
    reload: async origin => {
      calls.push(`reload ${id} ${origin}`)
      return id === 'bad' ? ['it is wrong'] : []
    },
    rollback: hash => {
      calls.push(`rollback ${id} ${hash}`)
      return hash === 'gone' ? 'there is no such set' : null
    },
    why: traceId => [
      {
        ...{ atMs: 1, traceId, tenant: 'default', signal: 'traces', rule: 'r' },
        ...{ action: 'dropped it', because: ['true'] },
      },
    ],
  }
}

async function open(t: TestContext, controls: readonly RuleControl[]) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-admin-'))
  const path = join(folder, 'deep', 'admin.sock')
  const socket = await AdminSocket.open(path, { ...NOTHING, rules: () => controls })
  t.after(() => {
    socket.close()
    rmSync(folder, { recursive: true })
  })
  return { path, ask: (method: string, url: string, body?: string) => ask(path, method, url, body) }
}

function ask(socketPath: string, method: string, path: string, body?: string) {
  return new Promise<{ status: number; body: Record<string, never> }>((resolve, reject) => {
    const call = request({ socketPath, method, path }, async response => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve({ status: response.statusCode!, body: JSON.parse(text) })
    })
    call.on('error', reject)
    call.end(body)
  })
}

test('only its owner can open the socket', async t => {
  const { path } = await open(t, [])

  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('shows the rules of every processor', async t => {
  const { ask } = await open(t, [fakeControl('rules', []), fakeControl('rules/b', [])])

  const { status, body } = await ask('GET', '/api/v1/rules')

  assert.equal(status, 200)
  assert.deepEqual(
    (body.rules as RulesView[]).map(view => view.id),
    ['rules', 'rules/b'],
  )
})

test('reloads and rolls back what is meant', async t => {
  const calls: string[] = []
  const { ask } = await open(t, [fakeControl('rules', calls), fakeControl('bad', calls)])

  assert.equal((await ask('POST', '/api/v1/rules/reload', '{"id":"rules"}')).status, 200)
  assert.equal((await ask('POST', '/api/v1/rules/reload', '{}')).status, 422)
  assert.equal((await ask('POST', '/api/v1/rules/rollback', '{"hash":"abc"}')).status, 200)
  assert.equal((await ask('POST', '/api/v1/rules/rollback', '{"hash":"gone"}')).status, 409)
  assert.equal((await ask('POST', '/api/v1/rules/rollback', '{"id":"other"}')).status, 404)

  assert.deepEqual(calls.slice(0, 4), [
    'reload rules admin',
    'reload rules admin',
    'reload bad admin',
    'rollback rules abc',
  ])
})

test('tells why a trace went where it went', async t => {
  const { ask } = await open(t, [fakeControl('rules', [])])

  const { body } = await ask('GET', `/api/v1/rules/why?trace_id=${'a'.repeat(32)}`)

  assert.equal((body.decisions as { rule: string }[])[0].rule, 'r')
  assert.equal((await ask('GET', '/api/v1/rules/why?trace_id=xyz')).status, 400)
})

test('says what is wrong with a question', async t => {
  const { ask } = await open(t, [fakeControl('rules', [])])

  assert.equal((await ask('GET', '/api/v1/nothing')).status, 404)
  assert.equal((await ask('GET', '/api/v1/rules/reload')).status, 405)
  assert.equal((await ask('POST', '/api/v1/rules/reload')).status, 400)
  assert.equal((await ask('POST', '/api/v1/rules/reload', '{')).status, 400)
  assert.equal((await ask('POST', '/api/v1/rules/reload', '{"id":5}')).status, 400)
  assert.equal((await ask('POST', '/api/v1/rules/reload', `"${'x'.repeat(70_000)}"`)).status, 400)
})

test('takes the place of a dead process, and not that of a living one', async t => {
  const { path } = await open(t, [])
  await assert.rejects(AdminSocket.open(path, NOTHING), /another process listens/)

  const file = join(path, '..', 'file')
  writeFileSync(file, '')
  await assert.rejects(AdminSocket.open(file, NOTHING), /is no socket/)
})

test('does not trust a folder that others may write to', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-open-'))
  t.after(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, 0o777)

  await assert.rejects(AdminSocket.open(join(folder, 'admin.sock'), NOTHING), /others may write/)
})
