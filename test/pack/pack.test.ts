/** The packed tarball, as a stranger gets it: installed in empty folders without install scripts, on every Node that is supported. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { nodeDirectory } from './node-versions.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '..', '..')
const VERSIONS = [20, 22, 24, 26]

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

let directory = ''
let packed: Packed

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-pack-'))
  const args = ['pack', '--json', '--silent', '--pack-destination', directory]
  const { stdout } = await run('npm', args, { cwd: ROOT, timeout: 300_000, maxBuffer: 16 << 20 })
  const answer = JSON.parse(stdout.slice(stdout.indexOf('['))) as Packed[]
  packed = answer[0]
})

test('contains what runs, and neither sources nor tests', () => {
  const paths = packed.files.map(({ path }) => path)

  const wanted = [
    'dist/main.js',
    'dist/otlp/kernel/kernel.wasm',
    'dist/sampler/models/tensorflow/library.js',
    'dist/sampler/models/tensorflow/tfjs-backend-wasm-simd.wasm',
    'dist/sampler/models/training-worker.js',
    'models/network/1.0.0/manifest.json',
    'models/network/1.0.0/weights.bin',
    'pipelines/gateway.yaml',
    'NOTICE',
  ]
  for (const path of wanted) assert.ok(paths.includes(path), `${path} is missing`)
  assert.deepEqual(
    paths.filter(path => /^(src|test|bench|scripts)\//.test(path)),
    [],
  )
})

test('has no fault that publint knows', async () => {
  const { messages } = await publint({ pkgDir: ROOT, level: 'warning' })

  const pkg = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  assert.deepEqual(
    messages.map(message => formatMessage(message, pkg)),
    [],
  )
})

for (const major of VERSIONS) {
  test(`installs and runs on Node ${major}`, async t => {
    const bin = await nodeDirectory(major).catch(() => undefined)
    if (bin === undefined) return t.skip(`no binary of Node ${major} could be fetched`)
    const { folder, env } = await install(t, bin)
    const millrace = (...args: string[]) =>
      run('npx', ['--no-install', 'millrace', ...args], { cwd: folder, env, timeout: 60_000 })

    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
    assert.equal((await millrace('--version')).stdout.trim(), version)
    await millrace(
      'validate',
      '--config',
      join(folder, 'node_modules/millrace/pipelines/agent.yaml'),
    )
    await receivesOneRequest(t, folder, env)
    return undefined
  })
}

/** An empty folder with the tarball in it; `env` runs everything with the Node in `bin`. */
async function install(t: TestContext, bin: string) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-install-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
  await writeFile(join(folder, 'package.json'), '{"private":true}\n')
  const tarball = join(directory, packed.filename)
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball]
  await run('npm', args, { cwd: folder, env, timeout: 300_000 })
  return { folder, env }
}

/** Starts the collector by its bin, sends through the load generator, stops it, and reads what it wrote. */
async function receivesOneRequest(t: TestContext, folder: string, env: NodeJS.ProcessEnv) {
  const port = await freePort()
  const config = join(folder, 'config.yaml')
  await writeFile(config, configText(port, join(folder, 'out.json')))
  const bin = join(folder, 'node_modules', '.bin', 'millrace')
  const collector = spawn(bin, ['--config', config], { cwd: folder, env, stdio: 'pipe' })
  t.after(() => collector.kill('SIGKILL'))
  let log = ''
  collector.stdout.on('data', chunk => (log += chunk))
  collector.stderr.on('data', chunk => (log += chunk))

  const args = ['generate', '--protocol', 'http', '--endpoint', `localhost:${port}`, '--json']
  const load = [...args, '--count', '10', '--items', '10', '--in-flight', '1']
  const report = await untilAnswered(() => run(bin, load, { cwd: folder, env }))
  assert.equal(JSON.parse(report.stdout).items.accepted, 10, log)

  collector.kill('SIGTERM')
  const [code] = await once(collector, 'exit')
  assert.equal(code, 0, log)
  const written = JSON.parse(await readFile(join(folder, 'out.json'), 'utf8'))
  assert.ok(written.resourceSpans.length > 0)
}

/** The collector may still be starting: tries again until an answer comes, for at most 20 seconds. */
async function untilAnswered<T>(attempt: () => Promise<T>): Promise<T> {
  const endMs = Date.now() + 20_000
  for (;;) {
    try {
      return await attempt()
    } catch (cause) {
      if (Date.now() > endMs) throw cause
      await new Promise(resolve => setTimeout(resolve, 250))
    }
  }
}

function configText(port: number, path: string): string {
  return `
receivers: { otlp: { protocols: { http: { endpoint: 'localhost:${port}' } } } }
exporters: { file: { path: '${path}' } }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { traces: { receivers: [otlp], exporters: [file] } }
`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
