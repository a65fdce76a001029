/** The texts of endpoints: where they lead, whether their names can be looked up, and how they are shown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type EndpointKind,
  hasName,
  locate,
  nameOf,
} from '../../../../src/exporters/sending/pool/place.ts'

for (const [kind, text, expected] of [
  ['grpc', 'a.example:4317', ['a.example', 4317, null, true]],
  ['grpc', 'http://a.example:4317', ['a.example', 4317, true, true]],
  ['grpc', 'https://a.example', ['a.example', 443, false, true]],
  ['grpc', 'dns:///a.example:4317', ['a.example', 4317, null, true]],
  ['grpc', '10.0.0.1:4317', ['10.0.0.1', 4317, null, false]],
  ['grpc', '[::1]:4317', ['::1', 4317, null, false]],
  ['grpc', 'unix:///run/otlp.sock', ['', 0, null, false]],
  ['http', 'http://a.example/otlp', ['a.example', 80, true, true]],
  ['http', 'https://a.example:4318', ['a.example', 4318, false, true]],
  ['http', 'http://[::1]:4318', ['::1', 4318, true, false]],
] as const satisfies readonly (readonly [EndpointKind, string, readonly unknown[]])[]) {
  test(`${kind}: ${text} is found`, () => {
    const location = locate(kind, text)

    const { host, port, isPlain } = location
    assert.deepEqual([host, port, isPlain, hasName(location)], expected)
  })
}

test('credentials in a URL are not shown, an address is', () => {
  const endpoint = 'https://user:s3cret@a.example:4318/otlp'

  assert.equal(nameOf({ endpoint, address: null }), 'https://a.example:4318/otlp')
  assert.equal(nameOf({ endpoint, address: '10.0.0.1' }), 'https://a.example:4318/otlp (10.0.0.1)')
})
