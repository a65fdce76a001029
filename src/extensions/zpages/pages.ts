/** What each page shows, as a value for scripts and as tables for people; both from the same look at the running graph. */
import type { Inspector, LedgerRowView } from '../../core/component.ts'
import { formatDuration } from '../../util/duration.ts'
import { VERSION } from '../../util/version.ts'
import type { Table } from './html.ts'

export interface Page {
  readonly title: string
  /** The body of the JSON answer. */
  readonly value: unknown
  readonly tables: readonly Table[]
}

export type PageMaker = (inspector: Inspector, nowMs: number) => Page

export const PAGES: ReadonlyMap<string, PageMaker> = new Map([
  ['servicez', makeServicePage],
  ['pipelinez', makePipelinePage],
  ['extensionz', makeExtensionPage],
  ['ledgerz', makeLedgerPage],
])

function makeServicePage(inspector: Inspector, nowMs: number): Page {
  const value = {
    version: VERSION,
    runtime: `node ${process.versions.node}`,
    pid: process.pid,
    ready: inspector.ready(),
    startedAt: new Date(inspector.startedAtMs).toISOString(),
    uptime: formatDuration(Math.max(0, nowMs - inspector.startedAtMs)),
    memory: inspector.memory(),
    components: inspector.components(),
  }
  const { memory, components, ...service } = value
  return {
    title: 'Service',
    value,
    tables: [
      { title: 'Process', columns: ['what', 'value'], rows: Object.entries(service) },
      { title: 'Memory in bytes', columns: ['what', 'bytes'], rows: Object.entries(memory) },
      {
        title: 'Components',
        columns: ['kind', 'id', 'status', 'detail'],
        rows: components.map(({ kind, id, status, detail }) => [kind, id, status, detail]),
      },
    ],
  }
}

/** The inspector's pipelines hold more than their public fields; scripts get these and no others. */
function makePipelinePage(inspector: Inspector): Page {
  const pipelines = inspector
    .pipelines()
    .map(({ id, receivers, processors, exporters }) => ({ id, receivers, processors, exporters }))
  return {
    title: 'Pipelines',
    value: { pipelines },
    tables: [
      {
        title: 'Pipelines',
        columns: ['pipeline', 'receivers', 'processors', 'exporters'],
        rows: pipelines.map(p => [p.id, p.receivers, p.processors, p.exporters]),
      },
    ],
  }
}

function makeExtensionPage(inspector: Inspector): Page {
  const extensions = inspector.components().filter(({ kind }) => kind === 'extension')
  return {
    title: 'Extensions',
    value: { extensions },
    tables: [
      {
        title: 'Extensions',
        columns: ['extension', 'status', 'detail'],
        rows: extensions.map(({ id, status, detail }) => [id, status, detail]),
      },
    ],
  }
}

function makeLedgerPage(inspector: Inspector): Page {
  const rows = inspector.ledger()
  const balanced = rows.every(row => row.balanced)
  return {
    title: 'Ledger',
    value: { balanced, rows },
    tables: [
      {
        title: 'accepted + copied = sent + dropped + kept on disk + held',
        columns: [
          ...['tenant', 'signal', 'accepted', 'copied', 'sent', 'dropped', 'kept', 'held'],
          'balanced',
        ],
        rows: rows.map(row => [
          ...[row.tenant, row.signal, row.accepted, row.copied, row.sent, sumDropped(row)],
          ...[row.kept, row.held, row.balanced],
        ]),
      },
      {
        title: 'Dropped',
        columns: ['tenant', 'signal', 'stage', 'reason', 'on purpose', 'items'],
        rows: rows.flatMap(({ tenant, signal, dropped }) =>
          dropped.map(drop => [
            ...[tenant, signal, drop.stage, drop.reason, drop.intentional, drop.items],
          ]),
        ),
      },
    ],
  }
}

function sumDropped({ dropped }: LedgerRowView): number {
  return dropped.reduce((sum, { items }) => sum + items, 0)
}
