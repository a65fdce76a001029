/** Why a condition holds or not: its parts, each with the values that it looked at. Slow and thorough; for people. */
import type { BooleanNode } from '../ast.ts'
import { type CompileOptions, compileCondition, compileValue } from '../compile.ts'
import type { Getter } from '../function.ts'
import { visitPaths } from '../infer.ts'
import { parseCondition } from '../parser.ts'
import { printCondition, printValue } from '../print.ts'
import { EvaluationError, type Value } from '../value.ts'

export interface ExplainedCondition {
  readonly text: string
  /** `skipped`: what came before had decided already. */
  readonly result: 'true' | 'false' | 'error' | 'skipped'
  readonly error?: string
  /** Paths in it and what they held; only of parts that have no parts. */
  readonly values: readonly { readonly path: string; readonly value: Value }[]
  readonly parts: readonly ExplainedCondition[]
}

/** Explains one condition for whatever the scope stands on. */
export type Explain = (scope: unknown) => ExplainedCondition

export function explainCondition(text: string, options: CompileOptions): Explain {
  return build(parseCondition(text), options)
}

function build(node: BooleanNode, options: CompileOptions): Explain {
  if (node.kind === 'and' || node.kind === 'or') {
    const children = node.kind === 'and' ? node.factors : node.terms
    return joined(
      printCondition(node),
      children.map(child => build(child, options)),
      children.map(printCondition),
      node.kind === 'or' ? 'true' : 'false',
    )
  }
  if (node.kind !== 'not') return leaf(node, options)
  const inner = build(node.operand, options)
  const text = printCondition(node)
  return scope => {
    const part = inner(scope)
    const turned = { true: 'false', false: 'true', error: 'error', skipped: 'skipped' } as const
    return { text, result: turned[part.result], values: [], parts: [part] }
  }
}

/** `and` ends at the first false, `or` at the first true, both at an error. */
function joined(
  text: string,
  children: readonly Explain[],
  texts: readonly string[],
  decisive: 'true' | 'false',
): Explain {
  return scope => {
    let result: ExplainedCondition['result'] = decisive === 'true' ? 'false' : 'true'
    let isOver = false
    const parts = children.map((child, i): ExplainedCondition => {
      if (isOver) return { text: texts[i], result: 'skipped', values: [], parts: [] }
      const part = child(scope)
      isOver = part.result === decisive || part.result === 'error'
      if (isOver) result = part.result
      return part
    })
    return { text, result, values: [], parts }
  }
}

function leaf(node: BooleanNode, options: CompileOptions): Explain {
  const text = printCondition(node)
  const { test } = compileCondition(text, options)
  const paths = pathsOf(node, options)
  return scope => {
    const values = paths.flatMap(({ path, get }) => {
      try {
        return [{ path, value: get(scope) }]
      } catch {
        return []
      }
    })
    try {
      return { text, result: test(scope) ? 'true' : 'false', values, parts: [] }
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
      return { text, result: 'error', error: error.message, values, parts: [] }
    }
  }
}

function pathsOf(node: BooleanNode, options: CompileOptions): { path: string; get: Getter }[] {
  const texts = new Set<string>()
  visitPaths(node, path => texts.add(printValue(path)))
  return [...texts].flatMap(path => {
    try {
      return [{ path, get: compileValue(path, options).get }]
    } catch {
      // A parameter of a lambda is no path.
      return []
    }
  })
}
