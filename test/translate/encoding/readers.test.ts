/** Encodings by name: each reader gives an export request, or says what is wrong; nothing else is known. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { encodeJson } from '../../../src/otlp/json/encode.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { SIGNALS, type Signal } from '../../../src/otlp/signal.ts'
import { readableEncodings, readerOf } from '../../../src/translate/encoding/readers.ts'
import { isTranslateFault } from '../../../src/translate/fault.ts'
import { decode } from '../../otlp/oracle.ts'

const NOW_MS = 1_700_000_000_123

interface Log {
  readonly body: unknown
  readonly observedTimeUnixNano: unknown
}

function logsOf(encoding: string, value: Uint8Array): Log[] {
  const request = readerOf(encoding, 'logs')!(value, NOW_MS)
  assert.ok(!isTranslateFault(request), JSON.stringify(request))
  const index = indexRequest('logs', request)
  assert.ok(!isWireFault(index))
  const decoded = JSON.parse(Buffer.from(encodeJson('logs', request)).toString())
  return decoded.resourceLogs[0].scopeLogs[0].logRecords
}

test('knows the encodings of each signal by their names upstream, and no others', () => {
  assert.deepEqual(readableEncodings('traces'), [
    'otlp_proto',
    'otlp_json',
    'jaeger_proto',
    'jaeger_json',
    'zipkin_proto',
    'zipkin_json',
    'zipkin_thrift',
  ])
  assert.deepEqual(readableEncodings('metrics'), ['otlp_proto', 'otlp_json'])
  for (const name of ['zipkin_json', 'raw', 'text_utf-8', 'toString', '', 'OTLP_PROTO']) {
    assert.equal(readerOf(name, 'metrics'), null, name)
  }
  for (const name of ['raw', 'json', 'text', 'text_utf-8', 'text_shift_jis', 'text_utf-16le']) {
    assert.notEqual(readerOf(name, 'logs'), null, name)
  }
  assert.equal(readerOf('text_klingon', 'logs'), null)
})

test('hands an OTLP message on as the very bytes that came', () => {
  const value = Buffer.from('whatever')

  for (const signal of SIGNALS) {
    assert.equal(readerOf('otlp_proto', signal)!(value, NOW_MS), value)
  }
})

test('reads OTLP in JSON, and says where it is broken', () => {
  const text = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"}]}]}]}'

  const request = readerOf('otlp_json', 'traces')!(Buffer.from(text), NOW_MS)
  const broken = readerOf('otlp_json', 'traces')!(Buffer.from(text.slice(0, 20)), NOW_MS)

  assert.ok(!isTranslateFault(request))
  assert.ok(isTranslateFault(broken))
  assert.equal(broken.fault, 'syntax')
  assert.match(JSON.stringify(decode('TracesRequest', request)), /"name":"a"/)
})

test('makes one log of a raw message, a text and a JSON object', () => {
  const [raw] = logsOf('raw', Buffer.from([0, 255, 7]))
  const [text] = logsOf('text', Buffer.from('grüß\xff', 'utf8'))
  const [latin] = logsOf('text_iso-8859-1', Buffer.from('gr\xfc\xdf', 'latin1'))
  const [json] = logsOf('json', Buffer.from('{"a":[1,true,null,{"b":"c"}],"__proto__":"x"}'))

  assert.deepEqual(raw.body, { bytesValue: 'AP8H' })
  assert.equal(raw.observedTimeUnixNano, undefined)
  assert.deepEqual(text.body, { stringValue: 'grüß\xff' })
  assert.equal(text.observedTimeUnixNano, '1700000000123000000')
  assert.deepEqual(latin.body, { stringValue: 'grüß' })
  assert.deepEqual(json.body, {
    kvlistValue: {
      values: [
        {
          key: 'a',
          value: {
            arrayValue: {
              values: [
                { doubleValue: 1 },
                { boolValue: true },
                {},
                { kvlistValue: { values: [{ key: 'b', value: { stringValue: 'c' } }] } },
              ],
            },
          },
        },
        { key: '__proto__', value: { stringValue: 'x' } },
      ],
    },
  })
})

test('refuses JSON logs that are no objects, not UTF-8 or nested without end', () => {
  const read = readerOf('json', 'logs')!
  const deep = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`
  const faults = ['[1]', '"a"', 'null', '{', deep].map(text => {
    const result = read(Buffer.from(text), NOW_MS)
    return isTranslateFault(result) ? result.fault : 'none'
  })
  const latin = read(Buffer.from('{"a":"\xff"}', 'latin1'), NOW_MS)

  assert.deepEqual(faults, ['type', 'type', 'type', 'syntax', 'depth'])
  assert.ok(isTranslateFault(latin) && latin.fault === 'utf8')
})

test('answers any bytes with a valid request or a fault, in every encoding', () => {
  const names = SIGNALS.flatMap(signal =>
    [...readableEncodings(signal), 'text_shift_jis']
      .filter(name => name !== 'otlp_proto' && readerOf(name, signal) !== null)
      .map(name => [signal, name] as [Signal, string]),
  )
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map(text => Buffer.from(text)),
  )
  fc.assert(
    fc.property(fc.constantFrom(...names), bytes, ([signal, name], value) => {
      const result = readerOf(name, signal)!(value, NOW_MS)
      if (isTranslateFault(result)) return result.message !== ''
      return !isWireFault(indexRequest(signal, result))
    }),
    { numRuns: 500 },
  )
})
