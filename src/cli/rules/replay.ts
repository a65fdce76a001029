/** `millrace rules replay`: what a new rule file would do differently to captured telemetry. */
import { changesOf } from '../../rules/files/item-changes.ts'
import { partOf, type TracedItem } from '../../rules/files/trace.ts'
import type { CliIo } from '../io.ts'
import { readCapture } from './capture.ts'
import { type CaptureOptions, makeTracers, requireSet, showDecision } from './explain.ts'
import { loadRuleFiles, plural } from './rule-files.ts'

interface Tally {
  old: number
  new: number
}

/** What is counted on each side. */
class Comparison {
  readonly rules = new Map<string, Tally>()
  readonly destinations = new Map<string, Tally>()
  readonly drops = new Map<string, Tally>()
  readonly samples: Sample[] = []
  items = 0
  different = 0

  add(name: string, old: TracedItem, now: TracedItem, limit: number): void {
    this.items++
    for (const [side, item] of [
      ['old', old],
      ['new', now],
    ] as const) {
      for (const rule of item.hits) count(this.rules, rule, side)
      for (const to of destinationsOf(item)) count(this.destinations, to, side)
      if (item.droppedBy !== null) count(this.drops, item.droppedBy, side)
    }
    const reasons = reasonsOf(old, now)
    if (reasons.length === 0) return
    this.different++
    if (this.samples.length < limit) this.samples.push({ name, old, now, reasons })
  }
}

interface Sample {
  readonly name: string
  readonly old: TracedItem
  readonly now: TracedItem
  readonly reasons: readonly string[]
}

export async function replayRules(
  options: CaptureOptions & { readonly old: string; readonly new: string },
  io: CliIo,
): Promise<void> {
  const [old, now] = [options.old, options.new].map(path =>
    makeTracers(requireSet(loadRuleFiles([path], undefined, io)[0]), false),
  )
  const comparison = new Comparison()
  for (const { signal, bytes, name } of readCapture(options.in, io.cwd, options.signal)) {
    const before = old.get(signal)!.run(partOf(signal, bytes), options.tenant)
    const after = now.get(signal)!.run(partOf(signal, bytes), options.tenant)
    for (const [i, item] of before.entries()) {
      comparison.add(`${name} #${i + 1}`, item, after[i], options.limit)
    }
  }
  io.stdout.write(options.json ? jsonReport(comparison) : textReport(comparison))
}

function destinationsOf({ droppedBy, routedTo, mirroredTo }: TracedItem): readonly string[] {
  const routed = droppedBy !== null ? [] : routedTo.length === 0 ? ['(default)'] : routedTo
  return [...routed, ...mirroredTo.map(to => `${to} (mirror)`)]
}

/** Why the two sides differ; empty when they do not. */
function reasonsOf(old: TracedItem, now: TracedItem): readonly string[] {
  const reasons: string[] = []
  const [before, after] = [showDecision(old), showDecision(now)]
  if (before !== after) reasons.push(`${before} -> ${after}`)
  if (old.droppedBy !== null || now.droppedBy !== null) return reasons
  for (const { field, before: a, after: b } of changesOf(old.after, now.after)) {
    reasons.push(`${field}: ${a} -> ${b}`)
  }
  return reasons
}

function count(table: Map<string, Tally>, key: string, side: 'old' | 'new'): void {
  let tally = table.get(key)
  if (tally === undefined) table.set(key, (tally = { old: 0, new: 0 }))
  tally[side]++
}

function textReport({ items, different, rules, drops, destinations, samples }: Comparison): string {
  const lines = [
    `${plural(items, 'item')}, ${different} would come out differently`,
    ...drawTable('rule (hits)', rules),
    ...drawTable('dropped by', drops),
    ...drawTable('destination', destinations),
    ...samples.flatMap(({ name, old, reasons }) => [
      `${name} ${old.before.kind} ${JSON.stringify(old.before.title)}`,
      ...reasons.map(reason => `  ${reason}`),
    ]),
  ]
  return `${lines.join('\n')}\n`
}

function drawTable(title: string, table: ReadonlyMap<string, Tally>): string[] {
  if (table.size === 0) return []
  const rows = [...table].sort(([a], [b]) => (a < b ? -1 : 1))
  const width = Math.max(title.length, ...rows.map(([key]) => key.length))
  const draw = (key: string, cells: readonly string[]): string =>
    `${key.padEnd(width)}${cells.map(cell => cell.padStart(10)).join('')}`
  return [
    '',
    draw(title, ['old', 'new', 'change']),
    ...rows.map(([key, tally]) => {
      const change = tally.new - tally.old
      return draw(key, [`${tally.old}`, `${tally.new}`, change > 0 ? `+${change}` : `${change}`])
    }),
    '',
  ]
}

function jsonReport({ items, different, rules, drops, destinations, samples }: Comparison): string {
  const report = {
    items,
    different,
    rules: Object.fromEntries(rules),
    dropped_by: Object.fromEntries(drops),
    destinations: Object.fromEntries(destinations),
    samples: samples.map(({ name, old, now, reasons }) => ({
      item: name,
      title: old.before.title,
      old: showDecision(old),
      new: showDecision(now),
      reasons,
    })),
  }
  return `${JSON.stringify(report, null, 2)}\n`
}
