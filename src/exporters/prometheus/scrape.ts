/** What a scrape shows: the kept series by family in the order of names, each only once. */
import type { Accumulator, PromSeries } from './accumulator.ts'
import { labelsText } from './labels.ts'
import type { FamilyType } from './names.ts'

const SEPARATOR = '\u00ff'
/** Series after which others get their turn. */
const SLICE = 256

export interface ScrapedFamily {
  readonly name: string
  readonly type: FamilyType
  readonly help: string
  readonly series: readonly PromSeries[]
}

export interface Scraped {
  readonly families: readonly ScrapedFamily[]
  /** Series that another one of the same name and labels left no place. */
  readonly duplicates: number
}

/** Yields while it works. */
export function* gather({ series }: Accumulator, namespace: string): Generator<unknown, Scraped> {
  const byName = new Map<string, Map<string, PromSeries>>()
  const targets = new Map<string, PromSeries>()
  let duplicates = 0
  let looked = 0
  for (const each of series.values()) {
    const { name } = each.family
    let family = byName.get(name)
    if (family === undefined) byName.set(name, (family = new Map()))
    const before = family.get(each.text)
    if (before !== undefined) duplicates++
    if (before === undefined || isLater(each, before)) family.set(each.text, each)
    noteTarget(targets, each, namespace)
    if (++looked % SLICE === 0) yield
  }
  for (const target of targets.values()) {
    const { name, type } = target.family
    let family = byName.get(name)
    // Others may send metrics of this name: a family stands on a page only once, and is of one type.
    if (family !== undefined && family.values().next().value?.family.type !== type) {
      duplicates += family.size
      family = undefined
    }
    if (family === undefined) byName.set(name, (family = new Map()))
    if (!family.has(target.text)) family.set(target.text, target)
  }
  const families = [...byName.values()].map(members => {
    const list = [...members.values()]
    const { name, type, help } = list[0].family
    return { name, type, help, series: list }
  })
  families.sort((a, b) => (a.name < b.name ? -1 : 1))
  return { families, duplicates }
}

/** A target is known by job and instance; one without both has no `target_info`. */
function noteTarget(targets: Map<string, PromSeries>, series: PromSeries, namespace: string): void {
  const { job, instance, info } = series.target
  if (job === undefined || job === '' || instance === undefined || instance === '') return
  const key = `${job}${SEPARATOR}${instance}`
  if (targets.has(key)) return
  const name = namespace === '' ? 'target_info' : `${namespace}_target_info`
  const { timeNano } = series.value
  targets.set(key, {
    family: { name, type: 'gauge', help: 'Target metadata', size: 0 },
    labels: info,
    text: labelsText(info),
    target: series.target,
    bytes: 0,
    value: { kind: 'number', value: 1, startNano: 0n, timeNano, exemplars: [] },
    updatedMs: 0,
  })
}

function isLater(a: PromSeries, b: PromSeries): boolean {
  return a.value.timeNano > b.value.timeNano
}
