/** Puts the process, its memory and its ledger into the self-metrics. */
import type { Clock } from '../core/clock.ts'
import type { LedgerRowView } from '../core/component.ts'
import type { Gauge, Meter } from '../core/meter.ts'
import {
  HEAP_USED,
  LEDGER_ITEMS,
  MEMORY_LIMIT,
  MEMORY_REFUSALS,
  MEMORY_RESERVED,
  MEMORY_ROOM,
  PROCESS_CPU,
  PROCESS_RSS,
  PROCESS_UPTIME,
  REFUSED_ITEMS,
  RUNTIME_SYSTEM_BYTES,
} from '../telemetry/catalogue.ts'
import type { AccountingLedger } from '../telemetry/ledger.ts'
import type { ProcessMemory } from './memory-budget.ts'

export function observeProcess(meter: Meter, memory: ProcessMemory, clock: Clock): void {
  const startMs = clock.monotonic()
  meter.observe(PROCESS_UPTIME, {}, () => (clock.monotonic() - startMs) / 1000)
  meter.observe(PROCESS_CPU, {}, () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  meter.observe(PROCESS_RSS, {}, () => process.memoryUsage.rss())
  meter.observe(HEAP_USED, {}, () => process.memoryUsage().heapUsed)
  meter.observe(RUNTIME_SYSTEM_BYTES, {}, () => {
    const { heapTotal, external } = process.memoryUsage()
    return heapTotal + external
  })
  meter.observe(MEMORY_LIMIT, {}, () => memory.limitBytes)
  meter.observe(MEMORY_RESERVED, {}, () => memory.reservedBytes)
  meter.observe(MEMORY_ROOM, {}, () => memory.roomBytes)
  meter.observe(MEMORY_REFUSALS, {}, () => memory.refusals)
}

/** Called before each scrape: the ledger's rows change their labels, so they cannot be asked one by one. */
export function publishLedger(meter: Meter, ledger: AccountingLedger): void {
  for (const row of ledger.rows()) {
    const { tenant, signal } = row
    const gauge = (stage: string, reason: string): Gauge =>
      meter.gauge(LEDGER_ITEMS, { tenant, signal, stage, reason })
    gauge('accepted', '').value = row.accepted
    gauge('copied', '').value = row.copied
    gauge('sent', '').value = row.sent
    gauge('held', '').value = row.held
    for (const { stage, reason } of row.dropped) gauge(stage, reason).value = 0
    for (const { stage, reason, items } of row.dropped) gauge(stage, reason).value += items
  }
  for (const { tenant, signal, reason, items } of ledger.refusals()) {
    meter.counter(REFUSED_ITEMS, { tenant, signal, reason }).value = items
  }
}

/** Items that are neither sent nor dropped nor held; 0 in a book that is right. */
export function imbalance(row: LedgerRowView): number {
  const dropped = row.dropped.reduce((sum, drop) => sum + drop.items, 0)
  return row.accepted + row.copied - row.sent - dropped - row.held
}
