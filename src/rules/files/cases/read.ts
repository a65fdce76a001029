/** `*.cases.yaml` to cases that can run, with every problem at its place. */

import { judgeAt } from '../../../config/judge-at.ts'
import type { Problem } from '../../../config/problems.ts'
import { readYaml } from '../../../config/read-yaml.ts'
import type { Source } from '../../../config/source.ts'
import { findSpan, nodeAt, type Path, problemAt, type Tree } from '../../../config/tree.ts'
import { DEFAULT_TENANT } from '../../../core/batch.ts'
import { findNearest } from '../../../util/nearest.ts'
import { type BuiltItem, buildItem } from './build-item.ts'
import { CASE_SCHEMA, CASES_SCHEMA, type Expectation, type WrittenCase } from './schema.ts'

export interface RuleCase {
  readonly name: string
  readonly tenant: string
  readonly item: BuiltItem
  readonly expect: Expectation
  /** The expectation as written, for values whose form matters. */
  readonly expectTree: Tree
  readonly file: string
  readonly line: number
}

export interface ReadCases {
  readonly cases: readonly RuleCase[]
  readonly problems: readonly Problem[]
}

/** The file of cases that belongs to a rule file: `x.yaml` has `x.cases.yaml` beside it. */
export function casesPathOf(rulePath: string): string {
  return rulePath.replace(/(\.ya?ml)?$/, extension => `.cases${extension || '.yaml'}`)
}

/** `rules` are the names that expectations may use. */
export function readCases(source: Source, rules: readonly string[]): ReadCases {
  const { tree, problems } = readYaml(source)
  const found: Problem[] = [...problems]
  const cases: RuleCase[] = []
  if (tree !== null) {
    judgeAt(CASES_SCHEMA, tree, [], found)
    const list = nodeAt(tree, ['cases'])
    if (list?.kind === 'list') {
      for (const i of list.items.keys()) {
        const read = readCase(tree, ['cases', i], rules, found)
        if (read !== undefined) cases.push(read)
      }
    }
  }
  return { cases, problems: found.sort((a, b) => a.line - b.line || a.column - b.column) }
}

function readCase(
  tree: Tree,
  path: Path,
  rules: readonly string[],
  problems: Problem[],
): RuleCase | undefined {
  const written = judgeAt<WrittenCase>(CASE_SCHEMA, tree, path, problems)
  if (written === undefined) return undefined
  const before = problems.length
  const { name, tenant, expect } = written
  const say = (inner: Path, message: string, expected?: string, nearest?: string): void => {
    const whole = [...path, ...inner]
    const span = findSpan(tree, whole, 'value')
    problems.push(problemAt(span, { path: whole, message, expected, nearest }))
  }
  if (Object.keys(expect).length === 0)
    say(['expect'], 'expects nothing', 'dropped_by and the like')
  const named = [
    ...(expect.dropped_by === undefined ? [] : [[['expect', 'dropped_by'], expect.dropped_by]]),
    ...(expect.hits ?? []).map((rule, i) => [['expect', 'hits', i], rule]),
  ] as [Path, string][]
  for (const [inner, rule] of named) {
    if (rules.includes(rule)) continue
    say(inner, `there is no rule "${rule}"`, undefined, findNearest(rule, rules))
  }
  const item = buildItem(nodeAt(tree, path)!, problems, path)
  if (item === undefined || problems.length > before) return undefined
  const { source, start } = findSpan(tree, [...path, 'name'], 'value')
  return {
    name,
    tenant: tenant ?? DEFAULT_TENANT,
    item,
    expect,
    expectTree: nodeAt(tree, [...path, 'expect'])!,
    file: source.name,
    line: source.locate(start).line,
  }
}
