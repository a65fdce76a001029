/** Export responses: what we answer, and what peers may answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  decodeExportResponse,
  encodeExportResponse,
  isResponseFault,
  MAX_RESPONSE_BYTES,
} from '../../src/otlp/responses.ts'
import { SIGNALS } from '../../src/otlp/signal.ts'

const REJECTED = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
}

test('leaves partial success unset when all was taken', () => {
  assert.equal(encodeExportResponse('traces', null, 'proto').length, 0)
  assert.equal(text(encodeExportResponse('traces', null, 'json')), '{}')
})

for (const signal of SIGNALS) {
  test(`reads back its own partial success for ${signal}`, () => {
    const partial = { rejected: 3_000_000_000, message: 'too old, é😀' }

    for (const format of ['proto', 'json'] as const) {
      const bytes = encodeExportResponse(signal, partial, format)
      assert.deepEqual(decodeExportResponse(signal, bytes, format), partial)
    }
    const json = JSON.parse(text(encodeExportResponse(signal, partial, 'json')))
    assert.equal(json.partialSuccess[REJECTED[signal]], '3000000000')
  })
}

test('keeps a warning, which rejects nothing', () => {
  const warning = { rejected: 0, message: 'slow down' }

  for (const format of ['proto', 'json'] as const) {
    const bytes = encodeExportResponse('logs', warning, format)
    assert.deepEqual(decodeExportResponse('logs', bytes, format), warning)
  }
})

const JSON_ANSWERS: readonly (readonly [string, unknown])[] = [
  ['', null],
  ['{}', null],
  ['{"partialSuccess":{}}', null],
  ['{"partialSuccess":null}', null],
  ['{"unknown":[1],"partialSuccess":{"x":1}}', null],
  ['{"partialSuccess":{"rejectedSpans":2}}', { rejected: 2, message: '' }],
  ['{"partial_success":{"rejected_spans":"2","error_message":"m"}}', { rejected: 2, message: 'm' }],
  ['{"partialSuccess":{"rejectedSpans":null,"errorMessage":"m"}}', { rejected: 0, message: 'm' }],
  ['{"partialSuccess":{"rejectedSpans":-5}}', null],
  ['[]', { fault: 'malformed' }],
  ['null', { fault: 'malformed' }],
  ['{', { fault: 'malformed' }],
  ['<html>', { fault: 'malformed' }],
  ['{"partialSuccess":1}', { fault: 'malformed' }],
  ['{"partialSuccess":{"rejectedSpans":"x"}}', { fault: 'malformed' }],
  ['{"partialSuccess":{"errorMessage":5}}', { fault: 'malformed' }],
]

for (const [body, expected] of JSON_ANSWERS) {
  test(`reads ${body || 'an empty body'}`, () => {
    assert.deepEqual(decodeExportResponse('traces', Buffer.from(body), 'json'), expected)
  })
}

const PROTO_ANSWERS: readonly (readonly [string, string, unknown])[] = [
  ['nothing', '', null],
  ['an empty partial success', '0a00', null],
  ['a count and a message', '0a06080512026869', { rejected: 5, message: 'hi' }],
  ['two that merge', '0a0208050a0412026869', { rejected: 5, message: 'hi' }],
  ['unknown fields of all types', '10011900000000000000002501000000320161', null],
  ['a negative count', '0a0b08ffffffffffffffffff01', null],
  ['a length past the end', '0a05', { fault: 'malformed' }],
  ['a length past the end inside', '0a021205', { fault: 'malformed' }],
  ['an endless varint', '08ffffffffffffffffffffff', { fault: 'malformed' }],
  ['a cut-off varint', '0a0108', { fault: 'malformed' }],
  ['field number 0', '0000', { fault: 'malformed' }],
  ['a group', '0b0c', { fault: 'malformed' }],
  ['another wire type', '0801', { fault: 'malformed' }],
]

for (const [what, hex, expected] of PROTO_ANSWERS) {
  test(`reads a response of ${what}`, () => {
    assert.deepEqual(decodeExportResponse('traces', Buffer.from(hex, 'hex'), 'proto'), expected)
  })
}

test('reads no response above its limit', () => {
  const answer = decodeExportResponse('traces', new Uint8Array(MAX_RESPONSE_BYTES + 1), 'json')

  assert.deepEqual(answer, { fault: 'too_large' })
})

test('keeps no more than a page of a message', () => {
  const bytes = encodeExportResponse('traces', { rejected: 1, message: 'x'.repeat(1e5) }, 'proto')

  const partial = decodeExportResponse('traces', bytes, 'proto')

  assert.ok(partial !== null && !isResponseFault(partial) && partial.message.length === 1024)
})

test('never throws for random bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, json) => {
      decodeExportResponse('metrics', bytes, json ? 'json' : 'proto')
    }),
    { numRuns: 2000 },
  )
})

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}
