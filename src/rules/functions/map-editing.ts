/** Changes of maps by editors: key by key where the place offers that, else on a copy that is written back if it differs. */
import type { Target } from '../function.ts'
import type { Value, ValueMap } from '../value.ts'

/** Throws EvaluationError where there is no map; keyed places always are maps. */
export function checkMap(target: Target, scope: unknown): void {
  if (target.keyed === undefined) target.get(scope)
}

/** Leaves only what `keep` says. */
export function removeKeys(target: Target, scope: unknown, keep: (key: string) => boolean): void {
  const { keyed } = target
  if (keyed !== undefined) {
    for (const key of keyed.keys(scope)) if (!keep(key)) keyed.deleteKey(scope, key)
    return
  }
  const before = target.get(scope) as ValueMap
  const after = new Map<string, Value>()
  for (const [key, value] of before) if (keep(key)) after.set(key, value)
  if (after.size !== before.size) target.set(scope, after)
}

/** `change` gives undefined for a value that stays. */
export function changeValues(
  target: Target,
  scope: unknown,
  change: (value: Value) => Value | undefined,
): void {
  const { keyed } = target
  if (keyed !== undefined) {
    for (const key of keyed.keys(scope)) {
      const changed = change(keyed.getKey(scope, key) ?? null)
      if (changed !== undefined) keyed.setKey(scope, key, changed)
    }
    return
  }
  let after: Map<string, Value> | null = null
  const before = target.get(scope) as ValueMap
  for (const [key, value] of before) {
    const changed = change(value)
    if (changed === undefined) continue
    after ??= new Map(before)
    after.set(key, changed)
  }
  if (after !== null) target.set(scope, after)
}
