/** TLS: certificates from files and text, client certificates, and rotation while connections go on. */
import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { connect as connectH2 } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { SILENT_LOGGER } from '../../src/core/logger.ts'
import { type ClientTls, clientTls, serverTls, type TlsServerSettings } from '../../src/net/tls.ts'
import { CIPHER_SUITE_NAMES, cipherList } from '../../src/net/tls-names.ts'
import { FakeClock } from '../../src/testing/fakes.ts'
import { Secret } from '../../src/util/secret.ts'
import { call, message, startGrpc, until } from './grpc-fixture.ts'

const FIXTURES = fileURLToPath(new URL('../fixtures/tls/', import.meta.url))
const file = (name: string) => join(FIXTURES, name)
const SERVER = { cert_file: file('server.crt'), key_file: file('server.key') }
const services = () => ({ clock: new FakeClock(), log: SILENT_LOGGER })

async function startTls(t: TestContext, settings: TlsServerSettings, clock = new FakeClock()) {
  const tls = await serverTls(settings, { clock, log: SILENT_LOGGER })
  const server = createServer(tls.options, socket => {
    socket.on('error', () => {})
    socket.on('data', chunk => socket.write(chunk))
  })
  tls.attach(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const sockets = new Set<TLSSocket>()
  server.on('secureConnection', socket => sockets.add(socket))
  t.after(() => {
    tls.stop()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as { port: number }).port
}

/** The name on the server's certificate, once the connection has carried a byte there and back. */
function handshake(port: number, options: ConnectionOptions, keep?: TLSSocket[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ...options })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed')))
    socket.on('data', () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      if (keep === undefined) socket.destroy()
      else keep.push(socket)
    })
    socket.write('x')
  })
}

async function trusting(t: TestContext, more: object = {}): Promise<ClientTls> {
  const client = await clientTls({ ca_file: file('ca.crt'), ...more }, services())
  t.after(() => client.stop())
  return client
}

describe('TLS', () => {
  it('serves with certificates from files or from text', async t => {
    const fromFiles = await startTls(t, SERVER)
    const fromText = await startTls(t, {
      cert_pem: new Secret(await readFile(SERVER.cert_file, 'utf8')),
      key_pem: new Secret(await readFile(SERVER.key_file, 'utf8')),
    })
    const client = await trusting(t)

    assert.equal(await handshake(fromFiles, client.connectOptions()), 'first server')
    assert.equal(await handshake(fromText, client.connectOptions()), 'first server')
  })

  it('fails to start with the code for it when files are absent or do not fit', async () => {
    for (const settings of [
      { cert_file: '/nowhere.crt', key_file: '/nowhere.key' },
      { cert_file: file('server.crt'), key_file: file('client.key') },
      { ...SERVER, cipher_suites: ['TLS_NOPE'] },
      { cert_pem: new Secret('not a certificate'), key_pem: new Secret('nor a key') },
    ]) {
      await assert.rejects(serverTls(settings, services()), { code: 'MILLRACE_START_FAILED' })
    }
  })

  it('demands client certificates of the right authority when it is told which', async t => {
    const port = await startTls(t, { ...SERVER, client_ca_file: file('ca.crt') })
    const as = (name: string) =>
      trusting(t, { cert_file: file(`${name}.crt`), key_file: file(`${name}.key`) })

    assert.equal(await handshake(port, (await as('client')).connectOptions()), 'first server')
    await assert.rejects(handshake(port, (await trusting(t)).connectOptions()))
    await assert.rejects(handshake(port, (await as('stranger')).connectOptions()))
  })

  it('checks the server, its name, or nothing, as the client is told', async t => {
    const port = await startTls(t, SERVER)
    const named = (name: string) => trusting(t, { server_name_override: name })
    const strange = await clientTls({ ca_file: file('other-ca.crt') }, services())
    const blind = await clientTls({ insecure_skip_verify: true }, services())

    assert.equal(
      await handshake(port, (await named('collector.test')).connectOptions()),
      'first server',
    )
    await assert.rejects(handshake(port, (await named('other.test')).connectOptions()))
    await assert.rejects(handshake(port, strange.connectOptions()))
    assert.equal(await handshake(port, blind.connectOptions()), 'first server')
    strange.stop()
    blind.stop()
  })

  it('keeps to versions and cipher suites', async t => {
    const port = await startTls(t, {
      ...SERVER,
      min_version: '1.2',
      max_version: '1.2',
      cipher_suites: ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'],
      curve_preferences: ['P256'],
    })
    const modern = await trusting(t, { min_version: '1.3' })
    const kept: TLSSocket[] = []

    await handshake(port, (await trusting(t)).connectOptions(), kept)
    await assert.rejects(handshake(port, modern.connectOptions()))

    assert.equal(kept[0].getProtocol(), 'TLSv1.2')
    assert.equal(kept[0].getCipher().name, 'ECDHE-ECDSA-AES128-GCM-SHA256')
    kept[0].destroy()
    assert.equal(cipherList(CIPHER_SUITE_NAMES)?.split(':').length, CIPHER_SUITE_NAMES.length + 3)
  })

  for (const way of [
    'written over',
    'renamed over',
    'swapped by a symbolic link',
    'polled',
  ] as const) {
    it(`takes new certificates that are ${way}, for new connections only`, async t => {
      const folder = await mkdtemp(join(tmpdir(), 'millrace-tls-'))
      t.after(() => rm(folder, { recursive: true }))
      const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
      await copyFile(file('server.crt'), join(folder, '1.crt'))
      await copyFile(file('server.key'), join(folder, '1.key'))
      await symlink('1.crt', cert)
      await symlink('1.key', key)
      const clock = new FakeClock()
      const settings = {
        cert_file: cert,
        key_file: key,
        reload_interval: way === 'polled' ? 5000 : 0,
      }
      const port = await startTls(t, settings, clock)
      const client = await trusting(t)
      const old: TLSSocket[] = []
      assert.equal(await handshake(port, client.connectOptions(), old), 'first server')

      await replace(way, folder, cert, key)
      let seen = ''
      for (let i = 0; i < 200 && seen !== 'second server'; i++) {
        await clock.advance(5000)
        await new Promise(resolve => setTimeout(resolve, 10))
        seen = await handshake(port, client.connectOptions())
      }

      assert.equal(seen, 'second server')
      const echoed = new Promise(resolve => old[0].once('data', resolve))
      old[0].write('still there')
      assert.equal(String(await echoed), 'still there')
      old[0].destroy()
    })
  }

  it('stays with the old certificate when the new one cannot be used', async t => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-tls-'))
    t.after(() => rm(folder, { recursive: true }))
    const settings = { cert_file: join(folder, 'a.crt'), key_file: join(folder, 'a.key') }
    await copyFile(file('server.crt'), settings.cert_file)
    await copyFile(file('server.key'), settings.key_file)
    const clock = new FakeClock()
    const port = await startTls(t, { ...settings, reload_interval: 1000 }, clock)
    const client = await trusting(t)

    await writeFile(settings.cert_file, 'half a certificate')
    for (let i = 0; i < 5; i++) {
      await clock.advance(1000)
      await new Promise(resolve => setTimeout(resolve, 5))
    }

    assert.equal(await handshake(port, client.connectOptions()), 'first server')
  })

  it('gives clients new certificates for their next connection', async t => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-tls-'))
    t.after(() => rm(folder, { recursive: true }))
    const ca = join(folder, 'ca.crt')
    await copyFile(file('other-ca.crt'), ca)
    const clock = new FakeClock()
    const client = await clientTls(
      { ca_file: ca, reload_interval: 1000 },
      { clock, log: SILENT_LOGGER },
    )
    t.after(() => client.stop())
    const port = await startTls(t, SERVER)
    await assert.rejects(handshake(port, client.connectOptions()))

    await copyFile(file('ca.crt'), ca)
    let name = ''
    for (let i = 0; i < 100 && name === ''; i++) {
      await clock.advance(1000)
      await new Promise(resolve => setTimeout(resolve, 5))
      name = await handshake(port, client.connectOptions()).catch(() => '')
    }

    assert.equal(name, 'first server')
  })

  it('serves gRPC over TLS to clients that speak h2, and to no others', async t => {
    const tls = await serverTls(SERVER, services())
    t.after(() => tls.stop())
    const { port, clock, server } = await startGrpc(t, { tls })
    const client = await trusting(t)
    const session = connectH2(`https://127.0.0.1:${port}`, client.connectOptions())
    t.after(() => session.destroy())
    const silent = connect({
      host: '127.0.0.1',
      port,
      ...client.connectOptions(),
      ALPNProtocols: ['http/1.1'],
    })
    silent.on('error', () => {})

    const answer = await call(session, [message(Buffer.from('secret'))])

    assert.equal(answer.code, 0)
    await until(() => silent.destroyed, 'the other one is gone')
    await clock.advance(1000)
    assert.equal(server.connections, 1)
  })
})

async function replace(way: string, folder: string, cert: string, key: string): Promise<void> {
  const next = { cert: file('server-next.crt'), key: file('server-next.key') }
  if (way === 'renamed over') {
    await copyFile(next.cert, join(folder, 'new.crt'))
    await copyFile(next.key, join(folder, 'new.key'))
    await rename(join(folder, 'new.crt'), cert)
    await rename(join(folder, 'new.key'), key)
  } else if (way === 'swapped by a symbolic link') {
    await symlink(next.cert, join(folder, 'link.crt'))
    await symlink(next.key, join(folder, 'link.key'))
    await rename(join(folder, 'link.crt'), cert)
    await rename(join(folder, 'link.key'), key)
  } else {
    await copyFile(next.cert, cert)
    await copyFile(next.key, key)
  }
}
