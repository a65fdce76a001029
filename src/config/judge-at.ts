/** Judges one part of a YAML tree by a schema; faults become problems at their places. */
import type { z } from 'zod'
import { judgeSection } from './judge.ts'
import type { Problem } from './problems.ts'
import { findSpan, nodeAt, type Path, problemAt, type Tree, toPlain } from './tree.ts'

/** Undefined when there are faults, which are added to `problems`. */
export function judgeAt<T>(
  schema: z.ZodType,
  tree: Tree,
  base: Path,
  problems: Problem[],
): T | undefined {
  const verdict = judgeSection({ schema }, toPlain(nodeAt(tree, base)!))
  for (const { path: inner, part, ...fault } of verdict.faults) {
    const path = [...base, ...inner]
    problems.push(problemAt(findSpan(tree, path, part), { path, ...fault }))
  }
  return verdict.faults.length > 0 ? undefined : (verdict.config as T)
}
