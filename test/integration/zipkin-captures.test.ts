/** Captures of real Zipkin traffic, sent through us into a real Zipkin, are told by it as when it got them directly. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { gunzipSync } from 'node:zlib'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { lacking } from './peer-cache.ts'
import { PATIENT, ProofCollector, post } from './proof-kit.ts'
import { startZipkin, type ZipkinPeer, type ZipkinSpan, zipkinJar } from './zipkin-peer.ts'

const FOLDER = resolve(process.env.CONFORMANCE_DATA ?? '../shared/data', 'zipkin/captures')
const FORMATS = ['json', 'proto'] as const
const ARRIVES_MS = 30_000

test('captures of Zipkin come out of Zipkin as they went in', {
  skip: existsSync(FOLDER) ? lacking(zipkinJar) : `there is no data at ${FOLDER}`,
}, async t => {
  const [direct, ...zipkins] = await Promise.all([
    startZipkin(t),
    ...FORMATS.map(() => startZipkin(t)),
  ])
  const ports = await freePorts(FORMATS.length)
  const millrace = await ProofCollector.start(t, {
    receivers: section(i => ['zipkin', { endpoint: `127.0.0.1:${ports[i]}` }]),
    exporters: section(i => [
      'zipkin',
      // The captures have a span that names no service.
      {
        endpoint: zipkins[i].spansUrl,
        format: FORMATS[i],
        default_service_name: '',
        ...PATIENT,
      },
    ]),
    pipelines: section(i => [
      'traces',
      { receivers: [`zipkin/${FORMATS[i]}`], exporters: [`zipkin/${FORMATS[i]}`] },
    ]),
  })

  for (const name of readdirSync(FOLDER).sort()) {
    const capture = readCapture(name)
    const spans = JSON.parse(capture.toString()) as ZipkinSpan[]
    await post(direct.spansUrl, capture, 'application/json')
    for (const [i, format] of FORMATS.entries()) {
      await t.test(`${name}, out as ${format}`, async () => {
        await post(`http://127.0.0.1:${ports[i]}/api/v2/spans`, capture, 'application/json')
        for (const traceId of new Set(spans.map(span => span.traceId))) {
          const expected = await settled(direct, traceId, 1)
          const found = await settled(zipkins[i], traceId, expected.length)
          assert.deepEqual(found, expected)
        }
      })
    }
  }

  assert.equal(await millrace.stopExact(), 0)
})

function section(make: (i: number) => [string, object]): object {
  const entries = FORMATS.map((format, i) => {
    const [type, value] = make(i)
    return [`${type}/${format}`, value]
  })
  return Object.fromEntries(entries)
}

function readCapture(name: string): Buffer {
  const bytes = readFileSync(join(FOLDER, name))
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes
}

/** The trace once it has as many spans, in an order of its own, tags by key, without what is added on purpose. */
async function settled(zipkin: ZipkinPeer, traceId: string, atLeast: number): Promise<unknown[]> {
  let spans: ZipkinSpan[] = []
  const isThere = async (): Promise<boolean> => {
    spans = await zipkin.trace(traceId)
    return spans.length >= atLeast
  }
  await eventually(isThere, ARRIVES_MS, `${atLeast} spans of ${traceId} are in Zipkin`)
  const texts = spans.map(span => JSON.stringify(withSortedKeys(withoutAdded(span))))
  return texts.sort().map(text => JSON.parse(text))
}

/**
 * Without the specification's tag for a failed span, which Zipkin tells by `error` alone, and without text in the place of
 * an address that is none (52.0.0.04): Zipkin passes that on in JSON, we keep it as a tag.
 */
function withoutAdded(span: ZipkinSpan): ZipkinSpan {
  const tags = Object.entries((span.tags ?? {}) as Record<string, string>).filter(([key, value]) =>
    ADDRESSES.has(key) ? isIP(value) !== 0 : key !== 'otel.status_code' || value !== 'ERROR',
  )
  return {
    ...span,
    tags: Object.fromEntries(tags),
    localEndpoint: withRealAddress(span.localEndpoint),
    remoteEndpoint: withRealAddress(span.remoteEndpoint),
  }
}

const ADDRESSES: ReadonlySet<string> = new Set(['network.local.address', 'network.peer.address'])

function withRealAddress(endpoint: unknown): object {
  const { ipv4, ...rest } = (endpoint ?? {}) as { readonly ipv4?: string }
  return ipv4 === undefined || isIP(ipv4) === 0 ? rest : { ipv4, ...rest }
}

function withSortedKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(withSortedKeys)
  const entries = Object.entries(value).map(([key, each]) => [key, withSortedKeys(each)] as const)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}
