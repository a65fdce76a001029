/** Byte strings that must not decode: refused by both kernels, and by a running collector that goes on serving. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Signal } from '../../../src/core/signal.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { indexRequestReference } from '../../../src/otlp/kernel/reference.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { LiveCollector } from '../live.ts'
import { type CaseResult, judge, type Suite } from '../suite.ts'

interface InvalidCase {
  readonly message: string
  readonly case: string
  readonly request: Signal
  readonly wrapped_hex: string
}

export const protoInvalid: Suite = {
  name: 'otlp/wire/proto-invalid',
  path: 'otlp/wire/proto-invalid.json',
  async *run(path) {
    const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: InvalidCase[] }
    const collector = await LiveCollector.start()
    try {
      for (const entry of cases.filter(c => c.wrapped_hex && c.request))
        yield await check(collector, entry)
    } finally {
      await collector.stop()
    }
  },
}

function check(collector: LiveCollector, entry: InvalidCase): Promise<CaseResult> {
  const bytes = Buffer.from(entry.wrapped_hex, 'hex')
  return judge(`${entry.message}/${entry.case}`, async () => {
    const fault = indexRequest(entry.request, bytes)
    assert.ok(isWireFault(fault), 'the kernel took it')
    assert.deepEqual(indexRequestReference(entry.request, bytes), fault, 'the two kernels disagree')

    const grpc = await collector.exportGrpc(entry.request, bytes)
    assert.equal(grpc.code, 3, `gRPC code ${grpc.code}, not INVALID_ARGUMENT`)
    assert.match(
      grpc.message,
      new RegExp(`\\b${fault.offset}\\b`),
      `no offset in "${grpc.message}"`,
    )

    const http = await collector.exportHttp(entry.request, bytes, 'application/x-protobuf')
    assert.equal(http.status, 400)
    assert.match(http.body.toString('latin1'), new RegExp(`\\b${fault.offset}\\b`))
  })
}
