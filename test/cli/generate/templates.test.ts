/** Generated requests: as many items as asked for, new ids and present times, relations kept. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TemplateSet } from '../../../src/cli/generate/templates.ts'
import { SIGNALS } from '../../../src/core/signal.ts'
import { decodeRequest, type LogRecord, type Span } from '../../../src/exporters/debug/messages.ts'

const NOW = Date.UTC(2027, 5, 1, 12)

async function spansOf(sequence: number, items = 200, seed = 1): Promise<Span[]> {
  const set = await TemplateSet.create('proto', seed)
  const request = decodeRequest('traces', set.request('traces', items, sequence, NOW))
  return request.flatMap(({ scopes }) => scopes.flatMap(scope => [...scope.items]))
}

async function logsOf(sequence: number, items = 200): Promise<LogRecord[]> {
  const set = await TemplateSet.create('proto', 1)
  const request = decodeRequest('logs', set.request('logs', items, sequence, NOW))
  return request.flatMap(({ scopes }) => scopes.flatMap(scope => [...scope.items]))
}

function hex(id: Iterable<number>): string {
  return Buffer.from([...id]).toString('hex')
}

for (const items of [1, 7, 512]) {
  test(`makes requests of exactly ${items} spans and log records`, async () => {
    assert.equal((await spansOf(0, items)).length, items)
    assert.equal((await logsOf(0, items)).length, items)
  })
}

test('makes requests of exactly as many data points as asked for, of all kinds that SDKs send', async () => {
  const set = await TemplateSet.create('proto', 1)
  const request = decodeRequest('metrics', set.request('metrics', 70, 0, NOW))
  const metrics = request.flatMap(({ scopes }) => scopes.flatMap(scope => [...scope.items]))

  const kinds = new Set<string>()
  let points = 0
  for (const metric of metrics) {
    for (const kind of ['gauge', 'sum', 'histogram', 'exponentialHistogram'] as const) {
      if (!Object.hasOwn(metric, kind)) continue
      kinds.add(kind)
      points += metric[kind].dataPoints.length
    }
  }
  assert.equal(points, 70)
  assert.equal(kinds.size, 4)
})

test('gives every request trace and span ids of its own', async () => {
  const ids = new Set<string>()
  let spans = 0
  for (let sequence = 0; sequence < 40; sequence++) {
    for (const span of await spansOf(sequence, 50)) {
      ids.add(`${hex(span.traceId)}${hex(span.spanId)}`)
      spans++
    }
  }
  assert.equal(ids.size, spans)
})

test('keeps parents within their trace after new ids are stamped', async () => {
  const spans = await spansOf(13)

  const known = new Set(spans.map(({ traceId, spanId }) => `${hex(traceId)} ${hex(spanId)}`))
  for (const { traceId, parentSpanId } of spans) {
    if (parentSpanId.length === 0) continue
    assert.ok(known.has(`${hex(traceId)} ${hex(parentSpanId)}`))
  }
  const roots = spans.filter(({ parentSpanId }) => parentSpanId.length === 0)
  assert.ok(roots.length > 1 && roots.length < spans.length)
})

test('names the spans of the traces with the same number in the logs', async () => {
  const known = new Set((await spansOf(13)).map(({ spanId }) => hex(spanId)))

  for (const { spanId } of await logsOf(13)) assert.ok(known.has(hex(spanId)))
})

test('moves times to the present and keeps durations', async () => {
  const [before] = await spansOf(0)
  const [after] = await spansOf(8)

  const startMs = Number(BigInt(after.startTimeUnixNano.toString()) / 1_000_000n)
  assert.ok(startMs > NOW - 5000 && startMs <= NOW)
  const length = (span: Span) =>
    BigInt(span.endTimeUnixNano.toString()) - BigInt(span.startTimeUnixNano.toString())
  assert.equal(length(after), length(before))
  assert.ok(length(after) > 0n)
})

test('makes the same telemetry from the same seed and other telemetry from another', async () => {
  const names = async (seed: number) => (await spansOf(3, 100, seed)).map(({ name }) => name)

  assert.deepEqual(await names(5), await names(5))
  assert.notDeepEqual(await names(5), await names(6))
})

test('stamps JSON requests like protobuf ones', async () => {
  const json = await TemplateSet.create('json', 1)
  const request = JSON.parse(json.request('traces', 200, 13, NOW).toString())

  const spans = await spansOf(13)
  const stamped = request.resourceSpans.flatMap((group: { scopeSpans: { spans: object[] }[] }) =>
    group.scopeSpans.flatMap(scope => scope.spans),
  )
  assert.deepEqual(
    stamped.map((span: Record<string, string>) => [
      span.traceId,
      span.spanId,
      span.parentSpanId ?? '',
      span.startTimeUnixNano,
      span.endTimeUnixNano,
    ]),
    spans.map(span => [
      hex(span.traceId),
      hex(span.spanId),
      hex(span.parentSpanId),
      span.startTimeUnixNano.toString(),
      span.endTimeUnixNano.toString(),
    ]),
  )
})

for (const signal of SIGNALS) {
  test(`leaves the bytes of a ${signal} template as they are`, async () => {
    const set = await TemplateSet.create('proto', 1)
    const first = set.request(signal, 20, 0, NOW)
    set.request(signal, 20, 8, NOW + 1)

    assert.deepEqual(set.request(signal, 20, 0, NOW), first)
  })
}
