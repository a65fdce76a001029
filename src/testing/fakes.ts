/** What tests stand on instead of a running process: a clock that is moved by hand, services, a collecting consumer. */
import assert from 'node:assert/strict'
import type { Batch } from '../core/batch.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { Component, Consumer, Host, Services } from '../core/component.ts'
import { SILENT_LOGGER } from '../core/logger.ts'
import type { MemoryBudget, MemoryLimits } from '../core/memory.ts'
import type { Meter } from '../core/meter.ts'
import { ACCEPTED, type Outcome } from '../core/outcome.ts'
import { OPEN_TENANCY } from '../core/tenancy.ts'
import type { UsageControl } from '../core/tenant-control.ts'
import { AccountingLedger } from '../telemetry/ledger.ts'

/** Time stands still until `advance`. */
export class FakeClock implements Clock {
  #nowMs = 1_700_000_000_000
  #startMs = this.#nowMs
  #timers: { at: number; every: number; f: () => void }[] = []

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs
  }

  after(ms: number, f: () => void): Timer {
    return this.#add({ at: this.#nowMs + ms, every: 0, f })
  }

  every(ms: number, f: () => void): Timer {
    return this.#add({ at: this.#nowMs + ms, every: ms, f })
  }

  /** Runs every timer that falls due within `ms`, in order, letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#nowMs + ms
    for (;;) {
      const due = this.#timers.filter(t => t.at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#nowMs = due.at
      if (due.every > 0) due.at += due.every
      else this.#timers = this.#timers.filter(t => t !== due)
      due.f()
      await settle()
    }
    this.#nowMs = end
    await settle()
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.length
  }

  #add(timer: { at: number; every: number; f: () => void }): Timer {
    this.#timers.push(timer)
    return { cancel: () => (this.#timers = this.#timers.filter(t => t !== timer)) }
  }
}

/** Lets all promise reactions run that are ready. */
export function settle(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** A budget that only counts. */
export class CountingMemory implements MemoryBudget {
  limitBytes: number
  reservedBytes = 0
  availableBytes = 8 * 2 ** 30
  /** What `isOverSoftLimit` answers. */
  isShort = false

  constructor(limitBytes = Number.MAX_SAFE_INTEGER) {
    this.limitBytes = limitBytes
  }

  tryReserve(bytes: number): boolean {
    if (this.reservedBytes + bytes > this.limitBytes) return false
    this.reservedBytes += bytes
    return true
  }

  free(bytes: number): void {
    this.reservedBytes -= bytes
    assert.ok(this.reservedBytes >= 0, 'more memory freed than was reserved')
  }

  isOverSoftLimit(): boolean {
    return this.isShort
  }

  retryAfterMs(): number {
    return 1000
  }

  limitTo({ limitBytes }: MemoryLimits): () => void {
    const before = this.limitBytes
    this.limitBytes = limitBytes
    return () => {
      this.limitBytes = before
    }
  }
}

/** Counters that can be read back by name. */
export class RecordingMeter implements Meter {
  readonly values = new Map<string, { value: number }>()
  readonly reads = new Map<string, () => number>()

  counter: Meter['counter'] = (spec, labels) => this.#slot(spec.name, labels)
  gauge: Meter['gauge'] = (spec, labels) => this.#slot(spec.name, labels)
  histogram: Meter['histogram'] = (spec, labels) => {
    const slot = this.#slot(spec.name, labels)
    return { observe: () => slot.value++ }
  }
  observe: Meter['observe'] = (spec, labels, read) => {
    const key = seriesKey(spec.name, labels)
    this.reads.set(key, read)
    return () => this.reads.delete(key)
  }

  /** Sum over all label sets of a name. */
  total(name: string): number {
    let sum = 0
    for (const [key, slot] of this.values) if (key.startsWith(`${name}{`)) sum += slot.value
    for (const [key, read] of this.reads) if (key.startsWith(`${name}{`)) sum += read()
    return sum
  }

  #slot(name: string, labels: Readonly<Record<string, string>>): { value: number } {
    const key = seriesKey(name, labels)
    let slot = this.values.get(key)
    if (slot === undefined) this.values.set(key, (slot = { value: 0 }))
    return slot
  }
}

function seriesKey(name: string, labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([k, v]) => `${k}=${v}`)
  return `${name}{${parts.sort().join(',')}}`
}

export interface FakeServices extends Services {
  readonly clock: FakeClock
  readonly ledger: AccountingLedger
  readonly memory: CountingMemory
  readonly meter: RecordingMeter
}

export function fakeServices(): FakeServices {
  return {
    log: SILENT_LOGGER,
    clock: new FakeClock(),
    ledger: new AccountingLedger(),
    memory: new CountingMemory(),
    meter: new RecordingMeter(),
    tenancy: OPEN_TENANCY,
  }
}

/** Nobody used anything. */
export const NO_USAGE: UsageControl = {
  report: () => ({ fromMs: 0, toMs: 0, sinceStart: true, currency: '', rows: [], turnedAway: [] }),
  minutes: () => [],
}

export function fakeHost(extensions: ReadonlyMap<string, Component> = new Map()): Host {
  return {
    extension: <T extends Component>(id: string) => extensions.get(id) as T | undefined,
    reportStatus() {},
    inspector: {
      startedAtMs: 0,
      ready: () => true,
      components: () => [],
      pipelines: () => [],
      ledger: () => [],
      memory: () => ({ limitBytes: 0, reservedBytes: 0, rssBytes: 0 }),
      rules: () => [],
      samplers: () => [],
      queues: () => [],
      letters: () => [],
      tenants: () => [],
      usage: () => NO_USAGE,
    },
  }
}

/** Keeps what it is given; answers what `answer` says. */
export class CollectingConsumer implements Consumer {
  readonly batches: Batch[] = []
  answer: (batch: Batch) => Outcome | Promise<Outcome> = () => ACCEPTED

  async #keep(batch: Batch, outcome: Promise<Outcome>): Promise<Outcome> {
    const answer = await outcome
    if (answer.kind === 'accepted') this.batches.push(batch)
    return answer
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    const outcome = this.answer(batch)
    if (outcome instanceof Promise) return this.#keep(batch, outcome)
    if (outcome.kind === 'accepted') this.batches.push(batch)
    return outcome
  }

  get items(): number {
    return this.batches.reduce((sum, batch) => sum + batch.items, 0)
  }

  releaseAll(): void {
    for (const batch of this.batches.splice(0)) batch.release()
  }
}

/** The identity of the ledger holds for every tenant and signal, and nothing is held unless `held` says so. */
export function assertBalanced(ledger: AccountingLedger, held = 0): void {
  const rows = ledger.rows()
  for (const row of rows)
    assert.ok(row.balanced, `ledger is out of balance: ${JSON.stringify(row)}`)
  const total = rows.reduce((sum, row) => sum + row.held, 0)
  assert.equal(total, held, 'items still held')
}
