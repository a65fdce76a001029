/** Puts the process, its memory and its ledger into the self-metrics. */
import type { Clock } from '../core/clock.ts'
import type { LedgerRowView } from '../core/component.ts'
import type { Meter } from '../core/meter.ts'
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
import { GatheredSeries } from '../telemetry/gathered.ts'
import type { AccountingLedger } from '../telemetry/ledger.ts'
import type { TenantLabels } from '../telemetry/tenant-labels.ts'
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
export function publishLedger(meter: Meter, ledger: AccountingLedger, labels: TenantLabels): void {
  const series = new GatheredSeries(meter)
  for (const row of ledger.rows()) {
    const { signal } = row
    const tenant = labels.of(row.tenant)
    const add = (stage: string, reason: string, items: number): void =>
      series.add(LEDGER_ITEMS, { tenant, signal, stage, reason }, items)
    add('accepted', '', row.accepted)
    add('copied', '', row.copied)
    add('sent', '', row.sent)
    add('kept', '', row.kept)
    add('held', '', row.held)
    for (const { stage, reason, items } of row.dropped) add(stage, reason, items)
  }
  for (const { tenant, signal, reason, items } of ledger.refusals()) {
    series.add(REFUSED_ITEMS, { tenant: labels.of(tenant), signal, reason }, items)
  }
  series.publish()
}

/** Items that are neither sent nor dropped nor held; 0 in a book that is right. */
export function imbalance(row: LedgerRowView): number {
  const dropped = row.dropped.reduce((sum, drop) => sum + drop.items, 0)
  return row.accepted + row.copied - row.sent - dropped - row.kept - row.held
}
