/**
 * The resources of one tenant whose series are kept, within the bounds: the least used one is let go once it was told, and
 * what finds no room at all shares a group without attributes.
 */
import type { MemoryBudget } from '../../core/memory.ts'
import { attributesOf, MAX_RESOURCE_BYTES, ResourceGroup, type SeenResource } from './resources.ts'
import type { Series } from './series.ts'

/** Key of the group that takes what is too much; that of a resource is never empty. */
const SPILL = ''

export interface GroupLimits {
  readonly maxSeries: number
  readonly maxResources: number
  /** Calls and durations have one table. */
  readonly isShared: boolean
}

export class ResourceGroups {
  readonly kept = new Map<string, ResourceGroup>()
  /** More than are to be kept; told once more. */
  readonly evicted = new Map<string, ResourceGroup>()
  /** Of all groups; those of what is too much do not count. */
  series = 0
  readonly #limits: GroupLimits
  readonly #memory: MemoryBudget
  readonly #onRemove: () => void
  #uses = 0

  /** `onRemove` is called when a group is gone: nobody may hold on to it. */
  constructor(limits: GroupLimits, memory: MemoryBudget, onRemove: () => void) {
    this.#limits = limits
    this.#memory = memory
    this.#onRemove = onRemove
  }

  get isFull(): boolean {
    return this.series >= this.#limits.maxSeries
  }

  /** A snapshot of all that there is to tell. */
  all(): ResourceGroup[] {
    return [...this.kept.values(), ...this.evicted.values()]
  }

  of(resource: SeenResource, nowMs: number): ResourceGroup {
    const group = resource.group ?? this.#open(resource, nowMs)
    group.lastSeenMs = nowMs
    group.lastUse = ++this.#uses
    if (group.isEvicted) this.#revive(group)
    return group
  }

  /** Room for one more series. */
  tryAdd(bytes: number): boolean {
    if (this.isFull || !this.#memory.tryReserve(bytes)) return false
    this.series++
    return true
  }

  /** A series is gone. */
  release(series: Series): void {
    this.series--
    this.#memory.free(series.bytes)
  }

  remove(group: ResourceGroup): void {
    this.kept.delete(group.key)
    this.evicted.delete(group.key)
    for (const table of group.tables) for (const series of table.all) this.release(series)
    if (group.key !== SPILL) this.#memory.free(group.bytes)
    this.#onRemove()
  }

  clear(): void {
    for (const group of this.all()) this.remove(group)
  }

  #open(resource: SeenResource, nowMs: number): ResourceGroup {
    const { key } = resource
    let group = this.kept.get(key) ?? this.evicted.get(key)
    if (group === undefined) {
      const made = new ResourceGroup(key, attributesOf(resource), this.#limits.isShared, nowMs)
      const fits = !this.isFull && made.bytes <= MAX_RESOURCE_BYTES
      if (!fits || !this.#memory.tryReserve(made.bytes)) return this.#spill(nowMs)
      group = made
      this.#admit(group)
    }
    resource.group = group
    return group
  }

  #spill(nowMs: number): ResourceGroup {
    let spill = this.kept.get(SPILL)
    if (spill === undefined) {
      spill = new ResourceGroup(SPILL, [], this.#limits.isShared, nowMs)
      for (const table of spill.tables) table.isClosed = true
      this.kept.set(SPILL, spill)
    }
    return spill
  }

  #revive(group: ResourceGroup): void {
    group.isEvicted = false
    this.evicted.delete(group.key)
    this.#admit(group)
  }

  #admit(group: ResourceGroup): void {
    this.kept.set(group.key, group)
    if (this.kept.size <= this.#limits.maxResources) return
    let oldest: ResourceGroup | null = null
    for (const each of this.kept.values()) {
      if (each === group || each.key === SPILL) continue
      if (oldest === null || each.lastUse < oldest.lastUse) oldest = each
    }
    if (oldest === null) return
    this.kept.delete(oldest.key)
    this.evicted.set(oldest.key, oldest)
    oldest.isEvicted = true
  }
}
