/**
 * The sampler under demonstration: a small shop's traces, with an incident half-way, through a collector of their own on
 * pipelines/shop.yaml. What arrives behind it is decoded by protobufjs and compared with what the shop knows.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Incident, Shop, type ShopTrace } from '../../bench/corpus/shop.ts'
import { decodeRequest, type Span } from '../../src/exporters/debug/messages.ts'
import { parseThreshold, thresholdToProbability } from '../../src/sampler/threshold.ts'
import { CollectorProcess, usualPortOrOther } from './collector.ts'

const TRACES_PER_SECOND = 400
const BATCH_EVERY_MS = 100
const SEED = 7
const INCIDENT: Incident = { service: 'payment', slowdown: 10, share: 0.9, failing: 0.2 }
/** The incident's begin and end, as shares of the time. */
const FROM = 0.5
const TO = 0.8
const THRESHOLD = /(?:^|[=;])th:([0-9a-f]+)/

export interface ShopReport {
  readonly traces: number
  readonly symptomatic: number
  readonly kept: number
  readonly keptSymptomatic: number
  /** How many traces the kept ones say that they stand for. */
  readonly adjusted: number
  readonly refused: number
  readonly exitCode: number | null
}

export class ShopDemo {
  readonly #url: string
  readonly #collector: CollectorProcess
  readonly #sink: KeptTraces
  readonly #shop = new Shop(SEED)
  readonly #sent: ShopTrace[] = []
  #refused = 0

  private constructor(http: number, collector: CollectorProcess, sink: KeptTraces) {
    this.#url = `http://127.0.0.1:${http}/v1/traces`
    this.#collector = collector
    this.#sink = sink
  }

  static async start(logPath: string): Promise<ShopDemo> {
    const sink = new KeptTraces()
    const backend = await sink.start()
    const http = await usualPortOrOther(0)
    const health = await usualPortOrOther(0)
    const env = {
      SHOP_HTTP: `127.0.0.1:${http}`,
      SHOP_BACKEND: `127.0.0.1:${backend}`,
      SHOP_HEALTH: `127.0.0.1:${health}`,
    }
    const url = `http://127.0.0.1:${health}`
    return new ShopDemo(http, await CollectorProcess.start('shop.yaml', env, url, logPath), sink)
  }

  /** People shop for so long. */
  async run(seconds: number): Promise<void> {
    const beginMs = Date.now()
    const endMs = beginMs + seconds * 1000
    for (let nowMs = beginMs; nowMs < endMs; nowMs = Date.now()) {
      const share = (nowMs - beginMs) / (endMs - beginMs)
      const due = Math.round((TRACES_PER_SECOND * (nowMs - beginMs)) / 1000) - this.#sent.length
      await this.#send(due, nowMs, share >= FROM && share < TO ? INCIDENT : null)
      await new Promise(resolve => setTimeout(resolve, BATCH_EVERY_MS))
    }
  }

  async #send(count: number, nowMs: number, incident: Incident | null): Promise<void> {
    if (count <= 0) return
    const traces = Array.from({ length: count }, () => this.#shop.trace(nowMs, incident))
    this.#sent.push(...traces)
    // Requests one after the other are one request: repeated fields of protobuf.
    const body = Buffer.concat(traces.map(({ request }) => request))
    const headers = { 'content-type': 'application/x-protobuf' }
    const answer = await fetch(this.#url, { method: 'POST', headers, body }).catch(() => null)
    if (answer?.ok !== true) this.#refused += count
  }

  /** Ends the collector, which decides what it holds, and counts. */
  async report(): Promise<ShopReport> {
    const exitCode = await this.#collector.stop()
    await this.#sink.stop()
    const kept = this.#sent.filter(({ traceId }) => this.#sink.adjusted.has(traceId))
    let adjusted = 0
    for (const { traceId } of kept) adjusted += this.#sink.adjusted.get(traceId)!
    return {
      traces: this.#sent.length,
      symptomatic: countSymptomatic(this.#sent),
      kept: kept.length,
      keptSymptomatic: countSymptomatic(kept),
      adjusted,
      refused: this.#refused,
      exitCode,
    }
  }
}

function countSymptomatic(traces: readonly ShopTrace[]): number {
  return traces.filter(trace => trace.isSymptomatic).length
}

/** A backend that notes which traces come, and how many each stands for. */
class KeptTraces {
  readonly adjusted = new Map<string, number>()
  readonly #server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    for (const { scopes } of decodeRequest('traces', Buffer.concat(chunks))) {
      for (const { items } of scopes) for (const span of items as Span[]) this.#note(span)
    }
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  })

  /** Resolves to the port. */
  async start(): Promise<number> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #note({ traceId, traceState }: Span): void {
    const digits = THRESHOLD.exec(traceState ?? '')?.[1]
    const threshold = digits === undefined ? undefined : parseThreshold(digits)
    const count = threshold === undefined ? 0 : 1 / thresholdToProbability(threshold)
    this.adjusted.set(Buffer.from(traceId).toString('hex'), count)
  }
}
