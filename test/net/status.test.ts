/** Statuses on the wire: codes, delays, details, percent-encoding. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { ACCEPTED, busy, refused } from '../../src/core/outcome.ts'
import {
  decodeStatus,
  decodeStatusDetails,
  decodeStatusJson,
  encodeStatus,
  encodeStatusDetails,
  encodeStatusJson,
} from '../../src/net/rpc-status.ts'
import {
  decodeGrpcMessage,
  encodeGrpcMessage,
  formatGrpcTimeout,
  GRPC,
  grpcCodeName,
  httpStatusOf,
  isRetryableGrpc,
  isRetryableHttp,
  parseGrpcTimeout,
  parseRetryAfter,
  retryAfterSeconds,
  statusOfOutcome,
} from '../../src/net/status.ts'

const ORACLE = protobuf.parse(`
  syntax = "proto3"; package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message RetryInfo { Duration retry_delay = 1; }
  message BadRequest { repeated FieldViolation field_violations = 1;
    message FieldViolation { string field = 1; string description = 2; } }
`).root

describe('status', () => {
  it('answers each outcome with the code and status that the specification wants', () => {
    const table = [
      [busy(1500), 14, 503],
      [busy(0, 'quota'), 8, 429],
      [busy(5, 'disk_share'), 8, 429],
      [busy(10, 'unavailable'), 14, 503],
      [refused(1, 'bad_data', 'x'), 3, 400],
      [refused(1, 'too_large', 'x'), 8, 413],
      [refused(1, 'unauthenticated', 'x'), 16, 401],
      [refused(1, 'permission_denied', 'x'), 7, 403],
      [refused(1, 'unimplemented', 'x'), 12, 404],
      [refused(1, 'rejected', 'x'), 13, 500],
    ] as const
    for (const [outcome, code, http] of table) {
      const status = statusOfOutcome(outcome)

      assert.equal(status.code, code)
      assert.equal(httpStatusOf(status), http)
      assert.equal(status.retryDelayMs !== undefined, outcome.kind === 'busy')
    }
    assert.equal(ACCEPTED.kind, 'accepted')
  })

  it('says that it is the share of the disk, in words and with a reason for programs', () => {
    const status = statusOfOutcome(busy(2000, 'disk_share'))

    assert.match(status.message, /share of the disk/)
    assert.equal(status.reason, 'disk_share')
    assert.equal(decodeStatus(encodeStatus(status))?.reason, 'disk_share')
    assert.equal(statusOfOutcome(busy(2000)).reason, undefined)
  })

  it('maps every code to HTTP as the Go collector does', () => {
    const expected = new Map<number, number>([
      [0, 200],
      [1, 503],
      [4, 503],
      [10, 503],
      [11, 503],
    ])
    for (const code of [14, 15]) expected.set(code, 503)
    expected.set(8, 429).set(3, 400).set(16, 401).set(7, 403).set(12, 404)
    for (let code = 0; code <= 16; code++) {
      assert.equal(httpStatusOf({ code, message: '' }), expected.get(code) ?? 500)
    }
  })

  it('knows what may be sent again', () => {
    const retryable = Object.values(GRPC).filter(isRetryableGrpc).map(grpcCodeName)

    assert.deepEqual(retryable, [
      'CANCELLED',
      'DEADLINE_EXCEEDED',
      'RESOURCE_EXHAUSTED',
      'ABORTED',
      'OUT_OF_RANGE',
      'UNAVAILABLE',
      'DATA_LOSS',
    ])
    assert.deepEqual([400, 429, 500, 502, 503, 504].filter(isRetryableHttp), [429, 502, 503, 504])
    assert.equal(grpcCodeName(99), 'CODE_99')
  })

  it('writes a status that protobufjs reads', () => {
    const bytes = encodeStatus({
      code: 3,
      message: 'größer',
      retryDelayMs: 1500,
      violations: [{ field: 'body', description: 'varint overrun' }],
    })

    const status = ORACLE.lookupType('Status').decode(bytes) as unknown as {
      code: number
      message: string
      details: { type_url: string; typeUrl: string; value: Uint8Array }[]
    }
    assert.equal(status.code, 3)
    assert.equal(status.message, 'größer')
    const [retry, bad] = status.details
    assert.equal(retry.typeUrl, 'type.googleapis.com/google.rpc.RetryInfo')
    assert.deepEqual(ORACLE.lookupType('RetryInfo').decode(retry.value).toJSON(), {
      retryDelay: { seconds: '1', nanos: 500_000_000 },
    })
    assert.equal(bad.typeUrl, 'type.googleapis.com/google.rpc.BadRequest')
    assert.deepEqual(ORACLE.lookupType('BadRequest').decode(bad.value).toJSON(), {
      fieldViolations: [{ field: 'body', description: 'varint overrun' }],
    })
  })

  it('reads back what it wrote, as bytes, as JSON and as a trailer', () => {
    const status = fc.record(
      {
        code: fc.nat(16),
        message: fc.string(),
        retryDelayMs: fc.nat(86_400_000),
        violations: fc.array(
          fc.record({ field: fc.string(), description: fc.string() }, { noNullPrototype: true }),
        ),
      },
      { noNullPrototype: true },
    )
    fc.assert(
      fc.property(status, s => {
        assert.deepEqual(decodeStatus(encodeStatus(s)), s)
        assert.deepEqual(decodeStatusJson(encodeStatusJson(s)), s)
        assert.deepEqual(decodeStatusDetails(encodeStatusDetails(s)), s)
      }),
    )
  })

  it('takes no random bytes or text for a reason to fail', () => {
    fc.assert(fc.property(fc.uint8Array(), bytes => void decodeStatus(bytes)))
    fc.assert(fc.property(fc.string(), text => void decodeStatusJson(text)))
    fc.assert(fc.property(fc.jsonValue(), v => void decodeStatusJson(JSON.stringify(v))))
    assert.equal(decodeStatusJson('[]')?.code, 0)
    assert.equal(decodeStatusJson('null'), undefined)
  })

  it('writes small statuses in JSON as the Go collector does', () => {
    const text = encodeStatusJson({ code: 3, message: 'gzip: invalid header' })

    assert.equal(text, '{"code":3,"message":"gzip: invalid header"}')
  })

  it('escapes messages and takes broken escapes as they are', () => {
    assert.equal(encodeGrpcMessage('50 % größer\n'), '50 %25 gr%C3%B6%C3%9Fer%0A')
    assert.equal(decodeGrpcMessage('%zz 100% %C3%B6'), '%zz 100% ö')
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => {
        assert.equal(decodeGrpcMessage(encodeGrpcMessage(text)), text)
        assert.match(encodeGrpcMessage(text), /^[\x20-\x7e]*$/)
      }),
    )
  })

  it('reads Retry-After in seconds and as a date, and nothing else', () => {
    const now = Date.parse('Sun, 09 Feb 2025 15:04:00 GMT')

    assert.equal(parseRetryAfter('30', now), 30_000)
    assert.equal(parseRetryAfter('Sun, 09 Feb 2025 15:04:05 GMT', now), 5000)
    assert.equal(parseRetryAfter('Sun, 09 Feb 2020 15:04:05 GMT', now), 0)
    for (const text of ['Malformed', '', '-1', '1.5', undefined, '9'.repeat(40)]) {
      assert.equal(parseRetryAfter(text, now), undefined)
    }
    assert.equal(retryAfterSeconds(1), 1)
    assert.equal(retryAfterSeconds(13_000), 13)
  })

  it('reads grpc-timeout with each unit and refuses what is none', () => {
    assert.deepEqual(
      ['1H', '1M', '1S', '100m', '1000u', '1000000n'].map(parseGrpcTimeout),
      [3_600_000, 60_000, 1000, 100, 1, 1],
    )
    for (const text of ['', 'S', '1', '123456789S', '-1S', '1s', '1.5S', ' 1S']) {
      assert.equal(parseGrpcTimeout(text), undefined, text)
    }
    assert.equal(formatGrpcTimeout(5000), '5000m')
    assert.equal(parseGrpcTimeout(formatGrpcTimeout(1e9)), 1e9)
  })
})
