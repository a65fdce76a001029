/** What one process records another one sends again: every span, in all formats, over rotations, and over a kill in the middle. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Backend, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, type Running, startMillrace } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { answerOk, type Call, startHttp2Backend } from '../net/http2-backend.ts'
import { decode } from '../otlp/oracle.ts'

const REQUESTS = 60
const SPANS = 100
const WITHIN_MS = 60_000

for (const settings of [
  'format: json',
  'format: proto',
  'format: json, compression: zstd',
] as const) {
  test(`a capture is sent again as it was recorded, ${settings}`, async t => {
    const folder = await makeFolder(t)
    await record(folder, settings)
    const backend = await startBackend()
    t.after(() => backend.close())

    const replaying = await startReplay(t, folder, backend.grpcPort, settings)
    await eventually(() => backend.items('traces') >= REQUESTS * SPANS, WITHIN_MS, 'all spans')
    const code = await replaying.stop()

    assert.equal(code, 0, replaying.output())
    assert.deepEqual(spanIds(backend), expectedIds())
    assert.match(replaying.output(), /"balanced":true/)
  })
}

test('a replay that is killed goes on where it was, and loses nothing', async t => {
  const folder = await makeFolder(t)
  await record(folder, 'format: json')
  const backend = await startHttp2Backend(t)
  backend.answer = call => {
    if (backend.calls.length <= REQUESTS / 3) answerOk(call)
  }
  const idsOf = (calls: readonly Call[]): string[] =>
    calls.flatMap(({ message }) => spanIdsOf(decode('TracesRequest', message)))

  const first = await startReplay(t, folder, backend.port, 'format: json')
  const isStuck = (): boolean => backend.calls.length > REQUESTS / 3
  await eventually(isStuck, WITHIN_MS, 'a third of the requests')
  first.child.kill('SIGKILL')
  backend.answer = answerOk
  const second = await startReplay(t, folder, backend.port, 'format: json')
  const isComplete = (): boolean => new Set(idsOf(backend.calls)).size >= REQUESTS * SPANS
  await eventually(isComplete, WITHIN_MS, 'all spans')
  await second.stop()

  assert.deepEqual([...new Set(idsOf(backend.calls))].sort(), expectedIds())
})

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-replay-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Into files of 1 MiB at most. */
async function record(folder: string, settings: string): Promise<void> {
  const [port] = await freePorts(1)
  const recording = await startMillrace(
    `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:${port}"}}}}
exporters:
  file: {path: ${join(folder, 'capture')}, rotation: {max_megabytes: 1}, ${settings}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [file]}}
`,
    port,
  )
  for (let n = 0; n < REQUESTS; n++) {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: Buffer.from(sampleRequest('traces', n, SPANS).bytes),
    })
    assert.equal(answer.status, 200)
  }
  assert.equal(await recording.stop(), 0, recording.output())
  const files = await readdir(folder)
  if (settings === 'format: json') assert.ok(files.length > 1, `only ${files}`)
}

async function startReplay(
  t: TestContext,
  folder: string,
  backendPort: number,
  settings: string,
): Promise<Running> {
  const [health] = await freePorts(1)
  const running = await startMillrace(
    `
receivers:
  otlp_json_file:
    include: ["${join(folder, 'capture*')}"]
    start_at: beginning
    poll_interval: 50ms
    storage: file_storage
    ${settings.replace(', ', '\n    ')}
exporters:
  otlp_grpc:
    endpoint: 127.0.0.1:${backendPort}
    tls: {insecure: true}
    compression: none
    sending_queue: {queue_size: 5, num_consumers: 1, storage: file_storage}
extensions:
  health_check: {endpoint: "127.0.0.1:${health}"}
  file_storage: {directory: ${join(folder, 'state')}, create_directory: true}
service:
  extensions: [health_check, file_storage]
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp_json_file], exporters: [otlp_grpc]}}
`,
    health,
  )
  t.after(() => running.child.kill('SIGKILL'))
  return running
}

function spanIds(backend: Backend): string[] {
  return backend.requests.flatMap(({ message }) => spanIdsOf(message)).sort()
}

// biome-ignore lint/suspicious/noExplicitAny: protobufjs's shape
function spanIdsOf(request: any): string[] {
  const ids: string[] = []
  for (const { scopeSpans } of request.resourceSpans) {
    for (const { spans } of scopeSpans) {
      for (const { spanId } of spans) ids.push(spanId.toString('hex'))
    }
  }
  return ids
}

function expectedIds(): string[] {
  const ids: string[] = []
  for (let n = 0; n < REQUESTS; n++) {
    for (let i = 1; i <= SPANS; i++) {
      const id = Buffer.alloc(8, 1)
      id.writeUInt32BE(n, 0)
      id.writeUInt16BE(i, 4)
      ids.push(id.toString('hex'))
    }
  }
  return ids.sort()
}
