import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readJaegerBatchJson, readJaegerSpanJson } from '../../../src/translate/jaeger/json.ts'
import { bad, good, plain } from './plain.ts'

const TRACE = 'AQIDBAUGBwgJCgsMDQ4PEA=='
const ID = 'ERITFBUWFxg='

describe('Jaeger JSON', () => {
  it('reads a span in camel and in snake case', () => {
    const camel = `{"traceId":"${TRACE}","spanId":"${ID}","operationName":"n\\u00e4","flags":1,
      "references":[{"traceId":"${TRACE}","spanId":"${ID}","refType":"FOLLOWS_FROM"}],
      "startTime":"2017-01-26T16:46:31.639875-05:00","duration":"1.5s","warnings":["w"],"nobody":[{"x":null}],
      "tags":[{"key":"i","vType":"INT64","vInt64":"-9223372036854775808"},{"key":"j","vType":2,"vInt64":9007199254740993},
        {"key":"b","vType":"BINARY","vBinary":"AP8="},{"key":"t","vType":"BOOL","vBool":true},{"key":"f","vType":"FLOAT64","vFloat64":"NaN"}],
      "logs":[{"timestamp":"2017-01-26T21:46:31Z","fields":[{"key":"event","vStr":"e"}]}],"process":{"serviceName":"s","tags":null}}`
    const snake = camel.replace(
      /"([a-z0-9]+)([A-Z])(\w+)":/g,
      (_, a, b, c) => `"${a}_${b.toLowerCase()}${c}":`,
    )
    assert.notEqual(camel, snake)
    const [span] = plain(good(readJaegerSpanJson(Buffer.from(camel))))
    assert.deepEqual(plain(good(readJaegerSpanJson(Buffer.from(snake)))), [span])
    assert.equal(span?.name, 'nä')
    assert.equal(span?.start, '1485467191639875000')
    assert.equal(span?.end, '1485467193139875000')
    assert.deepEqual(span?.attributes, {
      i: -(2n ** 63n),
      j: 9007199254740993n,
      b: 'bytes 00ff',
      t: true,
      f: Number.NaN,
      '@jaeger@warnings': ['w'],
    })
    assert.deepEqual(span?.resource, { 'service.name': 's' })
    assert.equal(span?.parent, '1112131415161718')
    assert.equal(span?.links.length, 1)
  })

  for (const [written, nanos] of [
    ['"22938000ns"', 22_938_000n],
    ['22938000', 22_938_000n],
    ['"0.022938s"', 22_938_000n],
    ['"1h2m3.5s"', 3_723_500_000_000n],
    ['"1.5µs"', 1_500n],
    ['"-1ms"', -1_000_000n],
    ['"0"', 0n],
  ] as const) {
    it(`reads a duration of ${written}`, () => {
      const json = `{"traceId":"${TRACE}","startTime":"2000-01-01T00:00:00Z","duration":${written}}`
      const [span] = plain(good(readJaegerSpanJson(Buffer.from(json))))
      assert.equal(BigInt(span?.end ?? 0) - BigInt(span?.start ?? 0), nanos)
    })
  }

  it('takes the year 1 as no time', () => {
    const json = `{"traceId":"${TRACE}","startTime":"0001-01-01T00:00:00Z"}`
    assert.equal(plain(good(readJaegerSpanJson(Buffer.from(json))))[0]?.start, '0')
  })

  for (const [json, fault, message] of [
    ['{"spans":[{},{"traceId":"AQ=="}]}', 'value', /^spans\[1\]\.traceId: expected 16 bytes/],
    ['{"spans":[{"startTime":"2017-13-26T21:46:31Z"}]}', 'value', /startTime: expected a time/],
    ['{"spans":[{"startTime":"2263-01-01T00:00:00Z"}]}', 'range', /before 2262/],
    ['{"spans":[{"duration":"300000h1"}]}', 'value', /duration: expected/],
    ['{"spans":[{"flags":-1}]}', 'range', /flags: expected an unsigned 32/],
    ['{"spans":[{"tags":[{"vInt64":"9223372036854775808"}]}]}', 'range', /signed 64/],
    ['{"spans":[{"tags":[{"vType":"FLOAT"}]}]}', 'value', /STRING, BOOL/],
    ['{"spans":{}}', 'type', /spans: expected a list/],
    ['{"spans":[{"traceId":""}]} x', 'syntax', /last character/],
    ['[]', 'syntax', /object/],
    ['', 'syntax', /object/],
    ['{"spans":[}', 'type', /spans\[0\]/],
  ] as const) {
    it(`refuses ${json === '' ? 'an empty text' : json}`, () => {
      const found = bad(readJaegerBatchJson(Buffer.from(json)))
      assert.equal(found.fault, fault, found.message)
      assert.match(found.message, message)
    })
  }

  it('bounds the depth of what it steps over', () => {
    const deep = `{"x":${'['.repeat(300)}${']'.repeat(300)}}`
    assert.equal(bad(readJaegerSpanJson(Buffer.from(deep))).fault, 'depth')
  })
})
