/** How the receiver answers over HTTP, and how the exporter takes answers, as other people's tests have it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { busy, type Outcome, refused } from '../../../src/core/outcome.ts'
import { compress } from '../../../src/net/compression.ts'
import { type HttpAnswer, LiveCollector } from '../live.ts'
import { type CaseResult, judge, type Suite } from '../suite.ts'

interface InvalidRequest {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly request_content_type: string
  readonly request_body: string
  readonly expect: {
    readonly status: number
    readonly content_type: string
    readonly body?: string
  }
}

interface OkRequest {
  readonly request_content_type: string
  readonly content_encoding: string
  readonly expect: { readonly status: number; readonly content_type_prefix: string }
}

interface BadEncoding {
  readonly content_type?: string
  readonly content_encoding: string
  readonly body?: string
  readonly expect: {
    readonly status?: number
    readonly content_type?: string
    readonly json?: object
    readonly status_message?: string
    readonly message?: string
  }
}

interface PipelineError {
  readonly pipeline_error: string
  readonly message?: string
  readonly expect: {
    readonly status: number
    readonly status_code?: number
    readonly retry_after?: string | null
  }
}

interface Behaviours {
  readonly receiver_invalid_requests: readonly InvalidRequest[]
  readonly receiver_ok: readonly OkRequest[]
  readonly receiver_bad_encoding: readonly BadEncoding[]
  readonly receiver_pipeline_errors: readonly PipelineError[]
  readonly body_limit: readonly {
    limit: string
    expect: { status?: number; status_spec?: number }
  }[]
  readonly json_request_cases: readonly { json: string; expect: string }[]
}

export const httpBehaviours: Suite = {
  name: 'otlp/wire/http-behaviours',
  path: 'otlp/wire/http-behaviours.json',
  async *run(path) {
    const data = JSON.parse(readFileSync(path, 'utf8')) as Behaviours
    const live = await LiveCollector.start()
    try {
      yield* invalidRequests(live, data.receiver_invalid_requests ?? [])
      yield* okRequests(live, data.receiver_ok ?? [])
      yield* badEncodings(live, data.receiver_bad_encoding ?? [])
      yield* pipelineErrors(live, data.receiver_pipeline_errors ?? [])
      yield* jsonRequests(live, data.json_request_cases ?? [])
    } finally {
      await live.stop()
    }
    yield* bodyLimits(data.body_limit ?? [])
  },
}

async function* invalidRequests(
  live: LiveCollector,
  cases: readonly InvalidRequest[],
): AsyncIterable<CaseResult> {
  for (const [i, c] of cases.entries()) {
    yield await judge(
      `receiver_invalid_requests/${i} ${c.method} ${c.path} ${c.name}`,
      async () => {
        const headers: Record<string, string> = {}
        if (c.request_content_type !== '') headers['content-type'] = c.request_content_type
        const body = c.method === 'GET' ? undefined : c.request_body
        const answer = await live.http(c.method, c.path, headers, body)
        assert.equal(answer.status, c.expect.status)
        assert.ok(contentType(answer).startsWith(c.expect.content_type), contentType(answer))
        if (c.expect.body !== undefined) assert.equal(answer.body.toString().trim(), c.expect.body)
      },
    )
  }
}

async function* okRequests(
  live: LiveCollector,
  cases: readonly OkRequest[],
): AsyncIterable<CaseResult> {
  const json = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'a' }] }] }] })
  const proto = Buffer.from('0a0712051203' + '2a0161', 'hex')
  for (const c of cases) {
    yield await judge(`receiver_ok/${c.request_content_type} ${c.content_encoding}`, async () => {
      live.received.length = 0
      const plain = /json/i.test(c.request_content_type) ? Buffer.from(json) : proto
      const body = await encode(c.content_encoding, plain)
      const answer = await live.exportHttp(
        'traces',
        body,
        c.request_content_type,
        c.content_encoding,
      )
      assert.equal(answer.status, c.expect.status, answer.body.toString())
      assert.ok(contentType(answer).startsWith(c.expect.content_type_prefix))
      assert.equal(live.received[0]?.items, 1)
    })
  }
}

async function* badEncodings(
  live: LiveCollector,
  cases: readonly BadEncoding[],
): AsyncIterable<CaseResult> {
  for (const [i, c] of cases.entries()) {
    yield await judge(`receiver_bad_encoding/${i} ${c.content_encoding}`, async () => {
      const type = c.content_type === '(none)' ? '' : (c.content_type ?? 'application/json')
      const answer = await live.exportHttp('traces', c.body ?? '{}', type, c.content_encoding)
      const text = answer.body.toString('latin1')
      if (c.expect.status !== undefined) assert.equal(answer.status, c.expect.status, text)
      if (c.expect.content_type !== undefined)
        assert.equal(contentType(answer), c.expect.content_type)
      if (c.expect.json !== undefined) assert.deepEqual(JSON.parse(text), c.expect.json)
      for (const message of [c.expect.status_message, c.expect.message]) {
        if (message !== undefined) assert.ok(text.includes(message), text)
      }
    })
  }
}

/** The reference's errors as the outcomes that mean the same here. */
function outcomeOf(error: string): Outcome {
  const delay = /RetryInfo (\d+)s/.exec(error)?.[1]
  if (/RESOURCE_EXHAUSTED/.test(error)) return busy(Number(delay ?? 0) * 1000, 'quota')
  if (/INVALID_ARGUMENT/.test(error)) return refused(1, 'bad_data', 'Bad Request')
  if (/plain|UNAVAILABLE|DEADLINE_EXCEEDED/.test(error)) return busy(1000, 'unavailable')
  return refused(1, 'rejected', 'my error')
}

async function* pipelineErrors(
  live: LiveCollector,
  cases: readonly PipelineError[],
): AsyncIterable<CaseResult> {
  for (const [i, c] of cases.entries()) {
    yield await judge(`receiver_pipeline_errors/${i} ${c.pipeline_error}`, async () => {
      live.answer = outcomeOf(c.pipeline_error)
      const json = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'a' }] }] }] })
      const answer = await live.exportHttp('traces', json, 'application/json')
      assert.equal(answer.status, c.expect.status)
      if (c.expect.status_code !== undefined) {
        assert.equal(
          (JSON.parse(answer.body.toString()) as { code: number }).code,
          c.expect.status_code,
        )
      }
      if (typeof c.expect.retry_after === 'string') {
        assert.equal(answer.headers['retry-after'], c.expect.retry_after)
      }
    })
  }
}

async function* jsonRequests(
  live: LiveCollector,
  cases: readonly { json: string }[],
): AsyncIterable<CaseResult> {
  for (const c of cases) {
    yield await judge(`json_request_cases/${c.json}`, async () => {
      const answer = await live.exportHttp('traces', c.json, 'application/json')
      assert.equal(answer.status, 200, answer.body.toString())
    })
  }
}

async function* bodyLimits(cases: Behaviours['body_limit']): AsyncIterable<CaseResult> {
  const body = Buffer.from('0a07120512032a0161', 'hex')
  for (const c of cases) {
    yield await judge(`body_limit/${c.limit}`, async () => {
      const limit = body.length - (c.limit.includes('- 1') ? 1 : 0)
      const live = await LiveCollector.start({ max_request_body_size: limit })
      try {
        const answer = await live.exportHttp('traces', body, 'application/x-protobuf')
        assert.equal(answer.status, c.expect.status ?? c.expect.status_spec)
      } finally {
        await live.stop()
      }
    })
  }
}

async function encode(encoding: string, plain: Buffer): Promise<Uint8Array> {
  if (encoding === '') return plain
  if (encoding === 'gzip') return gzipSync(plain)
  return compress(encoding as 'zstd', [plain], plain.length)
}

function contentType(answer: HttpAnswer): string {
  return String(answer.headers['content-type'] ?? '')
}
