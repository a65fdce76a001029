/** Functions by name, kept for each pair of lists: a set of rules compiles thousands of expressions against the same ones. */
import type { FunctionSpec } from './function.ts'

export type FunctionTable = ReadonlyMap<string, FunctionSpec>

const KEPT = new WeakMap<readonly FunctionSpec[], WeakMap<readonly FunctionSpec[], FunctionTable>>()

/** `own`, the context's, hide those of `functions`. */
export function functionTable(
  functions: readonly FunctionSpec[],
  own: readonly FunctionSpec[],
): FunctionTable {
  let byOwn = KEPT.get(functions)
  if (byOwn === undefined) {
    byOwn = new WeakMap()
    KEPT.set(functions, byOwn)
  }
  let table = byOwn.get(own)
  if (table === undefined) {
    table = new Map([...functions, ...own].map(spec => [spec.name, spec]))
    byOwn.set(own, table)
  }
  return table
}
