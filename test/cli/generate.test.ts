/** `millrace generate` against servers of other people's parts: what it sends, and what it says became of it. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Server, ServerCredentials, status } from '@grpc/grpc-js'
import type { LoadReport } from '../../src/cli/generate/load.ts'
import type { CliIo } from '../../src/cli/io.ts'
import { runCommandLine } from '../../src/cli/program.ts'
import { GRPC_EXPORT_PATH, SIGNALS } from '../../src/core/signal.ts'
import { type Backend, startBackend } from '../harness/backend.ts'

async function generate(...args: string[]) {
  let out = ''
  let err = ''
  let exitCode = 0
  const io: CliIo = {
    stdout: { write: text => (out += text) },
    stderr: { write: text => (err += text) },
    env: {},
    cwd: '.',
    setExitCode: code => (exitCode = Math.max(exitCode, code)),
    onSignal: () => () => {},
  }
  await runCommandLine(['generate', ...args], io)
  return { out, err, exitCode, report: () => JSON.parse(out) as LoadReport }
}

async function backend(t: TestContext): Promise<Backend> {
  const running = await startBackend()
  t.after(() => running.close())
  return running
}

for (const [protocol, compression] of [
  ['grpc', 'none'],
  ['grpc', 'gzip'],
  ['http', 'none'],
  ['http', 'gzip'],
] as const) {
  test(`sends all signals over ${protocol} with compression ${compression}`, async t => {
    const { grpcPort, httpPort, items, requests } = await backend(t)
    const port = protocol === 'grpc' ? grpcPort : httpPort
    const args = ['--signal', 'all', '--count', '95', '--items', '10', '--json']
    const target = ['--protocol', protocol, '--endpoint', `127.0.0.1:${port}`]

    const { exitCode, report } = await generate(...args, ...target, '--compression', compression)

    assert.equal(exitCode, 0)
    assert.equal(report().items.accepted, 95)
    assert.equal(report().requests, 10)
    for (const signal of SIGNALS) {
      assert.equal(items(signal), report().bySignal[signal]!.accepted, signal)
    }
    if (protocol === 'http') assert.ok(requests.every(each => each.encoding === compression))
  })
}

test('sends JSON over HTTP with its headers', async t => {
  const seen: { type?: string; tenant?: string; body: string }[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { 'content-type': type, 'x-tenant': tenant } = request.headers
    seen.push({ type, tenant: tenant as string, body })
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  const port = await listen(t, server)

  const target = ['--protocol', 'http-json', '--endpoint', `http://127.0.0.1:${port}`]
  const { report } = await generate(
    '--count',
    '3',
    '--items',
    '3',
    '--json',
    ...target,
    '--header',
    'X-Tenant=acme',
  )

  assert.equal(report().items.accepted, 3)
  assert.equal(seen[0].type, 'application/json')
  assert.equal(seen[0].tenant, 'acme')
  assert.ok(JSON.parse(seen[0].body).resourceSpans.length > 0)
})

test('counts what was refused by status, and ends with a failure', async t => {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(400).end()
  })
  const port = await listen(t, server)

  const target = ['--protocol', 'http', '--endpoint', `127.0.0.1:${port}`]
  const { exitCode, report } = await generate('--count', '20', '--items', '10', '--json', ...target)

  assert.deepEqual(report().refusedByCode, { 400: 20 })
  assert.equal(report().items.refused, 20)
  assert.equal(exitCode, 1)
})

test('counts what was refused by gRPC code', async t => {
  const server = new Server()
  const same = (bytes: Buffer) => bytes
  const refuse = (_: unknown, done: (error: object) => void) =>
    done({ code: status.RESOURCE_EXHAUSTED, details: 'full' })
  const path = GRPC_EXPORT_PATH.traces
  server.register(path, refuse as never, same as never, same as never, 'unary')
  const port = await new Promise<number>(resolve =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) =>
      resolve(bound),
    ),
  )
  t.after(() => server.forceShutdown())

  const { report } = await generate(
    '--count',
    '5',
    '--items',
    '5',
    '--json',
    '--endpoint',
    `127.0.0.1:${port}`,
  )

  assert.deepEqual(report().refusedByCode, { RESOURCE_EXHAUSTED: 5 })
})

test('counts items that an accepted request has rejected', async t => {
  const server = createServer((request, response) => {
    request.resume()
    const answer = '{"partialSuccess":{"rejectedSpans":"2","errorMessage":"two are bad"}}'
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer)
  })
  const port = await listen(t, server)

  const target = ['--protocol', 'http-json', '--endpoint', `127.0.0.1:${port}`]
  const { report } = await generate('--count', '10', '--items', '10', '--json', ...target)

  assert.equal(report().items.rejected, 2)
  assert.equal(report().items.accepted, 8)
})

test('says that nobody answered', async () => {
  const { err, exitCode } = await generate(
    '--count',
    '1',
    '--in-flight',
    '1',
    '--endpoint',
    '127.0.0.1:1',
  )

  assert.match(err, /MILLRACE_GENERATE_NO_ANSWER/)
  assert.equal(exitCode, 1)
})

test('keeps to the rate', async t => {
  const { grpcPort } = await backend(t)
  const args = ['--rate', '400', '--items', '10', '--duration', '1s', '--json']

  const { report } = await generate(...args, '--endpoint', `127.0.0.1:${grpcPort}`)

  const { accepted } = report().items
  // A request more may fall due just before the end, and each sender has one in its hands; a busy machine sends fewer.
  assert.ok(accepted >= 50 && accepted <= 450, `${accepted} in a second`)
})

test('prints the result for people', async t => {
  const { grpcPort } = await backend(t)

  const { out } = await generate('--count', '1000', '--endpoint', `127.0.0.1:${grpcPort}`)

  for (const word of ['accepted', '1,000', 'refused', 'failed', 'p50', 'p99']) {
    assert.ok(out.includes(word), word)
  }
})

for (const [args, said] of [
  [['--signal', 'spans'], '--signal spans: expected one of traces, metrics, logs'],
  [['--rate', 'fast'], '--rate fast: expected a whole number'],
  [['--duration', '10'], '--duration 10: expected a duration'],
  [['--compression', 'zstd'], '--compression zstd goes with --protocol http'],
  [['--header', 'nothing'], '--header nothing: expected name=value'],
] as const) {
  test(`refuses ${args.join(' ')}`, async () => {
    const { err, exitCode } = await generate(...args)

    assert.ok(err.includes(said), err)
    assert.equal(exitCode, 2)
  })
}

async function listen(t: TestContext, server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
