/** How the exporters take a destination's answers: which are tried again and which are given up, over HTTP and gRPC. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer as createHttp, type Server } from 'node:http'
import { createServer as createHttp2, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { decodeExportResponse, isResponseFault } from '../../../src/otlp/responses.ts'
import { eventually } from '../../harness/process.ts'
import { sampleRequest } from '../../harness/samples.ts'
import { LiveCollector } from '../live.ts'
import { type CaseResult, judge, type Suite } from '../suite.ts'

interface Behaviours {
  readonly exporter_responses?: readonly {
    readonly name: string
    readonly server_status: number
    readonly server_headers: Readonly<Record<string, string>>
    readonly expect: { readonly retry: boolean }
  }[]
  readonly grpc_retryable?: Readonly<Record<string, boolean | string>>
  readonly json_response_cases?: readonly { readonly json: string; readonly expect: string }[]
}

const GRPC_CODES: readonly string[] = [
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND'],
  ...[
    'ALREADY_EXISTS',
    'PERMISSION_DENIED',
    'RESOURCE_EXHAUSTED',
    'FAILED_PRECONDITION',
    'ABORTED',
  ],
  ...['OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'],
]

export const exporterBehaviours: Suite = {
  name: 'otlp/wire/http-behaviours (exporters)',
  path: 'otlp/wire/http-behaviours.json',
  async *run(path) {
    const data = JSON.parse(readFileSync(path, 'utf8')) as Behaviours
    for (const c of data.exporter_responses ?? []) {
      yield await judge(`exporter_responses/${c.name}`, () =>
        judgeHttp(c.server_status, c.server_headers, c.expect.retry),
      )
    }
    for (const [code, retry] of Object.entries(data.grpc_retryable ?? {})) {
      // Without RetryInfo the reference gives RESOURCE_EXHAUSTED up and loses data; here it is always tried again.
      yield await judge(`grpc_retryable/${code}`, () => judgeGrpc(code, retry !== false))
    }
    yield* jsonResponses(data.json_response_cases ?? [])
  },
}

async function judgeHttp(
  status: number,
  headers: Readonly<Record<string, string>>,
  retry: boolean,
): Promise<void> {
  const server = createHttp((req, res) => {
    req.resume().on('end', () => res.writeHead(status, headers).end('not a status'))
  })
  const port = await listen(server)
  const endpoint = `http://127.0.0.1:${port}`
  try {
    await judgeExporter('otlp_http', { endpoint }, retry, () => server.closeAllConnections())
  } finally {
    server.close()
  }
}

async function judgeGrpc(code: string, retry: boolean): Promise<void> {
  const status = String(GRPC_CODES.indexOf(code))
  const server = createHttp2()
  server.on('stream', stream => {
    stream.on('error', () => {})
    stream.resume().on('end', () => {
      const headers = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': status }
      stream.respond(headers, { endStream: true })
    })
  })
  const port = await listen(server)
  const endpoint = `127.0.0.1:${port}`
  try {
    await judgeExporter('otlp_grpc', { endpoint, tls: { insecure: true } }, retry, () => {})
  } finally {
    server.close()
  }
}

/** One request goes in; what the ledger says after the first answer is what the exporter thinks of it. */
async function judgeExporter(
  type: string,
  target: object,
  retry: boolean,
  closeConnections: () => void,
): Promise<void> {
  const retrying = { initial_interval: '1h', max_interval: '1h', max_elapsed_time: '0s' }
  const live = await LiveCollector.start({}, { [type]: { ...target, retry_on_failure: retrying } })
  try {
    const { bytes } = sampleRequest('traces', 1)
    await live.exportHttp('traces', bytes, 'application/x-protobuf')
    const failed = (): boolean => live.ledger().some(row => row.dropped.length > 0)
    const parked = (): boolean => live.statusOf(type) === 'recoverable_error'
    // While the bad items of a request are searched the exporter is not well either, so that alone says nothing.
    if (retry) await eventually(parked, 5000, 'the exporter tries again')
    else await eventually(failed, 5000, 'the exporter gives up')
    assert.equal(failed(), !retry)
  } finally {
    closeConnections()
    await live.stop()
  }
}

async function* jsonResponses(
  cases: NonNullable<Behaviours['json_response_cases']>,
): AsyncIterable<CaseResult> {
  for (const c of cases) {
    yield await judge(`json_response_cases/${c.json}`, () => {
      const answer = decodeExportResponse('traces', Buffer.from(c.json), 'json')
      assert.ok(answer === null || !isResponseFault(answer), JSON.stringify(answer))
      const rejected = /rejectedSpans=(\d+)/.exec(c.expect)?.[1]
      if (rejected !== undefined) assert.equal(answer?.rejected, Number(rejected))
    })
  }
}

async function listen(server: Server | Http2Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
