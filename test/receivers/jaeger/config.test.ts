/** The configuration of the jaeger receiver: upstream's keys and addresses, and what is refused with a reason. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { config, type JaegerReceiverConfig } from '../../../src/receivers/jaeger/config.ts'

function load(yaml: string): JaegerReceiverConfig {
  return config.schema.parse(parse(yaml) ?? undefined)
}

function problems(yaml: string): string[] {
  const result = config.schema.safeParse(parse(yaml) ?? undefined)
  if (!result.success) return result.error.issues.map(i => `${i.path.join('.')} ${i.message}`)
  return (config.check?.(result.data) ?? []).map(p => `${p.path.join('.')} ${p.message}`)
}

describe('jaeger receiver configuration', () => {
  it("has upstream's addresses and bounds for what is named, even with null", () => {
    const { grpc, thrift_http, thrift_compact, thrift_binary } = load(
      'protocols: {grpc: , thrift_http: , thrift_compact: , thrift_binary: }',
    ).protocols

    assert.equal(grpc?.endpoint, 'localhost:14250')
    assert.equal(thrift_http?.endpoint, 'localhost:14268')
    assert.deepEqual(thrift_compact, {
      endpoint: 'localhost:6831',
      queue_size: 1000,
      max_packet_size: 65_000,
      workers: 10,
      socket_buffer_size: 0,
    })
    assert.equal(thrift_binary?.endpoint, 'localhost:6832')
  })

  it('leaves off what is not named', () => {
    const { protocols } = load('protocols: {grpc: {endpoint: "localhost:9876"}, thrift_compact: }')

    assert.equal(protocols.grpc?.endpoint, 'localhost:9876')
    assert.notEqual(protocols.thrift_compact, undefined)
    assert.equal(protocols.thrift_http, undefined)
    assert.equal(protocols.thrift_binary, undefined)
  })

  it('takes the keys that upstream documents', () => {
    const yaml = `
      protocols:
        grpc:
          endpoint: localhost:9876
          tls: {cert_file: /test.crt, key_file: /test.key}
          max_recv_msg_size_mib: 8
          auth: {authenticator: test}
          keepalive: {server_parameters: {max_connection_age: 1m}}
        thrift_http: {endpoint: ':3456', max_request_body_size: 1000, include_metadata: true}
        thrift_compact:
          endpoint: 0.0.0.0:456
          queue_size: 100_000
          max_packet_size: 131072
          workers: 100
          socket_buffer_size: 65_536
        thrift_binary:
          endpoint: 0.0.0.0:789
          queue_size: 1000
          max_packet_size: 65536
          workers: 5
          socket_buffer_size: 0
    `

    assert.deepEqual(problems(yaml), [])
    assert.equal(load(yaml).protocols.thrift_compact?.workers, 100)
  })

  it('refuses what upstream refuses, and says why', () => {
    for (const [yaml, expected] of [
      ['', /at least one protocol/],
      ['protocols:', /at least one protocol/],
      ['protocols: {thrift_htttp: }', /thrift_htttp/],
      ['protocols: {grpc: {endpoint: "localhost:"}}', /endpoint/],
      ['protocols: {thrift_http: {endpoint: "localhost:uhmokay"}}', /endpoint/],
      ['protocols: {thrift_compact: {endpoint: "localhost:9876789"}}', /endpoint/],
      ['protocols: {thrift_binary: {endpoint: nowhere}}', /endpoint/],
      ['protocols: {thrift_binary: {endpoint: /tmp/agent.sock}}', /endpoint/],
      ['protocols: {thrift_binary: {queue_size: 0}}', /queue_size/],
      ['protocols: {thrift_binary: {workers: -1}}', /workers/],
      [
        '{protocols: {grpc: }, remote_sampling: {strategy_file: /etc/strategies.json}}',
        /remote_sampling is not served/,
      ],
    ] as const) {
      assert.match(problems(yaml).join('; '), expected, yaml)
    }
  })
})
