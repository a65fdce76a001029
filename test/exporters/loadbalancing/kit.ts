/** The exporter with backends that answer as a test says and a list that the test changes, on a clock that stands still. */
import assert from 'node:assert/strict'
import { judgeSection } from '../../../src/config/judge.ts'
import type { Component } from '../../../src/core/component.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { LoadBalancingExporter } from '../../../src/exporters/loadbalancing/exporter.ts'
import { factory } from '../../../src/exporters/loadbalancing/factory.ts'
import type { OnChange } from '../../../src/exporters/loadbalancing/resolvers/resolver.ts'
import type { EncodedBatch, Sender, SendResult } from '../../../src/exporters/sending/sender.ts'
import { REQUEST_MESSAGE } from '../../../src/otlp/schema.ts'
import { type FakeServices, fakeHost, fakeServices, settle } from '../../../src/testing/fakes.ts'
import type { Abort } from '../../../src/util/abort.ts'
import { decode, encode } from '../../otlp/oracle.ts'
import { acceptBatch, type TestBatch } from '../batch-of.ts'

export const SENT: SendResult = { kind: 'sent' }
export const DOWN: SendResult = { kind: 'retry', message: 'connection refused' }

/** What stands at one address. */
export class FakeBackend implements Sender {
  readonly address: string
  reply: (encoded: EncodedBatch) => SendResult | Promise<SendResult> = () => SENT
  attempts = 0
  /** Decoded, of what was answered `sent`. */
  readonly got: Record<string, unknown>[] = []
  isStopped = false
  startFault: Error | null = null

  constructor(address: string) {
    this.address = address
  }

  async start(): Promise<void> {
    if (this.startFault !== null) throw this.startFault
  }

  async send(encoded: EncodedBatch, abort: Abort): Promise<SendResult> {
    this.attempts++
    const bytes = Buffer.concat(encoded.chunks)
    assert.equal(bytes.length, encoded.byteLength)
    const aborted = new Promise<SendResult>(resolve =>
      abort.addEventListener('abort', () => resolve({ kind: 'retry', message: 'aborted' })),
    )
    const result = await Promise.race([this.reply(encoded), aborted])
    if (result.kind === 'sent') this.got.push(decode(REQUEST_MESSAGE[encoded.signal], bytes))
    return result
  }

  async stop(): Promise<void> {
    this.isStopped = true
  }

  /** Trace ids of all spans, in hex. */
  get traces(): string[] {
    // biome-ignore lint/suspicious/noExplicitAny: as protobufjs decodes it
    const spans = this.got.flatMap((request: any) =>
      // biome-ignore lint/suspicious/noExplicitAny: as protobufjs decodes it
      request.resourceSpans.flatMap((r: any) => r.scopeSpans.flatMap((s: any) => s.spans)),
    )
    return spans.map(({ traceId }) => traceId.toString('hex'))
  }
}

export interface Kit {
  readonly exporter: LoadBalancingExporter
  readonly services: FakeServices
  /** By address, the last one that was made there. */
  readonly backends: Map<string, FakeBackend>
  at(address: string): FakeBackend
  /** Says the list anew and lets what is new start. */
  resolve(...endpoints: string[]): Promise<void>
  /** A request with one span for each trace. */
  request(traces: readonly number[], service?: string): TestBatch
  send(traces: readonly number[], service?: string): Promise<string>
  /** What is ready goes on first. */
  advance(ms: number): Promise<void>
  stop(aborted?: boolean): Promise<void>
  /** Delivered, also to backends that are gone. */
  spans(): number
}

export interface KitOptions {
  readonly signals?: readonly Signal[]
  readonly reply?: (address: string) => SendResult
  readonly extensions?: ReadonlyMap<string, Component>
  readonly services?: FakeServices
  /** Of each backend when it is made. */
  readonly startFault?: () => Error | null
}

const FAST = { retry_on_failure: { initial_interval: '1s', randomization_factor: 0 } }

/** `otlp` is the section of the backends. */
export async function startBalancing(
  endpoints: readonly string[],
  section: Record<string, unknown> = {},
  otlp: object = {},
  { signals = ['traces'], extensions, services = fakeServices(), startFault }: KitOptions = {},
): Promise<Kit> {
  const { config, faults } = judgeSection(factory.config, {
    resolver: { static: { hostnames: ['placeholder'] } },
    ...section,
    protocol: { otlp: { ...FAST, ...otlp } },
  })
  assert.deepEqual(faults, [])
  const backends = new Map<string, FakeBackend>()
  const made: FakeBackend[] = []
  let tell: OnChange = () => {}
  const context = { ...services, id: 'loadbalancing', config: config as never, signals }
  const exporter = new LoadBalancingExporter(context, {
    makeSender: ({ endpoint }) => {
      const backend = new FakeBackend(endpoint)
      backend.startFault = startFault?.() ?? null
      backends.set(endpoint, backend)
      made.push(backend)
      return backend
    },
    resolver: {
      async start(onChange) {
        tell = onChange
        if (endpoints.length > 0) onChange(endpoints)
      },
      stop() {},
    },
  })
  await exporter.start(fakeHost(extensions))
  const request = (traces: readonly number[], service = 'shop') =>
    acceptBatch(services, 'traces', makeTraces(traces, service))
  return {
    exporter,
    services,
    backends,
    at: address => backends.get(address)!,
    async resolve(...next) {
      tell(next)
      await settle()
      await settle()
    },
    request,
    async send(traces, service) {
      const { batch } = request(traces, service)
      const outcome = await exporter.consume(batch)
      await settle()
      if (outcome.kind === 'accepted') return 'accepted'
      const items = outcome.kind === 'refused' ? outcome.items : batch.items
      services.ledger.unaccepted(batch.tenant, 'traces', items, outcome.kind)
      if (items === batch.items) batch.release()
      return outcome.kind === 'refused' ? `refused ${items}: ${outcome.why}` : outcome.kind
    },
    async advance(ms) {
      await settle()
      await services.clock.advance(ms)
    },
    stop: aborted => exporter.stop(aborted ? AbortSignal.abort() : new AbortController().signal),
    spans: () => made.reduce((sum, { traces }) => sum + traces.length, 0),
  }
}

export function traceId(n: number): Buffer {
  const id = Buffer.alloc(16, n)
  id.writeUInt32BE(Math.imul(n + 1, 2_654_435_761) >>> 0)
  return id
}

export function makeTraces(traces: readonly number[], service: string): Uint8Array {
  const value = { stringValue: service }
  return encode(REQUEST_MESSAGE.traces, {
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value }] },
        scopeSpans: [
          { spans: traces.map((n, i) => ({ traceId: traceId(n), name: `${n}/${i}`, kind: 2 })) },
        ],
      },
    ],
  })
}

export const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)
