/** Getters that are known to give one value whatever they stand on: literals, and lists and maps of them. */
import type { Getter } from './function.ts'
import type { Value } from './value.ts'

const KNOWN = new WeakMap<Getter, { readonly value: Value }>()

export function constantGetter(value: Value): Getter {
  const get: Getter = () => value
  KNOWN.set(get, { value })
  return get
}

/** For `make`: what the argument always is, so that it is checked and prepared once, at load. */
export function constantOf(get: Getter): { readonly value: Value } | undefined {
  return KNOWN.get(get)
}

export function areConstant(getters: readonly Getter[]): boolean {
  return getters.every(get => KNOWN.has(get))
}
