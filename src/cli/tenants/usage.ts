/** `millrace tenants usage`: who used what of a running collector, as a table, JSON or CSV. */
import type { UsageReport, UsageRow } from '../../core/tenant-control.ts'
import { askOrTell, type SocketOptions } from '../admin-client.ts'
import type { CliIo } from '../io.ts'
import { type Column, plain, showBytes, showTable } from '../queue/table.ts'
import { readSince } from '../since.ts'
import { countOf } from '../why/finding.ts'
import { usageCsv } from './usage-csv.ts'

export interface UsageOptions extends SocketOptions {
  readonly tenant?: string
  readonly since?: string
  readonly csv: boolean
  readonly reasons: boolean
}

export async function showUsage(options: UsageOptions, io: CliIo): Promise<void> {
  const query = new URLSearchParams()
  const since = readSince(options.since, Date.now())
  if (options.tenant !== undefined) query.set('tenant', options.tenant)
  if (since !== undefined) query.set('since', String(since))
  const reply = await askOrTell(options, io, 'GET', `/api/v1/tenants/usage?${query}`)
  if (reply === undefined) return
  const report = reply.body as UsageReport
  io.stdout.write(options.csv ? usageCsv(report) : showReport(report, options.reasons))
}

function showReport(report: UsageReport, withReasons: boolean): string {
  const { rows, turnedAway, fromMs, toMs, currency } = report
  const time = `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}\n`
  const table = rows.length > 0 ? showTable(columns(currency), rows) : 'nobody sent anything\n'
  const away = turnedAway.map(
    ({ tenant, reason, requests }) =>
      `${plain(tenant)}: ${countOf(requests, 'request')} turned away: ${plain(reason)}\n`,
  )
  const reasons = withReasons ? rows.flatMap(showReasons) : []
  return [time, table, ...reasons, ...away].join('')
}

function columns(currency: string): readonly Column<UsageRow>[] {
  const number = (name: string, of: (row: UsageRow) => number): Column<UsageRow> => ({
    name,
    of: row => String(of(row)),
    isNumber: true,
  })
  const bytes = (name: string, of: (row: UsageRow) => number): Column<UsageRow> => ({
    name,
    of: row => showBytes(of(row)),
    isNumber: true,
  })
  const cost: Column<UsageRow> = {
    name: plain(currency),
    of: row => row.cost.toFixed(2),
    isNumber: true,
  }
  return [
    { name: 'tenant', of: row => plain(row.tenant) },
    { name: 'signal', of: row => row.signal },
    number('accepted', row => row.accepted),
    number('refused', row => sum(row.refused)),
    number('sent', row => row.sent),
    number('filtered', row => droppedItems(row, true)),
    number('lost', row => droppedItems(row, false)),
    number('held', row => row.held),
    bytes('in', row => row.bytesIn),
    bytes('out', row => row.bytesOut),
    ...(currency === '' ? [] : [cost]),
  ]
}

function showReasons({ tenant, signal, dropped, refused, delivered }: UsageRow): string[] {
  const name = `${plain(tenant)} ${signal}`
  return [
    ...refused.map(({ reason, items }) => `${name}: ${items} refused: ${plain(reason)}\n`),
    ...dropped.map(
      ({ stage, reason, items, intentional }) =>
        `${name}: ${items} ${intentional ? 'filtered' : 'lost'} at ${plain(stage)}: ${plain(reason)}\n`,
    ),
    ...delivered.map(({ exporter, bytes }) => `${name}: ${showBytes(bytes)} to ${exporter}\n`),
  ]
}

function sum(counts: readonly { readonly items: number }[]): number {
  return counts.reduce((total, { items }) => total + items, 0)
}

function droppedItems({ dropped }: UsageRow, intentional: boolean): number {
  return sum(dropped.filter(drop => drop.intentional === intentional))
}
