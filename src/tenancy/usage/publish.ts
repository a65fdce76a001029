/** Puts what tenants used into the self-metrics, with a bounded number of names. Their items stand in the ledger's. */
import type { Meter } from '../../core/meter.ts'
import { SIGNALS } from '../../core/signal.ts'
import {
  TENANT_COST,
  TENANT_DELIVERED_BYTES,
  TENANT_RECEIVED_BYTES,
  TENANT_REQUESTS,
  TENANT_TURNED_AWAY,
} from '../../telemetry/catalogue.ts'
import { GatheredSeries } from '../../telemetry/gathered.ts'
import type { AccountingLedger } from '../../telemetry/ledger.ts'
import type { TenantLabels } from '../../telemetry/tenant-labels.ts'
import type { UsageCounts } from './counts.ts'
import { costOf, type Prices } from './prices.ts'

/** Tenants after the first share series that say `other`. */
export function publishCounts(meter: Meter, labels: TenantLabels, counts: UsageCounts): void {
  const gathered = new GatheredSeries(meter)
  for (const { tenant: name, bySignal, turnedAway } of counts.all()) {
    const tenant = labels.of(name)
    for (const signal of SIGNALS) {
      const own = bySignal[signal]
      if (own === null) continue
      if (own.requests > 0) gathered.add(TENANT_REQUESTS, { tenant, signal }, own.requests)
      if (own.bytesIn > 0) gathered.add(TENANT_RECEIVED_BYTES, { tenant, signal }, own.bytesIn)
      for (const { exporter, bytes } of own.delivered) {
        gathered.add(TENANT_DELIVERED_BYTES, { tenant, signal, exporter }, bytes)
      }
    }
    for (const { reason, requests } of turnedAway) {
      gathered.add(TENANT_TURNED_AWAY, { tenant, reason }, requests)
    }
  }
  gathered.publish()
}

/** Each price is of one kind of count, so what ledger and counts know is priced apart and added up. */
export function publishCosts(
  meter: Meter,
  labels: TenantLabels,
  prices: Prices,
  { ledger, counts }: { readonly ledger: AccountingLedger; readonly counts: UsageCounts },
): void {
  const gathered = new GatheredSeries(meter)
  const { currency } = prices
  for (const { tenant, signal, accepted } of ledger.accounts()) {
    const cost = costOf({ signal, accepted, bytesIn: 0, delivered: [] }, prices)
    gathered.add(TENANT_COST, { tenant: labels.of(tenant), currency }, cost)
  }
  for (const { tenant, bySignal } of counts.all()) {
    for (const signal of SIGNALS) {
      const own = bySignal[signal]
      if (own === null) continue
      const cost = costOf({ ...own, signal, accepted: 0 }, prices)
      gathered.add(TENANT_COST, { tenant: labels.of(tenant), currency }, cost)
    }
  }
  gathered.publish()
}
