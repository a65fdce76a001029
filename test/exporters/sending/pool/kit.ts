/** A pool over endpoints that answer as a test says, on a clock that stands still. */
import { grpcEndpoint, section } from '../../../../src/config/fields.ts'
import { Batch, DEFAULT_TENANT, type RequestContext } from '../../../../src/core/batch.ts'
import {
  type BalancingConfig,
  endpointsFields,
} from '../../../../src/exporters/sending/pool/config.ts'
import { nameOf, type Place } from '../../../../src/exporters/sending/pool/place.ts'
import { PooledSender } from '../../../../src/exporters/sending/pool/pooled-sender.ts'
import type { EncodedBatch, Sender, SendResult } from '../../../../src/exporters/sending/sender.ts'
import type { Lookup } from '../../../../src/net/grpc-client-target.ts'
import type { Probe } from '../../../../src/net/health-probe.ts'
import { encodeParts } from '../../../../src/otlp/encode.ts'
import { type FakeServices, fakeHost, fakeServices } from '../../../../src/testing/fakes.ts'
import { AbortSource } from '../../../../src/util/abort.ts'
import { sampleRequest } from '../../../harness/samples.ts'
import { acceptBatch } from '../../batch-of.ts'

export const SENT: SendResult = { kind: 'sent' }
export const DOWN: SendResult = { kind: 'retry', message: 'connection refused' }

export interface OpenRequest {
  readonly encoded: EncodedBatch
  readonly abort: AbortSignal
  answer(result: SendResult): void
}

/** The sender of one endpoint. */
export class FakeEndpoint implements Sender {
  readonly place: Place
  /** Answers at once; null leaves requests open. */
  reply: ((encoded: EncodedBatch) => SendResult) | null = () => SENT
  requests = 0
  readonly open: OpenRequest[] = []
  isStarted = false
  isStopped = false
  hurries = 0
  startFault: Error | null = null

  constructor(place: Place) {
    this.place = place
  }

  async start(): Promise<void> {
    if (this.startFault !== null) throw this.startFault
    this.isStarted = true
  }

  send(encoded: EncodedBatch, abort: AbortSignal): Promise<SendResult> {
    this.requests++
    if (this.reply !== null) return Promise.resolve(this.reply(encoded))
    return new Promise(resolve => {
      const request = {
        encoded,
        abort,
        answer: (result: SendResult) => {
          this.open.splice(this.open.indexOf(request), 1)
          resolve(result)
        },
      }
      this.open.push(request)
      abort.addEventListener('abort', () =>
        request.answer({ kind: 'retry', message: (abort.reason as Error).message }),
      )
    })
  }

  hurry(): void {
    this.hurries++
  }

  async stop(): Promise<void> {
    this.isStopped = true
  }
}

export interface PoolKit {
  readonly pool: PooledSender
  readonly services: FakeServices
  readonly made: FakeEndpoint[]
  /** By its text in the configuration, or with an address as it is shown. */
  at(name: string): FakeEndpoint
  /** What a check of an endpoint finds; null = well. */
  readonly health: Map<string, string | null>
  batch(options?: { tenant?: string; context?: RequestContext; items?: number }): Batch
  send(batch?: Batch, abort?: AbortSource): Promise<SendResult>
  /** Requests by endpoint. */
  counts(): Record<string, number>
  metric(name: string, endpoint: string, more?: string): number | undefined
}

export interface KitOptions {
  readonly lookup?: Lookup
  readonly random?: () => number
  /** Called for each sender that is made. */
  readonly prepare?: (endpoint: FakeEndpoint) => void
}

const schema = section(endpointsFields(grpcEndpoint()))

export function balancingOf(value: object = {}): BalancingConfig {
  return schema.parse({ endpoints: ['a:1'], balancing: value }).balancing!
}

export function createPool(
  endpoints: readonly unknown[],
  balancing: object = {},
  { lookup, random = () => 0.5, prepare }: KitOptions = {},
): PoolKit {
  const services = fakeServices()
  const parsed = schema.parse({ endpoints, balancing })
  const made: FakeEndpoint[] = []
  const health = new Map<string, string | null>()
  const pool = new PooledSender({
    id: 'pooled',
    services,
    endpoints: parsed.endpoints!,
    balancing: parsed.balancing!,
    kind: 'grpc',
    create: place => {
      const endpoint = new FakeEndpoint(place)
      prepare?.(endpoint)
      made.push(endpoint)
      return endpoint
    },
    probeOf: (place): Probe => ({
      check: abort => {
        const fault = health.get(nameOf(place)) ?? null
        if (fault !== 'silent') return Promise.resolve(fault)
        return new Promise(resolve => {
          abort.addEventListener('abort', () => resolve((abort.reason as Error).message))
        })
      },
      close() {},
    }),
    lookup: lookup ?? (() => Promise.reject(new Error('no names in this test'))),
    random,
  })
  let n = 0
  const batch: PoolKit['batch'] = ({ tenant = DEFAULT_TENANT, context, items = 5 } = {}) => {
    const { bytes } = sampleRequest('traces', n++, items)
    const made = acceptBatch(services, 'traces', bytes, null, tenant).batch
    return context === undefined ? made : new Batch('traces', tenant, context, made.parts)
  }
  return {
    pool,
    services,
    made,
    health,
    batch,
    at: name => made.findLast(({ place }) => nameOf(place) === name || place.endpoint === name)!,
    send(one = batch(), abort = new AbortSource()) {
      const { chunks, byteLength } = encodeParts(one.parts)
      return pool.send(
        { signal: 'traces', items: one.items, chunks, byteLength, batch: one },
        abort,
      )
    },
    counts: () => Object.fromEntries(made.map(({ place, requests }) => [nameOf(place), requests])),
    metric(name, endpoint, more) {
      const labels = [`endpoint=${endpoint}`, 'exporter=pooled', ...(more ? [more] : [])].sort()
      return services.meter.reads.get(`millrace_endpoint_${name}{${labels.join(',')}}`)?.()
    },
  }
}

export async function startPool(
  endpoints: readonly unknown[],
  balancing: object = {},
  options: KitOptions = {},
): Promise<PoolKit> {
  const kit = createPool(endpoints, balancing, options)
  await kit.pool.start(fakeHost())
  return kit
}

/** Sends one after the other. */
export async function sendMany(kit: PoolKit, n: number): Promise<SendResult[]> {
  const results: SendResult[] = []
  for (let i = 0; i < n; i++) results.push(await kit.send())
  return results
}
