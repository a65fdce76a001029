/** Pattern arguments: a literal is compiled at load and refused there, what is computed for each item is kept for a while. */
import { constantOf } from '../constant.ts'
import type { Getter } from '../function.ts'
import { compileRegex, type Regex } from '../regex.ts'
import { EvaluationError } from '../value.ts'

/** Computed patterns kept for each use in an expression; beyond that all are let go. */
const MAX_KEPT = 32

/** Throws Error when a literal pattern is not valid; what is given throws EvaluationError. */
export function regexArgument(
  pattern: Getter,
  compile: (pattern: string) => Regex = compileRegex,
): (scope: unknown) => Regex {
  const constant = constantOf(pattern)
  if (constant !== undefined) {
    const regex = compile(constant.value as string)
    return () => regex
  }
  const kept = new Map<string, Regex>()
  return scope => {
    const source = pattern(scope) as string
    let regex = kept.get(source)
    if (regex === undefined) {
      regex = compileNow(source, compile)
      if (kept.size >= MAX_KEPT) kept.clear()
      kept.set(source, regex)
    }
    return regex
  }
}

function compileNow(source: string, compile: (pattern: string) => Regex): Regex {
  try {
    return compile(source)
  } catch (error) {
    throw new EvaluationError((error as Error).message)
  }
}
