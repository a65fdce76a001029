/** The receiver's configuration: what upstream takes is taken, what upstream refuses is refused, defaults are upstream's. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { maxMessageBytes } from '../../../src/receivers/intake/server-config.ts'
import { config, type OtlpReceiverConfig } from '../../../src/receivers/otlp/config.ts'

function load(yaml: string): OtlpReceiverConfig {
  return config.schema.parse(parse(yaml) ?? undefined)
}

function problems(yaml: string): string[] {
  const result = config.schema.safeParse(parse(yaml) ?? undefined)
  if (!result.success) return result.error.issues.map(i => `${i.path.join('.')} ${i.message}`)
  return (config.check?.(result.data) ?? []).map(p => `${p.path.join('.')} ${p.message}`)
}

describe('otlp receiver configuration', () => {
  it('switches on what is named, even with null or an empty map', () => {
    for (const [yaml, grpc, http] of [
      ['protocols:\n  grpc:\n  http:', true, true],
      ['protocols: {grpc: {}}', true, false],
      ['protocols: {http: null}', false, true],
      ['protocols: {http: {}}', false, true],
    ] as const) {
      const { protocols } = load(yaml)

      assert.deepEqual(problems(yaml), [])
      assert.equal(protocols.grpc !== undefined, grpc, yaml)
      assert.equal(protocols.http !== undefined, http, yaml)
    }
  })

  it("has upstream's defaults, and 64 MiB", () => {
    const { grpc, http } = load('protocols: {grpc: , http: }').protocols

    assert.equal(grpc?.endpoint, 'localhost:4317')
    assert.equal(http?.endpoint, 'localhost:4318')
    assert.equal(maxMessageBytes(grpc!), 64 << 20)
    assert.equal(http?.max_request_body_size, 64 << 20)
    assert.deepEqual(
      [http?.traces_url_path, http?.metrics_url_path, http?.logs_url_path],
      ['/v1/traces', '/v1/metrics', '/v1/logs'],
    )
    assert.equal(http?.read_header_timeout, 60_000)
    assert.equal(grpc?.include_metadata, false)
    assert.equal(grpc?.tls, undefined)
  })

  it('takes every key that upstream documents', () => {
    const { grpc, http } = load(`
      protocols:
        grpc:
          endpoint: 0.0.0.0:4317
          transport: tcp
          tls: {cert_file: test.crt, key_file: test.key, client_ca_file: ca.crt}
          max_recv_msg_size_mib: 32
          max_concurrent_streams: 16
          read_buffer_size: 1024
          write_buffer_size: 1024
          include_metadata: true
          keepalive:
            server_parameters:
              max_connection_idle: 11s
              max_connection_age: 12s
              max_connection_age_grace: 13s
              time: 30s
              timeout: 5s
            enforcement_policy: {min_time: 10s, permit_without_stream: true}
        http:
          auth: {authenticator: test}
          tls: {cert_file: test.crt, key_file: test.key}
          cors:
            allowed_origins: ['https://*.test.com', 'https://test.com']
            allowed_headers: [X-Extra]
            max_age: 7200
          traces_url_path: traces
          metrics_url_path: /v2/metrics
          logs_url_path: log/ingest
          max_request_body_size: 20MiB
          response_headers: {x-a: b}
          compression_algorithms: ['', gzip]
          read_timeout: 5s
          write_timeout: 6s
          idle_timeout: 7s
          keep_alives_enabled: false
    `).protocols

    assert.equal(grpc?.max_concurrent_streams, 16)
    assert.equal(grpc?.keepalive?.server_parameters?.max_connection_age_grace, 13_000)
    assert.equal(grpc?.keepalive?.enforcement_policy?.permit_without_stream, true)
    assert.equal(http?.traces_url_path, '/traces')
    assert.equal(http?.metrics_url_path, '/v2/metrics')
    assert.equal(http?.logs_url_path, '/log/ingest')
    assert.equal(http?.cors?.max_age, 7200)
    assert.equal(http?.max_request_body_size, 20 << 20)
  })

  it('takes unix sockets', () => {
    const yaml = 'protocols: {grpc: {transport: unix, endpoint: /tmp/grpc.sock}}'

    assert.deepEqual(problems(yaml), [])
    assert.equal(load(yaml).protocols.grpc?.endpoint, '/tmp/grpc.sock')
  })

  it('refuses what upstream refuses', () => {
    for (const [yaml, expected] of [
      ['protocols:', /protocols must specify at least one protocol/],
      ['', /at least one protocol/],
      ['protocols: {thrift: {endpoint: "127.0.0.1:1234"}}', /thrift/],
      ['protocols: {grpc: , htttp: }', /htttp/],
      ['protocols: {http: {traces_url_path: ":invalid"}}', /traces_url_path/],
      ['protocols: {http: {metrics_url_path: ":invalid"}}', /metrics_url_path/],
      ['protocols: {http: {logs_url_path: ":invalid"}}', /logs_url_path/],
      ['protocols: {http: {profiles_url_path: ":invalid"}}', /profiles_url_path/],
      ['protocols: {grpc: {endpoint: nowhere}}', /endpoint/],
      ['protocols: {grpc: {transport: carrier-pigeon}}', /transport/],
      ['protocols: {grpc: {tls: {cert_file: a}}}', /tls/],
      ['protocols: {grpc: {max_recv_msg_size_mib: -1}}', /max_recv_msg_size_mib/],
    ] as const) {
      assert.match(problems(yaml).join('; '), expected, yaml)
    }
  })

  it('finds faults between keys', () => {
    assert.match(
      problems('protocols: {grpc: {endpoint: /tmp/x.sock}}').join(),
      /protocols\.grpc\.endpoint is the path of a socket/,
    )
    assert.match(
      problems(
        'protocols: {http: {tls: {cert_file: a, key_file: b, cipher_suites: [TLS_NOPE]}}}',
      ).join(),
      /unknown cipher suite TLS_NOPE/,
    )
  })
})
