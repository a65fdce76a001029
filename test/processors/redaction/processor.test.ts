/** `redaction`: what goes and what is masked in each place that has attributes, and what the summaries say of it. */
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import test from 'node:test'
import type { Batch } from '../../../src/core/batch.ts'
import { ACCEPTED, busy } from '../../../src/core/outcome.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { config as spec } from '../../../src/processors/redaction/config.ts'
import { RedactionProcessor } from '../../../src/processors/redaction/processor.ts'
import { assertBalanced, CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { batchOfJson, jsonOf, text, tracesOf } from '../request-batch.ts'

const VISA = '4111111111111111'
const CARDS = ['4[0-9]{12}(?:[0-9]{3})?']

function start(section: object) {
  const services = fakeServices()
  const next = new CollectingConsumer()
  const config = spec.schema.parse(section)
  const context = { ...services, id: 'redaction', config, signals: ['traces'] as const }
  return { ...services, next, processor: new RedactionProcessor(context, next) }
}

async function redacted(section: object, signal: Signal, request: object) {
  const { processor, next } = start(section)
  assert.equal(await processor.consume(batchOfJson(signal, request)), ACCEPTED)
  return jsonOf(next.batches[0])
}

/** Attributes of one span after the processor, as pairs of key and value. */
async function spanAttributes(section: object, ...attributes: object[]) {
  const json = await redacted(section, 'traces', tracesOf({ name: 'a', attributes }))
  return pairs(json.resourceSpans[0].scopeSpans[0].spans[0].attributes)
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of a request
function pairs(attributes: any[] = []): [string, unknown][] {
  return attributes.map(({ key, value = {} }) => [key, Object.values(value)[0]])
}

const int = (key: string, intValue: string) => ({ key, value: { intValue } })

test('removes what is not allowed, and masks what is blocked in the rest', async () => {
  const section = { allowed_keys: ['note', 'email'], blocked_values: CARDS, summary: 'debug' }

  const found = await spanAttributes(
    section,
    text('note', `paid by ${VISA}`),
    text('zip', '1'),
    text('email', 'a@b.c'),
    text('card', VISA),
  )

  assert.deepEqual(found, [
    ['note', 'paid by ****'],
    ['email', 'a@b.c'],
    ['redaction.redacted.keys', 'card,zip'],
    ['redaction.redacted.count', '2'],
    ['redaction.masked.keys', 'note'],
    ['redaction.masked.count', '1'],
  ])
})

test('removes all attributes when nothing is allowed', async () => {
  assert.deepEqual(await spanAttributes({}, text('a', '1'), text('b', '2'), text('c', '3')), [])
})

test('asks the rules in order: ignored, removed, allowed values, blocked keys, blocked values', async () => {
  const section = {
    allowed_keys: ['safe', 'token', 'free', 'blocked'],
    ignored_keys: ['ignored'],
    ignored_key_patterns: ['_trusted$'],
    blocked_key_patterns: ['token', 'ignored'],
    allowed_values: ['^fine'],
    blocked_values: ['secret'],
    summary: 'debug',
  }

  const found = await spanAttributes(
    section,
    text('ignored', 'secret'),
    text('x_trusted', 'secret'),
    text('safe', 'fine secret'),
    text('token', 'fine token'),
    text('blocked', 'a secret'),
    text('token2', 'secret'),
  )

  assert.deepEqual(found, [
    ['ignored', 'secret'],
    ['x_trusted', 'secret'],
    ['safe', 'fine secret'],
    ['token', 'fine token'],
    ['blocked', 'a ****'],
    ['redaction.redacted.keys', 'token2'],
    ['redaction.redacted.count', '1'],
    ['redaction.masked.keys', 'blocked'],
    ['redaction.masked.count', '1'],
    ['redaction.allowed.keys', 'safe,token'],
    ['redaction.allowed.count', '2'],
    ['redaction.ignored.count', '2'],
  ])
})

test('a blocked key masks values of all types, a blocked value only texts', async () => {
  const section = {
    allow_all_keys: true,
    blocked_key_patterns: ['^pin$'],
    blocked_values: ['12', '"in"'],
  }
  const map = {
    key: 'map',
    value: { kvlistValue: { values: [{ key: 'in', value: { stringValue: '12' } }] } },
  }
  const attributes = [int('pin', '12'), int('number', '12'), map]

  const some = await spanAttributes(section, ...attributes)
  const all = await spanAttributes({ ...section, redact_all_types: true }, ...attributes)

  assert.deepEqual(some.slice(0, 2), [
    ['pin', '****'],
    ['number', '12'],
  ])
  assert.deepEqual(some[2][1], map.value.kvlistValue)
  assert.deepEqual(all, [
    ['pin', '****'],
    ['number', '****'],
    ['map', '{****:"****"}'],
  ])
})

test('masks the lines of a blocked key one by one, and an empty value too', async () => {
  const section = { allow_all_keys: true, blocked_key_patterns: ['k'] }

  const found = await spanAttributes(section, text('k1', 'a\nb'), text('k2', ''))

  assert.deepEqual(found, [
    ['k1', '****\n****'],
    ['k2', '****'],
  ])
})

test('redacts thousands of attributes of one span', async () => {
  const many = Array.from({ length: 3000 }, (_, i) => text(`k${i}`, i % 2 === 0 ? VISA : 'fine'))
  const section = { allow_all_keys: true, blocked_values: CARDS, summary: 'info' }

  const found = await spanAttributes(section, ...many)

  assert.equal(found.filter(([, value]) => value === '****').length, 1500)
  assert.deepEqual(found[found.length - 1], ['redaction.masked.count', '1500'])
})

test('masks both of two entries that have the same key, and removes both', async () => {
  const twice = [text('a', VISA), text('b', 'fine'), text('a', `${VISA}!`)]

  const masked = await spanAttributes({ allow_all_keys: true, blocked_values: CARDS }, ...twice)
  const removed = await spanAttributes({ allowed_keys: ['b'] }, ...twice)

  assert.deepEqual(masked, [
    ['a', '****'],
    ['b', 'fine'],
    ['a', '****!'],
  ])
  assert.deepEqual(removed, [['b', 'fine']])
})

test('applies blocked values in the order they are listed', async () => {
  const section = { allow_all_keys: true, blocked_values: ['abc', 'c.', 'x'] }

  assert.deepEqual(await spanAttributes(section, text('k', 'abcd cd')), [['k', '****d ****']])
})

const hashOf = (name: string) => createHash(name).update(VISA).digest('hex')
const key = 'k'.repeat(64)
const hmacOf = (name: string) => createHmac(name, key).update(VISA).digest('hex')
const HASHES: readonly (readonly [string, string])[] = [
  ['md5', hashOf('md5')],
  ['SHA1', hashOf('sha1')],
  ['sha3', hashOf('sha3-256')],
  ['hmac-sha256', hmacOf('sha256')],
  ['hmac-sha512', hmacOf('sha512')],
]

for (const [name, hash] of HASHES) {
  test(`writes hashes with ${name}`, async () => {
    const section = {
      allow_all_keys: true,
      blocked_key_patterns: ['^key$'],
      blocked_values: CARDS,
      hash_function: name,
      hmac_key: key,
    }

    const found = await spanAttributes(section, text('key', VISA), text('value', `<${VISA}>`))

    assert.deepEqual(found, [
      ['key', hash],
      ['value', `<${hash}>`],
    ])
  })
}

test('adds to the summaries of an earlier processor, sorted', async () => {
  const section = { allow_all_keys: true, blocked_values: ['x'], summary: 'debug' }

  const found = await spanAttributes(
    section,
    text('m', 'x'),
    text('redaction.masked.keys', 'z,a'),
    int('redaction.masked.count', '2'),
  )

  assert.deepEqual(found.slice(1), [
    ['redaction.masked.keys', 'a,m,z'],
    ['redaction.masked.count', '3'],
  ])
})

test('info counts without names, silent says nothing', async () => {
  const attributes = [text('a', '1'), text('b', '2')]

  const info = await spanAttributes({ allowed_keys: ['a'], summary: 'info' }, ...attributes)
  const silent = await spanAttributes({ allowed_keys: ['a'], summary: 'silent' }, ...attributes)

  assert.deepEqual(info.slice(1), [['redaction.redacted.count', '1']])
  assert.equal(silent.length, 1)
})

test('goes over resources, scopes, spans and events', async () => {
  const attributes = [text('keep', VISA), text('go', '1')]
  const request = {
    resourceSpans: [
      {
        resource: { attributes },
        scopeSpans: [
          {
            scope: { attributes },
            spans: [{ attributes, events: [{ attributes }, {}, { attributes }] }],
          },
        ],
      },
    ],
  }

  const section = { allowed_keys: ['keep'], blocked_values: CARDS }
  const json = await redacted(section, 'traces', request)

  const [group] = json.resourceSpans
  const [span] = group.scopeSpans[0].spans
  for (const place of [
    group.resource,
    group.scopeSpans[0].scope,
    span,
    span.events[0],
    span.events[2],
  ]) {
    assert.deepEqual(pairs(place.attributes), [['keep', '****']])
  }
})

test('goes over data points of all kinds', async () => {
  const dataPoints = [{ attributes: [text('keep', VISA), text('go', '1')] }]
  const kinds = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary']
  const metrics = kinds.map(kind => ({ name: kind, [kind]: { dataPoints } }))
  const request = { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }

  const section = { allowed_keys: ['keep'], blocked_values: CARDS, summary: 'info' }
  const json = await redacted(section, 'metrics', request)

  for (const [i, kind] of kinds.entries()) {
    const metric = json.resourceMetrics[0].scopeMetrics[0].metrics[i]
    assert.deepEqual(pairs(metric[kind].dataPoints[0].attributes), [
      ['keep', '****'],
      ['redaction.redacted.count', '1'],
      ['redaction.masked.count', '1'],
    ])
  }
})

const spans = tracesOf(
  { name: 'one', attributes: [text('a', VISA)] },
  { name: 'two', attributes: [text('a', 'fine')] },
)

test('hands the very batch on when nothing is to be redacted', async () => {
  const { processor, next } = start({ allow_all_keys: true, blocked_values: ['nothing'] })
  const batch = batchOfJson('traces', spans)

  await processor.consume(batch)

  assert.equal(next.batches[0], batch)
})

test('keeps the ledger balanced and lets go of every payload, busy or not', async () => {
  const { processor, next, ledger } = start({ allow_all_keys: true, blocked_values: CARDS })
  ledger.accepted('default', 'traces', 2)
  let freed = 0
  const batch: Batch = batchOfJson('traces', spans, () => freed++)
  next.answer = () => busy(2)

  assert.deepEqual(await processor.consume(batch), busy(2))
  assert.equal(freed, 0)
  next.answer = () => ACCEPTED
  assert.equal(await processor.consume(batch), ACCEPTED)

  const last = next.batches[next.batches.length - 1]
  assert.equal(last.items, 2)
  last.release()
  assert.equal(freed, 1)
  ledger.sent('default', 'traces', 2)
  assertBalanced(ledger)
})
