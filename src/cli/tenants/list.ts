/** `millrace tenants list`: the tenants of a running collector, where their limits stand and how much of these is taken. */
import type { TenantLimitView, TenantView } from '../../core/tenant-control.ts'
import { askOrTell, type SocketOptions } from '../admin-client.ts'
import type { CliIo } from '../io.ts'
import { type Column, plain, showAge, showBytes, showTable } from '../queue/table.ts'

export async function listTenants(options: SocketOptions, io: CliIo): Promise<void> {
  const reply = await askOrTell(options, io, 'GET', '/api/v1/tenants')
  if (reply === undefined) return
  const tenants = reply.body.tenants as readonly TenantView[]
  if (tenants.length === 0) io.stdout.write('no limits of tenants are kept here\n')
  else io.stdout.write(showTable(columns(Date.now()), tenants))
}

function columns(nowMs: number): readonly Column<TenantView>[] {
  const seen = (ms: number): string =>
    ms > 0 ? `${showAge(Math.max(0, nowMs - ms))} ago` : 'never'
  return [
    { name: 'tenant', of: row => row.tenant },
    { name: 'weight', of: row => String(row.weight), isNumber: true },
    { name: 'connections', of: row => String(row.connections), isNumber: true },
    { name: 'requests', of: row => String(row.requests), isNumber: true },
    { name: 'seen', of: row => seen(row.lastSeenMs) },
    { name: 'limits from', of: row => plain(row.policy) },
    { name: 'taken of limits', of: row => row.limits.map(showLimit).join(', ') || 'none' },
  ]
}

function showLimit({ name, limit, used }: TenantLimitView): string {
  const show = /bytes|memory|disk/.test(name) ? showBytes : showNumber
  return `${plain(name)} ${show(used)} of ${show(limit)}`
}

function showNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1)
}
