/** `millrace why`: sentences about a tenant's items and about one trace. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type {
  LetterControl,
  LetterView,
  QueueControl,
  QueueView,
} from '../../src/core/queue-control.ts'
import type { RuleControl } from '../../src/core/rule-control.ts'
import { UNKNOWN_SENDERS } from '../../src/core/tenancy.ts'
import { openAdmin } from './tenants-kit.ts'

const TRACE = 'ab'.repeat(16)
const MINUTE = 60_000

const QUEUE: QueueView = {
  ...{ exporter: 'otlp_grpc/a', signal: 'traces', tenant: 'shop', inFlight: 0, parked: 2 },
  waiting: { requests: 3, items: 300, bytes: 9000 },
  onDisk: { entries: 5, items: 500, bytes: 15_000 },
  ...{ breaker: 'open', pausedForMs: 4200, oldestMs: 180_000 },
  lastError: 'connect ECONNREFUSED\u001b[31m 127.0.0.1:4317.',
}

const LETTER: LetterView = {
  ...{ id: '7-1', atMs: 1_700_000_000_000 - MINUTE, tenant: 'shop', exporter: 'otlp_http/b' },
  ...{ signal: 'logs', reason: 'bad_data', message: 'invalid timestamp', items: 12, bytes: 700 },
  ...{ services: ['cart'], traceIds: [TRACE] },
}

function queueControl(view: QueueView): QueueControl {
  return {
    exporter: view.exporter,
    view: () => [view],
    peek: () => [
      {
        ...{ exporter: view.exporter, signal: 'traces', tenant: 'shop', state: 'parked' },
        ...{ items: 50, bytes: 10, ageMs: 90_000, attempts: 3, services: [], traceIds: [TRACE] },
      },
    ],
    drain: () => 0,
    purge: () => 0,
    put: () => ({ kind: 'accepted' }),
  }
}

function letterControl(letters: readonly LetterView[]): LetterControl {
  return {
    id: 'file_storage',
    summary: () => assert.fail('nobody asks for it'),
    list: async ({ tenant, traceId }) =>
      letters.filter(
        letter =>
          letter.tenant === tenant && (traceId === undefined || letter.traceIds.includes(traceId)),
      ),
    read: async () => null,
    remove: async () => 0,
  }
}

const RULES: RuleControl = {
  id: 'rules',
  view: () => assert.fail('nobody asks for it'),
  reload: async () => [],
  rollback: () => null,
  why: traceId =>
    traceId === TRACE
      ? ['shop', 'bank'].map(tenant => ({
          ...{ atMs: 1_700_000_000_000, traceId, tenant, signal: 'traces', rule: 'health' },
          ...{ action: 'dropped it', because: ['attributes["http.route"] == "/healthz"'] },
        }))
      : [],
}

async function openBusy(t: TestContext) {
  const asked = await openAdmin(t, {
    queues: () => [queueControl(QUEUE)],
    letters: () => [letterControl([LETTER, { ...LETTER, tenant: 'bank' }])],
    rules: () => [RULES],
    components: () => [
      { kind: 'exporter', id: 'otlp_grpc/a', status: 'recoverable_error', detail: 'breaker open' },
      { kind: 'receiver', id: 'otlp', status: 'ok', detail: '' },
    ],
    tenants: () => [
      {
        view: () => [
          {
            ...{ tenant: 'shop', policy: 'tenants.yaml:4', weight: 1, diskBytes: 0 },
            ...{ connections: 1, requests: 0, lastSeenMs: 1 },
            limits: [
              { name: 'items_per_second', limit: 1000, used: 990 },
              { name: 'connections', limit: 100, used: 1 },
            ],
          },
        ],
      },
    ],
  })
  const { ledger, usage } = asked
  usage.turnedAway('shop', 'address_denied')
  usage.turnedAway(UNKNOWN_SENDERS, 'revoked')
  usage.turnedAway(UNKNOWN_SENDERS, 'revoked')
  ledger.accepted('shop', 'traces', 2000)
  ledger.unaccepted('shop', 'traces', 200, 'quota')
  ledger.sent('shop', 'traces', 1000)
  ledger.dropped('shop', 'traces', 150, { stage: 'rules', reason: 'health', intentional: true })
  const late = { stage: 'otlp_grpc/a', reason: 'retries_exhausted', intentional: false }
  ledger.dropped('shop', 'traces', 50, late)
  ledger.dropped('shop', 'traces', 40, { ...late, reason: 'never_heard_of' })
  ledger.addHolder(each => each('shop', 'traces', 560))
  ledger.accepted('bank', 'traces', 77)
  return asked
}

test('tells where the items of a tenant went, in the order of the road', async t => {
  const { ask } = await openBusy(t)

  const { code, stdout } = await ask('why', '--tenant', 'shop', '--since', '2020-01-01')

  assert.equal(code, 0)
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    'shop, since 2023-11-14T22:13:20.000Z: 1,800 spans accepted; 1,000 sent, 150 let go on purpose, 90 lost, 560 held now.',
    '1 request turned away at the door (within the last minute): their address is not allowed (address_denied).',
    '2 requests of senders that nobody could tell were turned away at the door (within the last minute): their key is revoked (revoked).',
    '200 spans refused, which the sender was told (within the last minute): it sent more than its limits allow (quota).',
    'Its limit items_per_second is taken to 99 %: 990 of 1,000 (tenants.yaml:4).',
    '150 spans let go on purpose by the rule health (within the last minute).',
    '50 spans lost at otlp_grpc/a (within the last minute): retries went on for as long as `retry_on_failure.max_elapsed_time` allows (retries_exhausted).',
    '40 spans lost at otlp_grpc/a (within the last minute): never_heard_of.',
    '500 spans wait for otlp_grpc/a (500 on disk), the oldest for 3m: its breaker is open after too many failures, nothing goes out for another 4s, 2 requests failed and will be tried again; the destination said: connect ECONNREFUSED [31m 127.0.0.1:4317.',
    '60 spans held inside processors, or on the way to a destination.',
    '1 dead letter with 12 log records for otlp_http/b (last 1m ago): the destination says that they are not valid (bad_data): invalid timestamp.',
    '`millrace queue letters ls --tenant shop` shows them, `requeue` sends them again.',
    'The exporter otlp_grpc/a is not well: breaker open.',
  ])
})

test('tells what became of a trace: rule, queue and letter, each of this tenant alone', async t => {
  const { ask, json } = await openBusy(t)

  const { code, stdout } = await ask('why', '--tenant', 'shop', '--trace', TRACE.toUpperCase())
  const answer = await json('why', '--tenant', 'shop', '--trace', TRACE)

  assert.equal(code, 0)
  const [aboutTrace] = stdout.split('\n\n')
  assert.deepEqual(aboutTrace.split('\n'), [
    '2023-11-14T22:13:20.000Z The rule health (rules) dropped it, because attributes["http.route"] == "/healthz".',
    'A request of 50 spans with some of it waits for its next attempt at otlp_grpc/a for 1m30s, after 3 attempts.',
    '2023-11-14T22:12:20.000Z Part of it is in the dead letter 7-1 (12 log records for otlp_http/b): the destination says that they are not valid (bad_data): invalid timestamp. `millrace queue letters show 7-1` shows it.',
  ])
  assert.equal(answer.trace.length, 3)
  assert.equal(answer.facts.traceId, TRACE)
})

test('a trace that nobody noted ends with 1, and the answer says what that can mean', async t => {
  const { ask } = await openBusy(t)

  const { code, stdout } = await ask('why', '--tenant', 'shop', '--trace', 'cd'.repeat(16))

  assert.equal(code, 1)
  assert.match(stdout, /^Nothing is noted about the trace cdcd.* or is among the losses below/)
})

test('a tenant that nobody has seen is told to be so', async t => {
  const { ask, usage } = await openBusy(t)

  const unknown = await ask('why', '--tenant', 'shopp')
  usage.turnedAway('shopp', 'unknown_tenant')
  const away = await ask('why', '--tenant', 'shopp')

  assert.match(
    unknown.stdout,
    /^shopp, since .*: nothing was accepted\. Nobody of this name has been let in.* No entry of the extension `tenants` is for it/,
  )
  assert.match(
    away.stdout,
    /1 request turned away .*: the tenant is not configured \(unknown_tenant\)/,
  )
})

test('items that the book misses are said, but only where that can be known', async t => {
  const { ask, ledger, clock } = await openAdmin(t)
  await clock.advance(Date.now() - clock.now())
  ledger.accepted('default', 'logs', 3)
  ledger.sent('default', 'logs', 1)

  const whole = await ask('why', '--since', '2020-01-01')
  const hour = await ask('why', '--since', '1h')

  assert.match(whole.stdout, /2 log records between two stages at this moment/)
  assert.doesNotMatch(hour.stdout, /between two stages/)
})

test('refuses what is no trace id', async t => {
  const { ask } = await openAdmin(t)

  const { code, stderr } = await ask('why', '--trace', 'xyz')

  assert.equal(code, 1)
  assert.match(stderr, /trace_id is not 32 hexadecimal digits/)
})
