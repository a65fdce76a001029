/** The Python SDK with its own OTLP exporters: traces, metrics and logs over gRPC and HTTP. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { itemsOf, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, startMillrace } from '../harness/process.ts'
import { gatewayConfig } from './gateway-config.ts'
import { pythonWithSdk } from './peers.ts'

const SCRIPT = fileURLToPath(new URL('python_sdk_client.py', import.meta.url))
const SPANS = 1200

for (const protocol of ['grpc', 'http'] as const) {
  for (const compression of ['none', 'gzip'] as const) {
    test(`takes what the Python SDK sends over ${protocol}, compression ${compression}`, async t => {
      const python = pythonWithSdk()
      const backend = await startBackend()
      t.after(() => backend.close())
      const [grpcPort, httpPort] = await freePorts(2)
      const millrace = await startMillrace(
        gatewayConfig(grpcPort, httpPort, backend.grpcPort),
        grpcPort,
      )
      t.after(() => millrace.stop())
      const endpoint = `http://127.0.0.1:${protocol === 'grpc' ? grpcPort : httpPort}`

      const { stdout } = await promisify(execFile)(python, [
        SCRIPT,
        protocol,
        endpoint,
        compression,
        String(SPANS),
      ])

      const sent = JSON.parse(stdout) as { spans: number; logs: number; counter: number }
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
}
