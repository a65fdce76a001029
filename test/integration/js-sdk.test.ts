/** The JavaScript SDK as applications use it: NodeSDK with the OTLP exporters of each protocol. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { itemsOf, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, startMillrace } from '../harness/process.ts'
import { gatewayConfig } from './gateway-config.ts'

const SCRIPT = fileURLToPath(new URL('js_sdk_client.mjs', import.meta.url))
const SPANS = 1200

for (const protocol of ['grpc', 'http/protobuf', 'http/json'] as const) {
  test(`takes what the JavaScript SDK sends over ${protocol}`, async t => {
    const backend = await startBackend()
    t.after(() => backend.close())
    const [grpcPort, httpPort] = await freePorts(2)
    const millrace = await startMillrace(
      gatewayConfig(grpcPort, httpPort, backend.grpcPort),
      grpcPort,
    )
    t.after(() => millrace.stop())
    const env = {
      ...process.env,
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${protocol === 'grpc' ? grpcPort : httpPort}`,
    }

    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, String(SPANS)], { env })

    const sent = JSON.parse(stdout) as { spans: number; logs: number }
    await eventually(() => backend.items('traces') >= sent.spans, 10_000, 'spans at the backend')
    await eventually(() => backend.items('logs') >= sent.logs, 10_000, 'logs at the backend')
    await eventually(() => backend.items('metrics') >= 1, 10_000, 'metrics at the backend')
    assert.equal(backend.items('traces'), sent.spans)
    assert.equal(backend.items('logs'), sent.logs)
    const names = backend.requests
      .filter(r => r.signal === 'traces')
      .flatMap(r => itemsOf('traces', r.message).map(span => span.name))
    assert.deepEqual(new Set(names), new Set(['work', 'step']))
    assert.equal(await millrace.stop(), 0, millrace.output())
    assert.doesNotMatch(millrace.output(), /"balanced":false/)
  })
}
