/**
 * Systems that never were: random services with endpoints, call trees, delays, loads and releases, and incidents of which every
 * trace that they touch is known. What is learned on many of them is about incidents and not about one system.
 */
import { SPAN_ERROR, SPAN_EXCEPTION, SPAN_SERVER_FAULT, type TraceSpans } from '../trace-spans.ts'
import type { FaultKind } from './inject.ts'
import type { Random } from './random.ts'

/** Most spans of a made-up trace. */
const MOST_SPANS = 256
const MOST_DEPTH = 6
/** Microseconds between caller and callee where nothing is wrong: the median, and its spread. */
const GAP = 150
/** Of an incident of the network, for factor 1. */
const DELAY = 2_000
/** Share of the operations of which one in a hundred calls or so takes much longer, as with caches and collectors. */
const SPIKY_SHARE = 0.2
const SPIKES = 0.01
const BASE_ERRORS = 0.0005

interface Operation {
  readonly service: number
  /** Of its own time: microseconds, and deviation of the logarithm. */
  median: number
  readonly sigma: number
  readonly spikes: number
}

interface Call {
  readonly operation: number
  /** Of being made, and how often at most. */
  readonly chance: number
  readonly times: number
  readonly calls: readonly Call[]
}

/** What is wrong, where, how badly. */
export interface Incident {
  readonly kind: FaultKind
  readonly operation: number
  /** By which times are multiplied. */
  readonly factor: number
  /** Share of the passing calls that are touched. */
  readonly share: number
}

export interface SystemTraits {
  readonly services: number
  readonly endpoints: number
  /** Spread of own times: 0.2 is calm, 1 is wild. */
  readonly noise: number
}

export class MadeUpSystem implements TraceSpans {
  count = 0
  readonly operation = new Int32Array(MOST_SPANS)
  readonly service = new Int32Array(MOST_SPANS)
  readonly parent = new Int32Array(MOST_SPANS)
  readonly start = new Float64Array(MOST_SPANS)
  readonly duration = new Float64Array(MOST_SPANS)
  readonly flags = new Uint8Array(MOST_SPANS)
  /** Whether the incident touched the last trace. */
  touched = false
  readonly #random: Random
  readonly #operations: readonly Operation[]
  readonly #endpoints: readonly Call[]
  #incident: Incident | null = null
  #load = 1

  constructor(traits: SystemTraits, random: Random) {
    this.#random = random
    this.#operations = Array.from({ length: traits.services * 3 }, (_, i) => ({
      service: i % traits.services,
      median: 10 ** (2 + 2.5 * random.next()),
      sigma: traits.noise * (0.5 + random.next()),
      spikes: random.next() < SPIKY_SHARE ? SPIKES : 0,
    }))
    this.#endpoints = Array.from({ length: traits.endpoints }, () =>
      this.#makeCall(random.index(this.#operations.length), 0),
    )
  }

  #makeCall(operation: number, depth: number): Call {
    const random = this.#random
    const most = depth >= MOST_DEPTH ? 0 : depth === 0 ? 4 : 3
    const calls: Call[] = []
    for (let i = random.index(most + 1); i > 0; i--) {
      calls.push(this.#makeCall(random.index(this.#operations.length), depth + 1))
    }
    const chance = random.next() < 0.8 ? 1 : random.next()
    return { operation, chance, times: random.next() < 0.9 ? 1 : 1 + random.index(5), calls }
  }

  /** At an operation that traffic passes. */
  makeIncident(kind: FaultKind): Incident {
    const random = this.#random
    const passed: number[] = []
    const visit = (call: Call, inner: boolean): void => {
      if (inner || kind === 'slow' || kind === 'error') passed.push(call.operation)
      for (const next of call.calls) visit(next, true)
    }
    // Endpoints with much traffic come first in the list; incidents there are seen at all.
    for (const endpoint of this.#endpoints.slice(0, 1 + (this.#endpoints.length >> 1))) {
      visit(endpoint, false)
    }
    return {
      kind,
      operation: passed[random.index(passed.length)] ?? this.#endpoints[0].operation,
      factor: 1.5 * 10 ** (1.2 * random.next()),
      share: 0.2 + 0.8 * random.next(),
    }
  }

  /** A change for good, as with a release: an operation is slower or faster from now on, and nothing is wrong with that. */
  release(): void {
    const operation = this.#operations[this.#random.index(this.#operations.length)]
    operation.median *= 0.5 * 4 ** this.#random.next()
  }

  /** Everything takes this much longer: hours with more traffic are slower, and nothing is wrong with that. */
  setLoad(factor: number): void {
    this.#load = factor
  }

  setIncident(incident: Incident | null): void {
    this.#incident = incident
  }

  /** The next trace, into this object. */
  next(): this {
    const { length } = this.#endpoints
    // Few endpoints carry most of the traffic.
    const endpoint = Math.floor(length * this.#random.next() ** 2)
    this.count = 0
    this.touched = false
    this.#run(this.#endpoints[endpoint], -1, 0)
    return this
  }

  /** Where the call ends, in microseconds; its caller has to wait until then. */
  #run(call: Call, parent: number, from: number): number {
    const row = this.count++
    const { service, median, sigma, spikes } = this.#operations[call.operation]
    const random = this.#random
    const incident = this.#touches(call.operation, 'span') ? this.#incident : null
    let own = median * this.#load * Math.exp(sigma * random.normal())
    if (random.next() < spikes) own *= 5 + 20 * random.next()
    if (incident?.kind === 'slow') own *= incident.factor
    const detour = incident?.kind === 'detour'
    this.operation[row] = detour ? this.#operations.length + call.operation : call.operation
    this.service[row] = service
    this.parent[row] = parent
    this.start[row] = from
    this.flags[row] = 0
    const failed = incident?.kind === 'error' || random.next() < BASE_ERRORS
    const end = this.#runCalls(call, row, from + own / 2, failed ? 0.5 : 1) + own / 2
    if (failed) this.#fail(row)
    this.duration[row] = end - from
    return end
  }

  #runCalls(call: Call, row: number, from: number, share: number): number {
    const random = this.#random
    let end = from
    for (const next of call.calls) {
      if (random.next() > next.chance * share) continue
      const times = next.times === 1 ? 1 : 1 + random.index(next.times)
      for (let i = 0; i < times && this.count < MOST_SPANS; i++) end = this.#call(next, row, end)
    }
    return end
  }

  #call(call: Call, row: number, from: number): number {
    const incident = this.#touches(call.operation, 'call') ? this.#incident : null
    if (incident?.kind === 'cut') return from
    let gap = GAP * Math.exp(0.5 * this.#random.normal())
    // Delays of a network do not know how fast the callee is.
    if (incident?.kind === 'delay') gap += DELAY * incident.factor
    return this.#run(call, row, from + gap / 2) + gap / 2
  }

  /** Incidents are either about the span itself or about the way to it. */
  #touches(operation: number, what: 'span' | 'call'): boolean {
    const incident = this.#incident
    if (incident === null || incident.operation !== operation) return false
    const call = incident.kind === 'cut' || incident.kind === 'delay'
    if (call !== (what === 'call')) return false
    if (this.#random.next() > incident.share) return false
    this.touched = true
    return true
  }

  #fail(row: number): void {
    this.flags[row] |= SPAN_ERROR | (this.#random.next() < 0.5 ? SPAN_EXCEPTION : SPAN_SERVER_FAULT)
    for (let at = this.parent[row]; at >= 0; at = this.parent[at]) {
      // Some callers have an answer for it.
      if (this.#random.next() < 0.3) return
      this.flags[at] |= SPAN_ERROR
    }
  }
}
