/** The OTLP exporters over TLS: they check the server's certificate unless told not to. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createSecureServer } from 'node:http2'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Factory } from '../../src/core/factory.ts'
import { factory as grpc } from '../../src/exporters/otlp-grpc/factory.ts'
import { factory as http } from '../../src/exporters/otlp-http/factory.ts'
import { makeCertificates } from '../examples/certificates.ts'
import { answerOk } from '../net/http2-backend.ts'
import { startOtlpExporter } from './otlp-kit.ts'

interface Kind {
  readonly factory: Factory
  readonly scheme: string
  start(t: TestContext, identity: { cert: Buffer; key: Buffer }): Promise<number>
}

const kinds: Record<string, Kind> = {
  otlp_grpc: {
    factory: grpc as Factory,
    scheme: '',
    start: async (t, identity) => {
      const server = createSecureServer(identity)
      server.on('sessionError', () => {})
      server.on('stream', stream => {
        stream.resume()
        stream.on('end', () => answerOk({ stream }))
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      t.after(() => server.close())
      return (server.address() as AddressInfo).port
    },
  },
  otlp_http: {
    factory: http as Factory,
    scheme: 'https://',
    start: async (t, identity) => {
      const server = createServer(identity, (request, response) => {
        request.resume()
        request.on('end', () => response.end())
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      t.after(() => {
        server.closeAllConnections()
        server.close()
      })
      return (server.address() as AddressInfo).port
    },
  },
}

for (const [id, { factory, scheme, start }] of Object.entries(kinds)) {
  test(`${id} sends over TLS to whom it trusts, and to nobody else`, async t => {
    const certificates = await makeCertificates(t)
    if (certificates === undefined) {
      t.skip('no openssl here')
      return
    }
    const file = (name: string) => join(certificates.directory, name)
    const identity = {
      cert: await readFile(file('cert.pem')),
      key: await readFile(file('key.pem')),
    }
    const port = await start(t, identity)
    const deliver = async (host: string, tls: object): Promise<string> => {
      const retry_on_failure = { enabled: false }
      const config = { endpoint: `${scheme}${host}:${port}`, tls, retry_on_failure }
      return (await startOtlpExporter(t, factory, config)).deliver()
    }
    const ca_file = file('ca.pem')

    assert.equal(await deliver('localhost', { ca_file }), 'accepted')
    assert.equal(await deliver('127.0.0.1', { ca_file }), 'accepted')
    assert.equal(await deliver('127.0.0.1', {}), 'busy')
    assert.equal(await deliver('127.0.0.1', { insecure_skip_verify: true }), 'accepted')
    assert.equal(
      await deliver('127.0.0.1', { ca_file, server_name_override: 'other.test' }),
      'busy',
    )
  })
}
