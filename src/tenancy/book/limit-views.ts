/** The limits of a tenant and how much of each is used, for operators. */
import type { Clock } from '../../core/clock.ts'
import type { TenantLimitView } from '../../core/tenant-control.ts'
import type { TenantLimits } from '../policy/limits.ts'
import type { Account } from '../quota/account.ts'

/** In the order of the configuration's keys; those that are not set are left out. */
export function viewLimits(
  limits: TenantLimits,
  account: Account | undefined,
  clock: Clock,
): TenantLimitView[] {
  const nowMs = clock.monotonic()
  const { items, bytes } = limits
  account?.volume.roll(clock.now())
  const all: TenantLimitView[] = [
    {
      name: 'items_per_second',
      limit: items?.rate ?? 0,
      used: (items?.rate ?? 0) * Math.max(0, account?.items?.used(nowMs) ?? 0),
    },
    {
      name: 'bytes_per_second',
      limit: bytes?.rate ?? 0,
      used: (bytes?.rate ?? 0) * Math.max(0, account?.bytes?.used(nowMs) ?? 0),
    },
    {
      name: 'concurrent_requests',
      limit: limits.concurrentRequests,
      used: account?.requests ?? 0,
    },
    { name: 'connections', limit: limits.connections, used: account?.connections ?? 0 },
    { name: 'memory', limit: limits.memoryBytes, used: account?.heldBytes ?? 0 },
    { name: 'daily.items', limit: limits.dailyItems, used: account?.volume.items ?? 0 },
    { name: 'daily.bytes', limit: limits.dailyBytes, used: account?.volume.bytes ?? 0 },
  ]
  return all.filter(view => view.limit > 0)
}
