/** Finds the factory for a component type of the configuration. */
import { type Factory, KINDS, type Kind } from './factory.ts'

/** A component that is there to be had, but not loaded. */
export interface Declared {
  readonly kind: Kind
  /** Its id and aliases. */
  readonly types: readonly string[]
  readonly load: () => Promise<Factory>
}

export class Registry {
  readonly #byKind = new Map<Kind, Map<string, Factory | Declared>>(
    KINDS.map(kind => [kind, new Map()]),
  )
  readonly #all: Factory[] = []
  /** Asked for, and not loaded. */
  readonly #wanted = new Set<Declared>()

  constructor(factories: readonly Factory[], declared: readonly Declared[] = []) {
    for (const each of declared) this.#declare(each.kind, each.types, each)
    for (const factory of factories) this.#add(factory)
  }

  #add(factory: Factory): void {
    const { id, aliases = [] } = factory.meta
    this.#declare(factory.kind, [id, ...aliases], factory)
    this.#all.push(factory)
  }

  #declare(kind: Kind, names: readonly string[], what: Factory | Declared): void {
    const types = this.#byKind.get(kind)!
    for (const type of names) {
      const known = types.get(type)
      if (known !== undefined && !(isDeclared(known) && this.#wanted.has(known))) {
        throw new Error(`two ${kind} factories for "${type}"`)
      }
      types.set(type, what)
    }
  }

  /** Undefined for an unknown type, and for one that is not loaded yet: `loadWanted` brings those that were asked for. */
  find<K extends Kind>(kind: K, type: string): Factory<K> | undefined {
    const found = this.#byKind.get(kind)!.get(type)
    if (found === undefined || !isDeclared(found)) return found as Factory<K> | undefined
    this.#wanted.add(found)
    return undefined
  }

  /** Loads what was asked for in vain. True if there was any: then it is worth asking again. */
  async loadWanted(): Promise<boolean> {
    const wanted = [...this.#wanted]
    const factories = await Promise.all(wanted.map(({ load }) => load()))
    for (const [i, declared] of wanted.entries()) {
      // Someone else who asked meanwhile may have brought it already.
      if (this.#wanted.has(declared)) this.#add(factories[i])
      this.#wanted.delete(declared)
    }
    return wanted.length > 0
  }

  /** Every type of a kind, aliases included, loaded or not. */
  types(kind: Kind): readonly string[] {
    return [...this.#byKind.get(kind)!.keys()]
  }

  /** Those that are loaded. */
  all(): readonly Factory[] {
    return this.#all
  }
}

function isDeclared(what: Factory | Declared): what is Declared {
  return 'load' in what
}
