/** `redaction` of log bodies: plain ones, maps and lists of any depth, and that what is not redacted stays as it was sent. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { config as spec } from '../../../src/processors/redaction/config.ts'
import { RedactionProcessor } from '../../../src/processors/redaction/processor.ts'
import { CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { batchOfJson, jsonOf, text } from '../request-batch.ts'

const VISA = '4111111111111111'
const CARDS = ['4[0-9]{12}(?:[0-9]{3})?']
const MASKS = { allow_all_keys: true, blocked_values: CARDS, summary: 'debug' }

const map = (...values: object[]) => ({ kvlistValue: { values } })
const list = (...values: object[]) => ({ arrayValue: { values } })
const entry = (key: string, value: object) => ({ key, value })
const words = (stringValue: string) => ({ stringValue })

async function recordOf(section: object, record: object) {
  const next = new CollectingConsumer()
  const config = spec.schema.parse(section)
  const context = { ...fakeServices(), id: 'redaction', config, signals: ['logs'] as const }
  const request = { resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] }
  await new RedactionProcessor(context, next).consume(batchOfJson('logs', request))
  return jsonOf(next.batches[0]).resourceLogs[0].scopeLogs[0].logRecords[0]
}

/** Names as in the attributes, without their common beginning. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of a record
function summaryOf(record: any): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const { key, value } of record.attributes ?? []) {
    if (key.startsWith('redaction.')) {
      found[key.slice('redaction.'.length)] = Object.values(value)[0]
    }
  }
  return found
}

test('masks in a plain body and says so in the attributes', async () => {
  const record = await recordOf(MASKS, { body: words(`paid by ${VISA}`), attributes: [] })

  assert.deepEqual(record.body, words('paid by ****'))
  assert.deepEqual(summaryOf(record), { 'body.masked.keys': 'body', 'body.masked.count': '1' })
})

test('looks at plain bodies of all types by their text', async () => {
  const record = await recordOf(MASKS, { body: { intValue: VISA } })

  assert.deepEqual(record.body, words('****'))
})

test('says nothing of a plain body that is allowed', async () => {
  const record = await recordOf({ ...MASKS, allowed_values: ['^4111'] }, { body: words(VISA) })

  assert.deepEqual(record.body, words(VISA))
  assert.deepEqual(summaryOf(record), {})
})

test('removes, masks and ignores by key at any depth of maps and lists', async () => {
  const section = {
    allowed_keys: ['user', 'cards', 'pin', 'note'],
    ignored_keys: ['raw'],
    blocked_key_patterns: ['^pin$'],
    allowed_values: ['^fine'],
    blocked_values: CARDS,
    summary: 'debug',
  }
  const body = map(
    entry(
      'user',
      map(
        entry('pin', { intValue: '1234' }),
        entry('zip', words('1')),
        entry('note', words('fine')),
        entry('raw', words(VISA)),
      ),
    ),
    entry('cards', list(words('none'), words(VISA), map(entry('note', words(`a ${VISA}`))))),
    entry('gone', map(entry('note', words('x')))),
    entry('raw', words(VISA)),
  )

  const record = await recordOf(section, { body })

  assert.deepEqual(
    record.body,
    map(
      entry(
        'user',
        map(entry('pin', words('****')), entry('note', words('fine')), entry('raw', words(VISA))),
      ),
      entry('cards', list(words('none'), words('****'), map(entry('note', words('a ****'))))),
      entry('raw', words(VISA)),
    ),
  )
  assert.deepEqual(summaryOf(record), {
    'body.redacted.keys': 'gone,user.zip',
    'body.redacted.count': '2',
    'body.masked.keys': 'cards.[1],cards.[2].note,user.pin',
    'body.masked.count': '3',
    'body.allowed.keys': 'user.note',
    'body.allowed.count': '1',
    'body.ignored.count': '2',
  })
})

test('names the items of a list at the top by their index', async () => {
  const body = list(words(VISA), list(words('x'), words(VISA)))

  const record = await recordOf(MASKS, { body, attributes: [text('a', VISA)] })

  assert.deepEqual(record.body, list(words('****'), list(words('x'), words('****'))))
  assert.deepEqual(summaryOf(record), {
    'masked.keys': 'a',
    'masked.count': '1',
    'body.masked.keys': '[0],[1].[1]',
    'body.masked.count': '2',
  })
})

test('masks both of two entries of a map that have the same key', async () => {
  const body = map(entry('a', words(VISA)), entry('a', words('fine')))

  const record = await recordOf(MASKS, { body })

  assert.deepEqual(record.body, map(entry('a', words('****')), entry('a', words('fine'))))
})

const { value: anyValue } = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'medium' },
    fc.stringMatching(/^[a-z]{0,8}$/).map(words),
    fc.constant(words(VISA)),
    fc.boolean().map(boolValue => ({ boolValue })),
    fc.array(tie('value') as fc.Arbitrary<object>, { maxLength: 4 }).map(values => list(...values)),
    fc
      .array(fc.tuple(fc.stringMatching(/^[a-z]{1,3}$/), tie('value') as fc.Arbitrary<object>), {
        maxLength: 4,
      })
      .map(values => map(...values.map(([key, value]) => entry(key, value)))),
  ),
}))

test('changes the blocked values and nothing else, whatever the body', async () => {
  await fc.assert(
    fc.asyncProperty(anyValue as fc.Arbitrary<object>, async body => {
      const untouched = await recordOf({ allow_all_keys: true }, { body })
      const masked = await recordOf({ allow_all_keys: true, blocked_values: CARDS }, { body })

      const expected = JSON.stringify(untouched).replaceAll(VISA, '****')
      assert.equal(JSON.stringify(masked), expected)
    }),
    { numRuns: 60 },
  )
})
