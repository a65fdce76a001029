/** The same section, the same requests: what the Go collector's component makes of them and what ours does. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { validateComponentConfig } from '../../src/config/judge.ts'
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../src/core/batch.ts'
import type { Factory } from '../../src/core/factory.ts'
import { Payload } from '../../src/core/payload.ts'
import { HTTP_EXPORT_PATH, type Signal } from '../../src/core/signal.ts'
import { encodeParts, flatten } from '../../src/otlp/encode.ts'
import { decodeJson } from '../../src/otlp/json/decode.ts'
import { encodeJson } from '../../src/otlp/json/encode.ts'
import { indexRequestReference } from '../../src/otlp/kernel/reference.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'
import { assertBalanced, CollectingConsumer, fakeServices } from '../../src/testing/fakes.ts'
import { BUILTINS } from '../harness/builtins.ts'
import { freePorts } from '../harness/ports.ts'
import { startProcess, waitForPort } from '../harness/process.ts'
import { goCollector } from './peers.ts'

export interface ComponentCase {
  readonly name: string
  /** Type of the processor. */
  readonly type: string
  readonly section: object
  readonly signal: Signal
  /** OTLP/JSON export requests. */
  readonly requests: readonly object[]
}

/** What came out, one JSON request for each that was not dropped whole. */
export type Answer = readonly unknown[]

export interface AskGoOptions {
  /** For the collector, such as feature gates. */
  readonly args?: readonly string[]
  /** Called before request number `n` of all cases, from 1 on. */
  readonly before?: (n: number) => Promise<void>
}

/** One Go collector for all cases, with a pipeline for each. */
export async function askGo(
  cases: readonly ComponentCase[],
  { args = [], before }: AskGoOptions = {},
): Promise<readonly Answer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-differential-'))
  const ports = await freePorts(cases.length)
  const file = (i: number): string => join(folder, `${i}.jsonl`)
  const section = (make: (i: number) => [string, object]) =>
    Object.fromEntries(cases.map((_, i) => make(i)))
  const config = {
    receivers: section(i => [
      `otlp/${i}`,
      { protocols: { http: { endpoint: `127.0.0.1:${ports[i]}` } } },
    ]),
    processors: section(i => [`${cases[i].type}/${i}`, cases[i].section]),
    exporters: section(i => [`file/${i}`, { path: file(i) }]),
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: section(i => [
        `${cases[i].signal}/${i}`,
        {
          receivers: [`otlp/${i}`],
          processors: [`${cases[i].type}/${i}`],
          exporters: [`file/${i}`],
        },
      ]),
    },
  }
  const yaml = `yaml:${JSON.stringify(config).replaceAll('$', () => '$$')}`
  try {
    const go = await startProcess(
      goCollector(),
      ['--config', yaml, ...args],
      ports[ports.length - 1],
    )
    try {
      for (const port of ports) await waitForPort(port, 20_000)
      const rounds = Math.max(...cases.map(({ requests }) => requests.length))
      for (let n = 0; n < rounds; n++) {
        if (n > 0) await before?.(n)
        for (const [i, { signal, requests }] of cases.entries()) {
          if (n < requests.length) await post(ports[i], signal, requests[n])
        }
      }
    } finally {
      await go.stop()
    }
    return cases.map((each, i) => readAnswers(each.signal, file(i)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function post(port: number, signal: Signal, body: object): Promise<void> {
  const answer = await request(`http://127.0.0.1:${port}${HTTP_EXPORT_PATH[signal]}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await answer.body.text()
  assert.equal(answer.statusCode, 200, text)
}

function readAnswers(signal: Signal, file: string): Answer {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => readable(signal, toBytes(signal, line)))
}

/** The same by our component, without a collector around it. */
export async function askOurs(each: ComponentCase): Promise<Answer> {
  const { type, section, signal, requests } = each
  const factory = BUILTINS.find(f => f.kind === 'processor' && f.meta.id === type)
  assert.ok(factory, `no processor ${type}`)
  assert.deepEqual(validateComponentConfig(factory, section), [])
  const services = fakeServices()
  const next = new CollectingConsumer()
  const config = factory.config.schema.parse(section)
  const processor = (factory as Factory<'processor', unknown>).create(
    { ...services, id: type, config, signals: [signal] },
    next,
  )
  for (const body of requests) {
    const batch = batchOf(signal, toBytes(signal, JSON.stringify(body)))
    services.ledger.accepted(DEFAULT_TENANT, signal, batch.items)
    const outcome = await processor.consume(batch)
    assert.deepEqual(outcome, { kind: 'accepted' })
  }
  const answers = next.batches.map(batch => readable(signal, flatten(encodeParts(batch.parts))))
  services.ledger.sent(DEFAULT_TENANT, signal, next.items)
  next.releaseAll()
  assertBalanced(services.ledger)
  return answers
}

export function batchOf(signal: Signal, bytes: Uint8Array): Batch {
  const index = indexRequestReference(signal, bytes)
  assert.ok(!isWireFault(index))
  const payload = new Payload(bytes)
  const part = { payload, index, selection: null, edits: null, items: index.items }
  return new Batch(signal, DEFAULT_TENANT, NO_CONTEXT, [part])
}

export function toBytes(signal: Signal, json: string): Uint8Array {
  const bytes = decodeJson(signal, Buffer.from(json))
  assert.ok(bytes instanceof Uint8Array, JSON.stringify(bytes))
  return bytes
}

function readable(signal: Signal, bytes: Uint8Array): unknown {
  return comparable(JSON.parse(Buffer.from(encodeJson(signal, bytes)).toString()))
}

/** The Go collector writes these messages whether they were there or not. */
const ALWAYS_WRITTEN: ReadonlySet<string> = new Set(['resource', 'scope', 'status'])

function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, key === 'attributes' ? sorted(inner) : comparable(inner)] as const)
    .filter(([key, inner]) => !ALWAYS_WRITTEN.has(key) || Object.keys(inner as object).length > 0)
  return Object.fromEntries(kept)
}

/** Deleting a key moves others there; their order means nothing. */
function sorted(attributes: { key: string }[]): unknown {
  return comparable([...attributes].sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key))))
}
