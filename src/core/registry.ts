/** Finds the factory for a component type of the configuration. */
import { type Factory, KINDS, type Kind } from './factory.ts'

export class Registry {
  readonly #byKind = new Map<Kind, Map<string, Factory>>(KINDS.map(kind => [kind, new Map()]))
  readonly #all: Factory[] = []

  constructor(factories: readonly Factory[]) {
    for (const factory of factories) this.#add(factory)
  }

  #add(factory: Factory): void {
    const types = this.#byKind.get(factory.kind)!
    for (const type of [factory.meta.id, ...(factory.meta.aliases ?? [])]) {
      if (types.has(type)) throw new Error(`two ${factory.kind} factories for "${type}"`)
      types.set(type, factory)
    }
    this.#all.push(factory)
  }

  find<K extends Kind>(kind: K, type: string): Factory<K> | undefined {
    return this.#byKind.get(kind)!.get(type) as Factory<K> | undefined
  }

  /** Every type of a kind, aliases included. */
  types(kind: Kind): readonly string[] {
    return [...this.#byKind.get(kind)!.keys()]
  }

  all(): readonly Factory[] {
    return this.#all
  }
}
