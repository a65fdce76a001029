/** `attributes`: what each action does to values of all types, in which signals, and on what `include` and `exclude` leave. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import fc from 'fast-check'
import { Batch, DEFAULT_TENANT, NO_CONTEXT, type RequestContext } from '../../../src/core/batch.ts'
import { ACCEPTED, busy } from '../../../src/core/outcome.ts'
import { Payload } from '../../../src/core/payload.ts'
import { SIGNALS, type Signal } from '../../../src/core/signal.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { config as spec } from '../../../src/processors/attributes/config.ts'
import { AttributesProcessor } from '../../../src/processors/attributes/processor.ts'
import { assertBalanced, CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { arbitraryRequest, requestOf } from '../../otlp/request-models.ts'
import { batchOfJson, jsonOf, text, tracesOf } from '../request-batch.ts'

function start(section: object, signal: Signal = 'traces') {
  const services = fakeServices()
  const next = new CollectingConsumer()
  const config = spec.schema.parse(section)
  assert.deepEqual(spec.check!(config), [])
  const context = { ...services, id: 'attributes', config, signals: [signal] }
  return { ...services, next, processor: new AttributesProcessor(context, next) }
}

/** Attributes of one span after the actions; undefined when nothing was changed. */
async function acted(
  attributes: readonly object[],
  actions: readonly object[],
  request: Partial<RequestContext> = {},
) {
  const { processor, next } = start({ actions })
  const { signal, tenant, parts } = batchOfJson('traces', tracesOf({ name: 'span', attributes }))
  const batch = new Batch(signal, tenant, { ...NO_CONTEXT, ...request }, parts)
  await processor.consume(batch)
  if (next.batches[0] === batch) return undefined
  return jsonOf(next.batches[0]).resourceSpans[0].scopeSpans[0].spans[0].attributes ?? []
}

function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

const A = text('a', 'one')

test('insert writes what is missing only, update what is there only, upsert both', async () => {
  const does = (action: string, key: string) => acted([A], [{ action, key, value: 'new' }])

  assert.equal(await does('insert', 'a'), undefined)
  assert.deepEqual(await does('insert', 'b'), [A, text('b', 'new')])
  assert.deepEqual(await does('update', 'a'), [text('a', 'new')])
  assert.equal(await does('update', 'b'), undefined)
  assert.deepEqual(await does('UPSERT', 'a'), [text('a', 'new')])
  assert.deepEqual(await does('upsert', 'b'), [A, text('b', 'new')])
})

test('writes configured values of all types', async () => {
  const values = ['text', 7, 1.5, true, ['x', 2], { k: false }]
  const written = await acted(
    [],
    values.map((value, i) => ({ action: 'insert', key: `k${i}`, value })),
  )

  assert.deepEqual(
    written.map(({ value }: { value: object }) => value),
    [
      { stringValue: 'text' },
      { intValue: '7' },
      { doubleValue: 1.5 },
      { boolValue: true },
      { arrayValue: { values: [{ stringValue: 'x' }, { intValue: '2' }] } },
      { kvlistValue: { values: [{ key: 'k', value: { boolValue: false } }] } },
    ],
  )
})

test('takes a value from another attribute with its type, else the default', async () => {
  const number = { key: 'n', value: { intValue: '5' } }
  const copy = (from: string, more: object = {}) =>
    acted([number], [{ action: 'upsert', key: 'to', from_attribute: from, ...more }])

  assert.deepEqual(await copy('n'), [number, { key: 'to', value: { intValue: '5' } }])
  assert.equal(await copy('missing'), undefined)
  assert.deepEqual(await copy('missing', { default_value: 'none' }), [number, text('to', 'none')])
})

test('takes values from what is known of the client', async () => {
  const request = { peer: '[::ffff:10.0.0.7]:4317', metadata: new Map([['x-id', ['p', 'q']]]) }
  const from = (from_context: string) =>
    acted([], [{ action: 'insert', key: 'k', from_context }], request)

  assert.deepEqual(await from('metadata.X-Id'), [text('k', 'p;q')])
  assert.deepEqual(await from('x-id'), [text('k', 'p;q')])
  assert.deepEqual(await from('client.address'), [text('k', '10.0.0.7')])
  assert.equal(await from('metadata.other'), undefined)
  assert.equal(await from('auth.subject'), undefined)
})

test('deletes by key and by pattern', async () => {
  const all = [A, text('debug.x', ''), text('b', ''), text('debug.y', '')]

  const left = await acted(all, [{ action: 'delete', key: 'a', pattern: '^debug\\.' }])

  assert.deepEqual(left, [text('b', '')])
  assert.equal(await acted(all, [{ action: 'delete', key: 'missing', pattern: 'none' }]), undefined)
})

test('hashes the bytes of values, and leaves an empty text of what has none', async () => {
  const values = [
    [{ stringValue: 'secret' }, sha256('secret')],
    [{ boolValue: true }, sha256(Uint8Array.of(1))],
    [{ intValue: '258' }, sha256(Uint8Array.of(2, 1, 0, 0, 0, 0, 0, 0))],
    [{ doubleValue: 1 }, sha256(Uint8Array.of(0, 0, 0, 0, 0, 0, 0xf0, 0x3f))],
    [{ arrayValue: { values: [] } }, ''],
    [{ bytesValue: 'AAEC' }, ''],
  ] as const
  for (const [value, hash] of values) {
    const after = await acted([{ key: 'k', value }], [{ action: 'hash', key: 'k' }])

    assert.deepEqual(after, [text('k', hash)])
  }
  assert.equal(await acted([A], [{ action: 'hash', key: 'missing' }]), undefined)
})

test('a key that stands there twice leaves nothing readable when it is hashed by a pattern', async () => {
  const after = await acted([A, A, text('b', '')], [{ action: 'hash', pattern: '^a$' }])

  assert.deepEqual(JSON.stringify(after).match(/one/), null)
})

test('extracts named groups of texts', async () => {
  const pattern = '^(?P<a>\\w+)@(?P<host>[^:]+)(?P<rest>:.*)?$'
  const extract = { action: 'extract', key: 'mail', pattern }

  assert.deepEqual(await acted([A, text('mail', 'me@x')], [extract]), [
    text('a', 'me'),
    text('mail', 'me@x'),
    text('host', 'x'),
    text('rest', ''),
  ])
  assert.equal(await acted([text('mail', 'me')], [extract]), undefined)
  assert.equal(await acted([{ key: 'mail', value: { intValue: '1' } }], [extract]), undefined)
})

const CONVERTED: readonly (readonly [object, string, object | undefined])[] = [
  [{ stringValue: '-12' }, 'int', { intValue: '-12' }],
  [{ stringValue: '1.5' }, 'int', undefined],
  [{ stringValue: '9223372036854775808' }, 'int', undefined],
  [{ doubleValue: -2.9 }, 'int', { intValue: '-2' }],
  [{ boolValue: true }, 'int', { intValue: '1' }],
  [{ intValue: '3' }, 'int', undefined],
  [{ arrayValue: {} }, 'int', undefined],
  [{ stringValue: '0x1p2' }, 'double', { doubleValue: 4 }],
  [{ stringValue: 'x' }, 'double', undefined],
  [{ intValue: '3' }, 'double', { doubleValue: 3 }],
  [{ boolValue: false }, 'double', { doubleValue: 0 }],
  [{ kvlistValue: {} }, 'double', undefined],
  [{ intValue: '3' }, 'string', { stringValue: '3' }],
  [{ doubleValue: 2.5 }, 'string', { stringValue: '2.5' }],
  [{ boolValue: true }, 'string', { stringValue: 'true' }],
  [{ bytesValue: 'AAEC' }, 'string', { stringValue: 'AAEC' }],
  [{ arrayValue: { values: [{ intValue: '1' }] } }, 'string', { stringValue: '[1]' }],
]

for (const [value, type, wanted] of CONVERTED) {
  test(`converts ${JSON.stringify(value)} to ${type}`, async () => {
    const action = { action: 'convert', key: 'k', converted_type: type }

    const after = await acted([{ key: 'k', value }], [action])

    assert.deepEqual(after?.[0].value, wanted)
  })
}

/** Names of the items with the attribute `seen`, which is put on those that are meant. */
async function meant(signal: Signal, request: object, sides: object): Promise<string[]> {
  const actions = [{ action: 'insert', key: 'seen', value: true }]
  const { processor, next } = start({ actions, ...sides }, signal)
  await processor.consume(batchOfJson(signal, request))
  const found: string[] = []
  const walk = (model: object, name: string): void => {
    const named = model as { name?: string; severityText?: string; attributes?: { key: string }[] }
    const own = named.name ?? named.severityText ?? name
    if (named.attributes?.some(({ key }) => key === 'seen')) found.push(own)
    for (const child of Object.values(model)) {
      if (typeof child === 'object' && child !== null) walk(child, own)
    }
  }
  walk(jsonOf(next.batches[0]), '')
  return found
}

test('include and exclude choose spans', async () => {
  const request = {
    resourceSpans: ['shop', 'other'].map(service => ({
      resource: { attributes: [text('service.name', service)] },
      scopeSpans: [
        {
          scope: { name: 'lib', version: '1' },
          spans: [
            { name: `${service} get`, kind: 2, attributes: [A] },
            { name: `${service} put`, kind: 3 },
          ],
        },
      ],
    })),
  }
  const strict = { match_type: 'strict' }
  const choose = (sides: object) => meant('traces', request, sides)

  assert.deepEqual(await choose({ include: { ...strict, services: ['shop'] } }), [
    'shop get',
    'shop put',
  ])
  assert.deepEqual(
    await choose({ exclude: { match_type: 'regexp', span_names: ['put$', '^o'] } }),
    ['shop get'],
  )
  assert.deepEqual(await choose({ include: { ...strict, span_kinds: ['SPAN_KIND_CLIENT'] } }), [
    'shop put',
    'other put',
  ])
  assert.deepEqual(
    await choose({
      include: {
        ...strict,
        attributes: [{ key: 'a', value: 'one' }],
        libraries: [{ name: 'lib' }],
      },
      exclude: { ...strict, resources: [{ key: 'service.name', value: 'other' }] },
    }),
    ['shop get'],
  )
})

test('include and exclude choose log records', async () => {
  const logRecords = [
    { severityText: 'INFO', severityNumber: 9, body: { stringValue: 'hello' } },
    { severityText: 'WARN', severityNumber: 13, body: { stringValue: 'bye' } },
    { severityText: 'none', body: { stringValue: 'hello' } },
  ]
  const request = { resourceLogs: [{ resource: {}, scopeLogs: [{ logRecords }] }] }
  const choose = (sides: object) => meant('logs', request, sides)

  assert.deepEqual(await choose({ include: { match_type: 'strict', log_bodies: ['hello'] } }), [
    'INFO',
    'none',
  ])
  assert.deepEqual(
    await choose({ exclude: { match_type: 'regexp', log_severity_texts: ['^[IW]'] } }),
    ['none'],
  )
  assert.deepEqual(await choose({ include: { log_severity_number: { min: 13 } } }), ['WARN'])
})

test('include and exclude choose metrics by name and resource', async () => {
  const dataPoints = [{ timeUnixNano: '1' }]
  const metrics = [
    { name: 'gauge', gauge: { dataPoints } },
    { name: 'sum', sum: { dataPoints } },
    { name: 'histogram', histogram: { dataPoints } },
    { name: 'exponential', exponentialHistogram: { dataPoints } },
    { name: 'summary', summary: { dataPoints } },
  ]
  const resource = { attributes: [text('env', 'test')] }
  const request = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] }
  const choose = (sides: object) => meant('metrics', request, sides)

  const all = metrics.map(({ name }) => name)
  assert.deepEqual(await choose({}), all)
  assert.deepEqual(
    await choose({ exclude: { match_type: 'regexp', metric_names: ['^s', 'm$'] } }),
    ['gauge', 'exponential'],
  )
  assert.deepEqual(await choose({ include: { resources: [{ key: 'env' }] } }), all)
  const odd = { match_type: 'strict', resources: [{ key: 'env', value: 'live' }] }
  assert.deepEqual(await choose({ include: odd }), [])
})

test('the ledger stays balanced, also when the next stage is busy first', async () => {
  const { processor, next, ledger } = start({ actions: [{ action: 'hash', key: 'a' }] })
  let freed = 0
  const batch = batchOfJson('traces', tracesOf({ attributes: [A] }, {}), () => freed++)
  ledger.accepted('default', 'traces', 2)
  next.answer = () => busy(3)

  assert.deepEqual(await processor.consume(batch), busy(3))
  next.answer = () => ACCEPTED
  assert.equal(await processor.consume(batch), ACCEPTED)

  next.batches.at(-1)?.release()
  assert.equal(freed, 1)
  ledger.sent('default', 'traces', 2)
  assertBalanced(ledger)
})

const MARK = 'mark that nothing else has'

for (const signal of SIGNALS) {
  test(`an attribute that comes and goes leaves all bytes of ${signal} as they were`, () => {
    const run = (bytes: Uint8Array, action: object): Uint8Array => {
      const { processor, next } = start({ actions: [{ key: MARK, ...action }] }, signal)
      const { index } = requestOf(signal, bytes)
      const part = { payload: new Payload(bytes), index, selection: null, edits: null }
      const parts = [{ ...part, items: index.items }]
      void processor.consume(new Batch(signal, DEFAULT_TENANT, NO_CONTEXT, parts))
      return Buffer.from(flatten(encodeParts(next.batches[0].parts)))
    }
    fc.assert(
      fc.property(arbitraryRequest(signal), ({ bytes }) => {
        const marked = run(bytes, { action: 'insert', value: 1 })

        assert.notDeepEqual(marked, Buffer.from(bytes))
        assert.deepEqual(run(marked, { action: 'delete' }), Buffer.from(bytes))
        assert.deepEqual(run(bytes, { action: 'update', value: 1 }), Buffer.from(bytes))
      }),
      { numRuns: 60 },
    )
  })
}
