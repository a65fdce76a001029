/** What the proofs with real servers share: collectors that must end with exact books, OTLP posted to them, Jaeger's answers made comparable. */
import assert from 'node:assert/strict'
import { assertExact, logged } from '../faults/kit.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, type Running, startMillrace, startProcess } from '../harness/process.ts'
import type { JaegerTag, JaegerTrace } from './jaeger-peer.ts'
import type { Scope } from './peer-process.ts'
import { goCollector } from './peers.ts'

/** Sections of a configuration; without self-metrics, so that many run side by side. */
export interface Sections {
  readonly receivers: object
  readonly processors?: object
  readonly connectors?: object
  readonly exporters: object
  readonly extensions?: object
  readonly pipelines: object
}

const START_MS = 30_000
/** Less than what `node --test` and the lanes around it wait for; long enough for queues on a loaded machine. */
const STOP_MS = 30_000

export class ProofCollector {
  readonly running: Running

  private constructor(running: Running) {
    this.running = running
  }

  static async start(t: Scope, sections: Sections, extra: readonly string[] = []) {
    const [health] = await freePorts(1)
    const args = ['--no-admin-socket', '--shutdown-timeout', '20s', ...extra]
    const running = await startMillrace(yamlOf(sections, health), health, args)
    t.after(() => running.stop())
    const collector = new ProofCollector(running)
    await collector.hasLogged('started')
    return collector
  }

  get output(): string {
    return this.running.output()
  }

  hasLogged(event: string): Promise<void> {
    const has = (): boolean => this.output.includes(`"event":"${event}"`)
    return eventually(has, START_MS, `it logs ${event}\n${this.output.slice(-2000)}`)
  }

  /** SIGTERM; every row of its book is balanced, and it says that all is well. Answers what it dropped. */
  async stopExact(): Promise<number> {
    const code = await this.running.stop(STOP_MS)
    const rows = logged(this.output, 'ledger')
    assertExact({ code, rows: rows as never, output: this.output })
    assert.equal(code, 0, this.output)
    return rows.reduce((sum, row) => sum + Number(row.dropped ?? 0), 0)
  }
}

function yamlOf({ pipelines, extensions = {}, ...sections }: Sections, health: number): string {
  const all = { health_check: { endpoint: `127.0.0.1:${health}` }, ...extensions }
  return JSON.stringify({
    ...sections,
    extensions: all,
    service: {
      telemetry: { metrics: { level: 'none' } },
      extensions: Object.keys(all),
      pipelines,
    },
  })
}

/** The Go collector with the same sections, ready when `port` accepts connections. */
export async function startGo(
  t: Scope,
  components: readonly string[],
  { pipelines, ...sections }: Sections,
  port: number,
): Promise<Running> {
  const config = {
    ...sections,
    service: { telemetry: { metrics: { level: 'none' } }, pipelines },
  }
  const yaml = `yaml:${JSON.stringify(config)}`
  const go = await startProcess(goCollector(components), ['--config', yaml], port)
  t.after(() => go.stop())
  return go
}

export function otlpHttpIn(port: number): object {
  return { protocols: { http: { endpoint: `127.0.0.1:${port}` } } }
}

/** Quick to try again, and never tired of it. */
export const PATIENT = {
  retry_on_failure: { initial_interval: '100ms', max_interval: '1s', max_elapsed_time: '0s' },
} as const

export async function post(
  url: string,
  body: Uint8Array | string,
  type = 'application/x-protobuf',
): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': type },
    body: Buffer.from(body),
  })
  const text = await response.text()
  assert.ok(response.ok, `${url}: ${response.status} ${text}`)
}

/** A trace of Jaeger's API in an order that does not depend on who wrote it, with services in place of process ids. */
export function comparable(trace: JaegerTrace | undefined): object[] {
  if (trace === undefined) return []
  const spans = trace.spans.map(span => ({
    traceID: span.traceID,
    spanID: span.spanID,
    name: span.operationName,
    service: trace.processes[span.processID].serviceName,
    resource: sortedTags(trace.processes[span.processID].tags),
    references: inOrder(
      span.references.map(({ refType, traceID, spanID }) => ({ refType, traceID, spanID })),
    ),
    startTime: span.startTime,
    duration: span.duration,
    tags: sortedTags(span.tags),
    logs: inOrder(
      span.logs.map(({ timestamp, fields }) => ({ timestamp, fields: sortedTags(fields) })),
    ),
  }))
  return inOrder(spans)
}

/** By which of its ways in a span came, which Jaeger adds itself. */
const FORMAT_TAG = '@jaeger@format'

function sortedTags(tags: readonly JaegerTag[]): object[] {
  const own = tags.filter(({ key }) => key !== FORMAT_TAG)
  return inOrder(own.map(({ key, type, value }) => ({ key, type, value })))
}

function inOrder<T extends object>(list: readonly T[]): T[] {
  return list
    .map(item => ({ item, text: JSON.stringify(item) }))
    .sort((a, b) => (a.text < b.text ? -1 : Number(a.text > b.text)))
    .map(({ item }) => item)
}
