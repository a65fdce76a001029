/** The process as an operator knows it: signals, exit codes, changed files, what the log says. Runs the built program. */
import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type Backend, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, MAIN, type Running, startProcess, waitForPort } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { GrpcSender } from './kit.ts'

interface Event {
  readonly event: string
  readonly level: string
  readonly [field: string]: unknown
}

function events(running: Running, name: string): Event[] {
  return running
    .output()
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Event)
    .filter(({ event }) => event === name)
}

function configOf(port: number, target: number, timeout = '1h'): string {
  return JSON.stringify({
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    processors: { batch: { timeout } },
    exporters: { otlp_grpc: { endpoint: `127.0.0.1:${target}`, tls: { insecure: true } } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        traces: { receivers: ['otlp'], processors: ['batch'], exporters: ['otlp_grpc'] },
      },
    },
  })
}

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-process-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

async function backendFor(t: TestContext): Promise<Backend> {
  const backend = await startBackend()
  t.after(() => backend.close())
  return backend
}

async function run(
  t: TestContext,
  config: string,
  port: number,
  more: readonly string[] = [],
): Promise<Running> {
  const running = await startProcess(process.execPath, [MAIN, '--config', config, ...more], port)
  t.after(() => running.stop(1000))
  return running
}

async function send(t: TestContext, port: number, n = 1): Promise<number> {
  return (await new GrpcSender(t, port).send('traces', sampleRequest('traces', n).bytes)).code
}

test('hands on what it holds at SIGTERM, prints the ledger and exits with 0', async t => {
  const backend = await backendFor(t)
  const [port] = await freePorts(1)
  const running = await run(t, `yaml:${configOf(port, backend.grpcPort)}`, port)
  assert.equal(await send(t, port), 0)
  assert.equal(backend.items('traces'), 0)

  const code = await running.stop()

  assert.equal(code, 0, running.output())
  assert.equal(backend.items('traces'), 5)
  const [row] = events(running, 'ledger')
  assert.deepEqual([row.accepted, row.sent, row.held, row.balanced], [5, 5, 0, true])
  assert.deepEqual(
    events(running, 'stopped').map(({ undelivered, level }) => [undelivered, level]),
    [[0, 'info']],
  )
})

test('says what it could not deliver by the deadline, and exits with 1', async t => {
  const [port, nobody] = await freePorts(2)
  const config = `yaml:${configOf(port, nobody)}`
  const running = await run(t, config, port, ['--shutdown-timeout', '300ms'])
  await send(t, port)

  const code = await running.stop()

  assert.equal(code, 1)
  const [stopped] = events(running, 'stopped')
  assert.deepEqual(
    [stopped.level, stopped.balanced, stopped.undelivered],
    ['error', true, 5],
    running.output(),
  )
})

test('stops waiting at the second signal', async t => {
  const [port, nobody] = await freePorts(2)
  const config = `yaml:${configOf(port, nobody)}`
  const running = await run(t, config, port, ['--shutdown-timeout', '1h'])
  await send(t, port)
  const exited = new Promise<number | null>(resolve => running.child.once('exit', resolve))
  running.child.kill('SIGTERM')
  await eventually(() => events(running, 'stopping').length > 0, 20_000, 'it begins to stop')

  running.child.kill('SIGINT')

  assert.equal(await exited, 1)
  assert.equal(events(running, 'stopped_at_once').length, 1)
})

test('reads a changed file and moves to it; a broken one changes nothing and is told', async t => {
  const backend = await backendFor(t)
  const [first, second] = await freePorts(2)
  const file = join(await temporaryFolder(t), 'config.yaml')
  await writeFile(file, configOf(first, backend.grpcPort, '10ms'))
  const running = await run(t, file, first)

  await writeFile(file, '{ receivers: { otlp: { protcols: } } }')
  await eventually(() => events(running, 'config_reload_failed').length > 0, 20_000, 'it refuses')
  assert.match(running.output(), /protcols/)
  assert.equal(await send(t, first, 1), 0)

  await writeFile(`${file}.new`, configOf(second, backend.grpcPort, '10ms'))
  await rename(`${file}.new`, file)
  await waitForPort(second, 20_000)
  assert.equal(await send(t, second, 2), 0)

  assert.equal(await running.stop(), 0, running.output())
  assert.equal(backend.items('traces'), 10)
})

test('notices the swap of a symbolic link, as Kubernetes does it with a ConfigMap', async t => {
  const backend = await backendFor(t)
  const [first, second] = await freePorts(2)
  const folder = await temporaryFolder(t)
  const at = (name: string): string => join(folder, name)
  await writeFile(at('one'), configOf(first, backend.grpcPort))
  await writeFile(at('two'), configOf(second, backend.grpcPort))
  await symlink('one', at('data'))
  await symlink('data', at('config.yaml'))
  const running = await run(t, at('config.yaml'), first)

  await symlink('two', at('data.new'))
  await rename(at('data.new'), at('data'))

  await waitForPort(second, 20_000)
  assert.equal(await running.stop(), 0)
})

test('reloads at SIGHUP, also when files are not watched', async t => {
  const backend = await backendFor(t)
  const [first, second] = await freePorts(2)
  const file = join(await temporaryFolder(t), 'config.yaml')
  await writeFile(file, configOf(first, backend.grpcPort))
  const running = await run(t, file, first, ['--no-watch'])
  await eventually(() => events(running, 'started').length > 0, 20_000, 'it has started')
  await send(t, first)
  await writeFile(file, configOf(second, backend.grpcPort))

  running.child.kill('SIGHUP')

  await waitForPort(second, 20_000)
  await send(t, second, 2)
  assert.equal(await running.stop(), 0, running.output())
  assert.equal(backend.items('traces'), 10)
})

test('names the component and the address when it cannot listen, and exits with 1', async t => {
  const backend = await backendFor(t)

  const failed = startProcess(
    process.execPath,
    [MAIN, '--config', `yaml:${configOf(backend.grpcPort, backend.grpcPort)}`],
    1,
  )

  await assert.rejects(failed, (error: Error) => {
    assert.match(error.message, /ended with 1/)
    assert.match(error.message, /MILLRACE_START_FAILED: .*receiver otlp: .*EADDRINUSE/)
    return true
  })
})
