/** h2spec thrown at the gRPC port: whatever it finds, the process lives and other clients are served meanwhile. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import test from 'node:test'
import { promisify } from 'node:util'
import { Client, credentials } from '@grpc/grpc-js'
import { GRPC_EXPORT_PATH } from '../../src/core/signal.ts'
import { freePorts } from '../harness/ports.ts'
import { startMillrace } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { h2spec } from './peers.ts'

/** Node answers some faults on streams that were refused already in another way than h2spec wants; each is refused all the same. */
const LEAST_PASSED = 110

test('survives h2spec on the gRPC port and goes on serving', async t => {
  const binary = h2spec()
  const [port] = await freePorts(1)
  const millrace = await startMillrace(
    JSON.stringify({
      receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: { nop: null },
      service: {
        telemetry: { metrics: { level: 'none' } },
        pipelines: { traces: { receivers: ['otlp'], exporters: ['nop'] } },
      },
    }),
    port,
  )
  t.after(() => millrace.stop())
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  t.after(() => client.close())
  const { bytes } = sampleRequest('traces', 1)
  let served = 0
  const timer = setInterval(() => {
    client.makeUnaryRequest(
      GRPC_EXPORT_PATH.traces,
      (b: Buffer) => b,
      (b: Buffer) => b,
      Buffer.from(bytes),
      error => {
        if (error === null) served++
      },
    )
  }, 50)

  const report = await promisify(execFile)(
    binary,
    ['-h', '127.0.0.1', '-p', String(port), '--timeout', '2', '--path', GRPC_EXPORT_PATH.traces],
    { timeout: 240_000, maxBuffer: 16 << 20 },
  ).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }))
  clearInterval(timer)

  const summary = /(\d+) tests?, (\d+) passed, (\d+) skipped, (\d+) failed/.exec(report.stdout)
  assert.ok(summary, `h2spec printed no summary: ${report.stdout.slice(-500)}`)
  t.diagnostic(summary[0])
  assert.ok(Number(summary[2]) >= LEAST_PASSED, report.stdout.slice(-4000))
  assert.ok(served > 0, 'no other client was served meanwhile')
  assert.equal(millrace.child.exitCode, null, millrace.output())
})
