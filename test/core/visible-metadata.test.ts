/** What of a sender's metadata operators are shown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { visibleMetadata } from '../../src/core/visible-metadata.ts'
import { REDACTED } from '../../src/util/secret.ts'

function shown(key: string, value: string): string {
  return visibleMetadata({ metadata: new Map([[key, [value]]]), peer: '' })[key][0]
}

test('hides what proves who somebody is by the name of its header, whatever is in it', () => {
  for (const key of ['authorization', 'cookie', 'x-api-key', 'x-millrace-key', 'x-auth-token']) {
    assert.equal(shown(key, 'abc'), REDACTED, key)
  }
})

test('hides what looks like a credential in a header of any name', () => {
  const key = `mr_${'a'.repeat(12)}_${'b'.repeat(43)}`
  for (const value of [key, `Bearer ${key}`, 'Basic dTpw', 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln']) {
    assert.equal(shown('x-team', value), REDACTED, value)
  }
})

test('shows the rest', () => {
  for (const [key, value] of [
    ['user-agent', 'otel/1.2'],
    ['x-team', 'shop'],
    ['host', 'gateway:4318'],
    ['x-note', 'basically all bearers'],
  ]) {
    assert.equal(shown(key, value), value)
  }
})
