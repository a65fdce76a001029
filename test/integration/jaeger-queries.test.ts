/** Jaeger's own traces, sent through us, answer Jaeger's own queries as its list says, and look as if nobody had stood between. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { freePorts } from '../harness/ports.ts'
import { type JaegerPeer, jaegerBinary, startJaeger } from './jaeger-peer.ts'
import { lacking } from './peer-cache.ts'
import { comparable, otlpHttpIn, PATIENT, ProofCollector, post } from './proof-kit.ts'

const FOLDER = resolve(
  process.env.CONFORMANCE_DATA ?? '../shared/data',
  'jaeger/integration-traces',
)
/** Jaeger's memory storage has no place for these: it does not find them either when it is sent OTLP itself. */
const ONLY_IN_NEWER_MODEL: ReadonlySet<string> = new Set(['Scope Attributes', 'Link Attributes'])

interface Listed {
  readonly Caption: string
  readonly Query: {
    readonly ServiceName: string
    readonly OperationName: string
    readonly Tags: Readonly<Record<string, unknown>> | null
    readonly StartTimeMin: string
    readonly StartTimeMax: string
    readonly DurationMin: number
    readonly DurationMax: number
    readonly NumTraces: number
  }
  readonly ExpectedFixtures: readonly string[]
}

interface Fixture {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly { readonly traceId: string }[] }[]
  }[]
}

test('Jaeger answers its own queries about traces that came through us', {
  skip: existsSync(FOLDER) ? lacking(jaegerBinary) : `there is no data at ${FOLDER}`,
}, async t => {
  const [jaeger, direct] = await Promise.all([startJaeger(t), startJaeger(t)])
  const [port] = await freePorts(1)
  const millrace = await ProofCollector.start(t, {
    receivers: { otlp: otlpHttpIn(port) },
    exporters: {
      jaeger: { endpoint: `127.0.0.1:${jaeger.grpcPort}`, tls: { insecure: true }, ...PATIENT },
    },
    pipelines: { traces: { receivers: ['otlp'], exporters: ['jaeger'] } },
  })
  const names = readdirSync(FOLDER).filter(name => !name.startsWith('_'))
  const fixtures = new Map(names.map(name => [name.slice(0, -'.json'.length), read(name)]))
  for (const name of names) {
    const body = readFileSync(join(FOLDER, name))
    for (const to of [port, direct.otlpHttpPort]) {
      await post(`http://127.0.0.1:${to}/v1/traces`, body, 'application/json')
    }
  }
  assert.equal(await millrace.stopExact(), 0)
  const traceIds = new Set([...fixtures.values()].flatMap(idsOf))

  await t.test('every trace is as if it had come directly', async () => {
    for (const id of traceIds) {
      const expected = comparable(await direct.trace(id))
      assert.ok(expected.length > 0)
      assert.deepEqual(comparable(await jaeger.trace(id)), expected)
    }
  })

  const listed = JSON.parse(readFileSync(join(FOLDER, '_queries.json'), 'utf8')) as Listed[]
  for (const { Caption, Query, ExpectedFixtures } of listed) {
    await t.test(`${Caption}: ${ExpectedFixtures}`, async () => {
      const expected = ExpectedFixtures.flatMap(name => idsOf(fixtures.get(name)!)).sort()
      const answer = await search(jaeger, Query)
      if (ONLY_IN_NEWER_MODEL.has(Caption)) {
        assert.deepEqual(await search(direct, Query), [])
        assert.ok(answer.length === 0 || answer.join() === expected.join())
      } else {
        assert.deepEqual(answer, expected)
      }
    })
  }
})

function read(name: string): Fixture {
  return JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Fixture
}

function idsOf({ resourceSpans }: Fixture): string[] {
  const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(each => each.spans))
  return [...new Set(spans.map(({ traceId }) => bare(traceId)))]
}

/** Jaeger leaves out zeros in front of the 128-bit form. */
function bare(traceId: string): string {
  return traceId.replace(/^0+/, '')
}

async function search(jaeger: JaegerPeer, query: Listed['Query']): Promise<string[]> {
  const tags = Object.entries(query.Tags ?? {}).map(([key, value]) => [key, String(value)])
  const parameters = {
    service: query.ServiceName,
    limit: String(query.NumTraces),
    start: micros(query.StartTimeMin),
    end: micros(query.StartTimeMax),
    ...(query.OperationName !== '' && { operation: query.OperationName }),
    ...(tags.length > 0 && { tags: JSON.stringify(Object.fromEntries(tags)) }),
    ...(query.DurationMin > 0 && { minDuration: `${query.DurationMin}ns` }),
    ...(query.DurationMax > 0 && { maxDuration: `${query.DurationMax}ns` }),
  }
  const traces = await jaeger.search(parameters)
  return traces.map(({ traceID }) => bare(traceID)).sort()
}

/** The dates of the list have microseconds, which Date leaves out. */
function micros(date: string): string {
  const [, fraction] = /\.(\d{6})Z$/.exec(date) ?? []
  assert.ok(fraction, date)
  return `${Math.floor(Date.parse(date) / 1000)}${fraction}`
}
