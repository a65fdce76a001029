/** The configuration of the zipkin receiver: upstream's keys at the top of the section, upstream's address. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { config } from '../../../src/receivers/zipkin/config.ts'

function problems(yaml: string): string[] {
  const result = config.schema.safeParse(parse(yaml) ?? undefined)
  if (!result.success) return result.error.issues.map(i => `${i.path.join('.')} ${i.message}`)
  return (config.check?.(result.data) ?? []).map(p => `${p.path.join('.')} ${p.message}`)
}

describe('zipkin receiver configuration', () => {
  it('listens on localhost:9411 and leaves tags alone, with an empty section', () => {
    const parsed = config.schema.parse(null)

    assert.equal(parsed.endpoint, 'localhost:9411')
    assert.equal(parsed.parse_string_tags, false)
    assert.equal(parsed.tls, undefined)
    assert.equal(parsed.max_request_body_size, 20 << 20)
    assert.equal(config.schema.parse({ max_request_body_size: 0 }).max_request_body_size, 20 << 20)
  })

  it('takes every key of an HTTP server that upstream documents', () => {
    const yaml = `
      endpoint: 0.0.0.0:9411
      transport: tcp
      parse_string_tags: true
      tls: {cert_file: a.crt, key_file: a.key, client_ca_file: ca.crt}
      cors: {allowed_origins: ['https://*.test.com'], allowed_headers: [X-Extra], max_age: 7200}
      auth: {authenticator: test}
      max_request_body_size: 1000000
      include_metadata: true
      response_headers: {x-a: b}
      compression_algorithms: ['', gzip]
      read_timeout: 5s
      read_header_timeout: 5s
      write_timeout: 0
      idle_timeout: 0s
      keep_alives_enabled: false
    `

    assert.deepEqual(problems(yaml), [])
    assert.equal(config.schema.parse(parse(yaml)).parse_string_tags, true)
  })

  it('refuses what it does not know, and an endpoint that is none', () => {
    assert.match(problems('parse_tags: true').join(), /parse_tags/)
    assert.match(problems('endpoint: nowhere').join(), /endpoint/)
    assert.match(problems('endpoint: /tmp/z.sock').join(), /path of a socket/)
    assert.deepEqual(problems('{endpoint: /tmp/z.sock, transport: unix}'), [])
  })
})
