/** Usage for spreadsheets and bills: RFC 4180, one line for each tenant and signal. */
import type { UsageReport, UsageRow } from '../../core/tenant-control.ts'

const HEADER = [
  ...['from', 'to', 'tenant', 'signal', 'accepted', 'copied', 'refused', 'sent', 'filtered'],
  ...['lost', 'held', 'requests', 'bytes_in', 'bytes_out', 'cost', 'currency', 'reasons'],
]

export function usageCsv({ rows, fromMs, toMs, currency }: UsageReport): string {
  const time = [fromMs, toMs].map(ms => new Date(ms).toISOString())
  const lines = rows.map(row => [...time, ...cellsOf(row), currency, reasonsOf(row)])
  return [HEADER, ...lines].map(cells => `${cells.map(quote).join(',')}\r\n`).join('')
}

function cellsOf(row: UsageRow): (string | number)[] {
  const sum = (items: readonly { readonly items: number }[]): number =>
    items.reduce((total, each) => total + each.items, 0)
  return [
    ...[row.tenant, row.signal, row.accepted, row.copied, sum(row.refused), row.sent],
    sum(row.dropped.filter(({ intentional }) => intentional)),
    sum(row.dropped.filter(({ intentional }) => !intentional)),
    ...[row.held, row.requests, row.bytesIn, row.bytesOut, row.cost],
  ]
}

/** `refused:over_quota=12;otlp_grpc:expired=3` */
function reasonsOf({ refused, dropped }: UsageRow): string {
  const told = refused.map(({ reason, items }) => `refused:${reason}=${items}`)
  const gone = dropped.map(({ stage, reason, items }) => `${stage}:${reason}=${items}`)
  return [...told, ...gone].join(';')
}

function quote(cell: string | number): string {
  const text = String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
