/** Questions about queues and letters: what of a question is checked before anything is asked or changed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_CONTEXT } from '../../src/core/batch.ts'
import { ACCEPTED } from '../../src/core/outcome.ts'
import type { Letter, LetterControl, QueueControl } from '../../src/core/queue-control.ts'
import { answerAdmin } from '../../src/pipeline/admin-api.ts'
import { fakeHost } from '../../src/testing/fakes.ts'

const SUMMARY = {
  ...{ id: 'file_storage', letters: 1, items: 1, bytes: 100, maxBytes: 1000 },
  ...{ oldestAtMs: 1, evicted: 0, refused: 0, damaged: 0 },
}

function letterOf(id: string, bytes: Uint8Array): Letter {
  return {
    view: {
      ...{ id, atMs: 1, tenant: 'a', exporter: 'otlp', signal: 'traces', reason: 'bad_data' },
      ...{ message: '', items: 1, bytes: bytes.length, services: [], traceIds: [] },
    },
    bytes,
    context: NO_CONTEXT,
  }
}

function start() {
  const calls: unknown[] = []
  const queue: QueueControl = {
    exporter: 'otlp',
    view: () => [],
    peek: (filter, max) => {
      calls.push(['peek', filter, max])
      return []
    },
    drain: filter => {
      calls.push(['drain', filter])
      return 0
    },
    purge: filter => {
      calls.push(['purge', filter])
      return 0
    },
    put: async () => ACCEPTED,
  }
  const box: LetterControl = {
    id: 'file_storage',
    summary: () => SUMMARY,
    list: async (filter, max) => {
      calls.push(['list', filter, max])
      return []
    },
    read: async id =>
      id === 'none' ? null : letterOf(id, Buffer.alloc(id === 'big' ? 41 << 20 : 3)),
    remove: async ids => {
      calls.push(['remove', ids])
      return ids.length
    },
  }
  const subject = { ...fakeHost().inspector, queues: () => [queue], letters: () => [box] }
  const ask = (method: string, url: string, body?: unknown) => {
    const { pathname, searchParams } = new URL(url, 'http://admin')
    return answerAdmin(subject, { method, path: pathname, query: searchParams, body })
  }
  return { ask, calls }
}

test('a question that is not understood changes nothing', async () => {
  const { ask, calls } = start()
  const wrong: [string, string, unknown?][] = [
    ['GET', '/api/v1/queue?signal=smells'],
    ['GET', '/api/v1/queue/peek?max=0'],
    ['GET', '/api/v1/queue/peek?max=1001'],
    ['GET', '/api/v1/queue/peek?max=many'],
    ['POST', '/api/v1/queue/drain', { tenant: 5 }],
    ['POST', '/api/v1/queue/purge', { signal: 'smells' }],
    ['GET', '/api/v1/letters?since=yesterday'],
    ['GET', '/api/v1/letters?trace_id=abc'],
    ['GET', '/api/v1/letters?max=-1'],
    ['POST', '/api/v1/letters/requeue', {}],
    ['POST', '/api/v1/letters/requeue', { ids: [] }],
    ['POST', '/api/v1/letters/purge', { ids: [1] }],
    ['POST', '/api/v1/letters/purge', { ids: Array.from({ length: 501 }, () => 'x') }],
    ['POST', '/api/v1/letters/purge', { ids: ['x'], storage: 5 }],
  ]

  for (const question of wrong) {
    const { status, body } = await ask(...question)
    assert.equal(status, 400, question[1])
    assert.equal(typeof (body as { error: string }).error, 'string')
  }

  assert.deepEqual(calls, [])
})

test('what is meant reaches the controls, and nothing else', async () => {
  const { ask, calls } = start()

  await ask('GET', '/api/v1/queue/peek?tenant=a&other=x')
  await ask('POST', '/api/v1/queue/drain', { exporter: 'otlp', signal: 'logs', other: 1 })
  await ask('POST', '/api/v1/queue/purge', undefined)
  await ask('GET', `/api/v1/letters?reason=r&since=17&trace_id=${'AB'.repeat(16)}`)

  assert.deepEqual(calls, [
    ['peek', { tenant: 'a' }, 100],
    ['drain', { exporter: 'otlp', signal: 'logs' }],
    ['purge', {}],
    ['list', { reason: 'r', sinceMs: 17, traceId: 'ab'.repeat(16) }, 10_000],
  ])
})

test('says what there is not, or not to be shown', async () => {
  const { ask } = start()

  assert.equal((await ask('POST', '/api/v1/queue/drain', { exporter: 'kafka' })).status, 404)
  assert.equal((await ask('GET', '/api/v1/letters/show?id=none')).status, 404)
  assert.equal((await ask('GET', '/api/v1/letters/show?id=x&storage=other')).status, 404)
  assert.equal((await ask('GET', '/api/v1/letters/show?id=big')).status, 413)
  assert.equal((await ask('GET', '/api/v1/letters/purge')).status, 405)
  assert.equal((await ask('GET', '/api/v1/toString')).status, 404)
})

test('a letter goes when its queue has taken it, and not before', async () => {
  const { ask, calls } = start()

  const { status, body } = await ask('POST', '/api/v1/letters/requeue', { ids: ['none', 'a-1'] })

  assert.equal(status, 409)
  assert.deepEqual(body, {
    items: 1,
    results: [
      { id: 'none', problem: 'there is no such letter' },
      { id: 'a-1', problem: null },
    ],
  })
  assert.deepEqual(calls, [['remove', ['a-1']]])
})
