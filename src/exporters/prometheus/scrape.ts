/** What a scrape shows: the kept series by family, in the order of names and labels, each only once. */
import type { Accumulator, PromSeries } from './accumulator.ts'
import type { Label } from './labels.ts'
import type { FamilyType } from './names.ts'

const SEPARATOR = '\u00ff'

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

export function gather({ series }: Accumulator, namespace: string): Scraped {
  const byName = new Map<string, { of: PromSeries; key: string }[]>()
  const targets = new Map<string, PromSeries>()
  for (const each of series.values()) {
    const list = byName.get(each.family.name) ?? []
    list.push({ of: each, key: keyOf(each.labels) })
    byName.set(each.family.name, list)
    noteTarget(targets, each, namespace)
  }
  let duplicates = 0
  const families: ScrapedFamily[] = []
  for (const [name, list] of byName) {
    list.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : later(a.of, b.of)))
    const once = list.filter(({ key }, i) => i === 0 || key !== list[i - 1].key)
    duplicates += list.length - once.length
    const { type, help } = list[0].of.family
    families.push({ name, type, help, series: once.map(({ of }) => of) })
  }
  if (targets.size > 0) {
    const { type, help, name } = [...targets.values()][0].family
    families.push({ name, type, help, series: [...targets.values()] })
  }
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
    target: series.target,
    bytes: 0,
    value: { kind: 'number', value: 1, startNano: 0n, timeNano, exemplars: [] },
    updatedMs: 0,
  })
}

function keyOf(labels: readonly Label[]): string {
  let key = ''
  for (const [name, value] of labels) key += name + SEPARATOR + value + SEPARATOR
  return key
}

function later(a: PromSeries, b: PromSeries): number {
  return a.value.timeNano > b.value.timeNano ? -1 : 1
}
