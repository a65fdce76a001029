/** What a record is about, told from its text or bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SIGNALS } from '../../../src/core/signal.ts'
import { signalOfProto, signalsOfJson } from '../../../src/receivers/otlp-json-file/signals-of.ts'
import { sampleRequest } from '../../harness/samples.ts'

for (const [text, signals] of [
  ['{"resourceSpans":[]}', ['traces']],
  [' {\n"resourceMetrics" : [ ] }', ['metrics']],
  ['{"resource_logs":[]}', ['logs']],
  ['{"a":{"resourceSpans":1},"resourceLogs":[],"b":"\\"resourceSpans\\":"}', ['logs']],
  ['{"resourceLogs":[],"resourceSpans":[]}', ['logs', 'traces']],
  ['{"name":"resourceSpans"}', []],
  ['["resourceSpans"]', []],
  ['{"resourceSpans', []],
  ['{"resourceSpans"', ['traces']],
  ['', []],
] as const) {
  test(`finds ${signals.join(' and ') || 'nothing'} in ${text}`, () => {
    assert.deepEqual(signalsOfJson(Buffer.from(text)), signals)
  })
}

test('tells the samples in protobuf apart', () => {
  for (const signal of SIGNALS) {
    for (let n = 0; n < 20; n++) {
      assert.equal(signalOfProto(sampleRequest(signal, n).bytes), signal)
    }
  }
})

test('has an answer to any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      assert.ok(SIGNALS.includes(signalOfProto(bytes)))
      assert.ok(Array.isArray(signalsOfJson(Buffer.from(bytes))))
    }),
  )
})

test('has an answer to a request that was cut or changed', () => {
  const { bytes } = sampleRequest('traces', 1)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
      const changed = Uint8Array.from(bytes)
      changed[at] = value
      assert.ok(SIGNALS.includes(signalOfProto(changed)))
      assert.ok(SIGNALS.includes(signalOfProto(bytes.subarray(0, at))))
    }),
  )
})
