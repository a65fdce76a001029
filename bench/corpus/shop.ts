/**
 * A small shop under load, as whole traces with the truth about them: calm at first, then an incident in one of its
 * services. For the demo and for tests that ask what a sampler kept. The same seed gives the same traces.
 */
import { Random } from '../../src/cli/generate/random.ts'
import { BACKENDS, ENTRIES, type Operation, SERVICES } from '../../src/cli/generate/shop.ts'
import { Writer } from '../../src/otlp/wire-writer.ts'
import { randomBytes, writeAttributes } from './envelope.ts'

export interface Incident {
  /** Which service, by its name in the shop. */
  readonly service: string
  /** Its own time is so many times as long. */
  readonly slowdown: number
  /** Share of its requests that are hit, 0 to 1. */
  readonly share: number
  /** Share of those that also fail. */
  readonly failing: number
}

export interface ShopTrace {
  /** Lower-case hex. */
  readonly traceId: string
  /** An export request with this one trace. */
  readonly request: Uint8Array
  readonly spans: number
  /** The incident touched it. */
  readonly isSymptomatic: boolean
}

const SERVER = 2
const CLIENT = 3
const FAILED = 2
const FLAGS = 0x101
/** Spread of own times and of the network around their medians. */
const SIGMA = 0.25
const NETWORK_MEDIAN_MS = 0.3
const MS_IN_NANOS = 1e6

interface Span {
  readonly service: string
  readonly id: Uint8Array
  readonly parent: Uint8Array | null
  readonly name: string
  readonly kind: number
  /** Milliseconds since the trace's start. */
  readonly startMs: number
  readonly endMs: number
  readonly isFailed: boolean
}

interface Ended {
  readonly endMs: number
  readonly isFailed: boolean
}

export class Shop {
  readonly #random: Random
  #spans: Span[] = []
  #incident: Incident | null = null
  #isSymptomatic = false

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  /** A trace whose root ends at `endMs` (Unix time). */
  trace(endMs: number, incident: Incident | null): ShopTrace {
    this.#spans = []
    this.#incident = incident
    this.#isSymptomatic = false
    const traceId = randomBytes(this.#random, 16)
    const { endMs: durationMs } = this.#serve(this.#pickEntry(), null, 0)
    return {
      traceId: Buffer.from(traceId).toString('hex'),
      request: this.#write(traceId, endMs - durationMs),
      spans: this.#spans.length,
      isSymptomatic: this.#isSymptomatic,
    }
  }

  #pickEntry(): string {
    let left = this.#random.next() * ENTRIES.reduce((sum, { weight }) => sum + weight, 0)
    for (const { to, weight } of ENTRIES) {
      left -= weight
      if (left < 0) return to
    }
    return ENTRIES[0].to
  }

  /** The span of who answers, and all that it calls one after the other. */
  #serve(target: string, parent: Uint8Array | null, startMs: number): Ended {
    const [service, key] = target.split('/')
    const operation = SERVICES.find(({ name }) => name === service)!.operations[key]
    const id = randomBytes(this.#random, 8)
    const isHit = this.#isHit(service)
    if (isHit) this.#isSymptomatic = true
    const slowdown = isHit ? this.#incident!.slowdown : 1
    let endMs = startMs + this.#random.lognormal(operation.medianMs * slowdown, SIGMA)
    let isFailed = this.#fails(operation.errorRate, isHit)
    for (const to of this.#calls(operation)) {
      const called = this.#call(service, to, id, endMs)
      endMs = called.endMs
      isFailed ||= called.isFailed
    }
    const name = `${operation.method} ${operation.route}`
    this.#spans.push({ service, id, parent, name, kind: SERVER, startMs, endMs, isFailed })
    return { endMs, isFailed }
  }

  #isHit(service: string): boolean {
    const incident = this.#incident
    return incident?.service === service && this.#random.chance(incident.share)
  }

  #fails(errorRate: number, isHit: boolean): boolean {
    return this.#random.chance(isHit ? this.#incident!.failing : errorRate / 10)
  }

  #calls({ calls }: Operation): string[] {
    return calls.flatMap(({ to, times }) =>
      times < 1 && !this.#random.chance(times)
        ? []
        : Array.from({ length: Math.max(1, times) }, () => to),
    )
  }

  /** The span of who calls: a backend that sends no telemetry, or a service after some network. */
  #call(service: string, to: string, parent: Uint8Array, startMs: number): Ended {
    const id = randomBytes(this.#random, 8)
    const backend = BACKENDS[to]
    let name: string
    let ended: Ended
    if (backend === undefined) {
      name = to
      const served = this.#serve(to, id, startMs + this.#network())
      ended = { endMs: served.endMs + this.#network(), isFailed: served.isFailed }
    } else {
      name = backend.name
      const endMs = startMs + this.#random.lognormal(backend.medianMs, SIGMA)
      ended = { endMs, isFailed: this.#random.chance(backend.errorRate / 10) }
    }
    this.#spans.push({ service, id, parent, name, kind: CLIENT, startMs, ...ended })
    return ended
  }

  #network(): number {
    return this.#random.lognormal(NETWORK_MEDIAN_MS, SIGMA)
  }

  #write(traceId: Uint8Array, startMs: number): Uint8Array {
    const out = new Writer(this.#spans.length * 160 + 256)
    const origin = BigInt(Math.round(startMs * MS_IN_NANOS))
    for (const service of new Set(this.#spans.map(span => span.service))) {
      out.begin(1).begin(1)
      writeAttributes(out, 1, [['service.name', service]])
      out.end().begin(2).begin(1).string(1, 'shop').end()
      for (const span of this.#spans) {
        if (span.service === service) writeSpan(out, traceId, origin, span)
      }
      out.end().end()
    }
    return out.finish()
  }
}

function writeSpan(out: Writer, traceId: Uint8Array, origin: bigint, span: Span): void {
  const at = (ms: number): bigint => origin + BigInt(Math.round(ms * MS_IN_NANOS))
  out.begin(2).bytes(1, traceId).bytes(2, span.id)
  if (span.parent !== null) out.bytes(4, span.parent)
  out.string(5, span.name).varint(6, span.kind)
  out.fixed64(7, at(span.startMs)).fixed64(8, at(span.endMs))
  if (span.isFailed) out.begin(15).varint(3, FAILED).end()
  out.fixed32(16, FLAGS).end()
}
