/** Rule files to a rule set, with every problem at its place: nothing stops at the first fault. */
import { createHash } from 'node:crypto'
import { judgeSection } from '../../config/judge.ts'
import { judgeAt } from '../../config/judge-at.ts'
import { describeProblem, type Problem } from '../../config/problems.ts'
import { readYamlSteps } from '../../config/read-yaml.ts'
import type { Source } from '../../config/source.ts'
import { findSpan, nodeAt, type Path, problemAt, type Tree, toPlain } from '../../config/tree.ts'
import { MillraceError } from '../../errors.ts'
import { atOnce } from '../../util/in-slices.ts'
import { buildRule, type RuleOptions, type RulePlace } from './read-rule.ts'
import { type Rule, RuleSet } from './rule-set.ts'
import { FILE_SCHEMA, formOf, RULE_SCHEMAS, type WrittenFile, type WrittenRule } from './schema.ts'

/** Enough to tell sets apart, short enough to be typed. */
const HASH_DIGITS = 16

export interface LoadedRules {
  /** Undefined if there is an error among the problems. */
  readonly set: RuleSet | undefined
  /** Errors and warnings, by file and place. */
  readonly problems: readonly Problem[]
}

/** The rule files cannot be used; `problems` holds every fault. */
export class RuleFileError extends MillraceError {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    const errors = problems.filter(problem => problem.severity === 'error')
    super(
      'MILLRACE_RULES_INVALID',
      errors.map(problem => `\n  ${describeProblem(problem)}`).join(''),
    )
    this.name = 'RuleFileError'
    this.problems = problems
  }
}

/** Several files make one set, in this order. Does not throw for what is in them. */
export function loadRules(sources: readonly Source[], options: RuleOptions): LoadedRules {
  return atOnce(loadSteps(sources, options))
}

/** In steps, see `inSlices`. */
export function* loadSteps(
  sources: readonly Source[],
  options: RuleOptions,
): Generator<void, LoadedRules> {
  const reader = new SetReader(options)
  for (const source of sources) yield* reader.read(source)
  return conclude(reader, sources)
}

function conclude(reader: SetReader, sources: readonly Source[]): LoadedRules {
  const valid = !reader.problems.some(problem => problem.severity === 'error')
  const order = sources.map(source => source.name)
  const problems = reader.problems.sort(
    (a, b) =>
      order.indexOf(a.file) - order.indexOf(b.file) || a.line - b.line || a.column - b.column,
  )
  const set = valid ? new RuleSet(reader.rules, order, hashOf(sources)) : undefined
  return { set, problems }
}

function hashOf(sources: readonly Source[]): string {
  const hash = createHash('sha256')
  for (const { text } of sources) hash.update(text).update('\0')
  return hash.digest('hex').slice(0, HASH_DIGITS)
}

class SetReader {
  readonly problems: Problem[] = []
  readonly rules: Rule[] = []
  readonly #options: RuleOptions
  /** Places of names that are taken. */
  readonly #names = new Map<string, string>()

  constructor(options: RuleOptions) {
    this.#options = options
  }

  /** Yields while the text is parsed, and after each rule. */
  *read(source: Source): Generator<void> {
    const { tree, problems } = yield* readYamlSteps(source)
    this.problems.push(...problems)
    if (problems.length > 0) return
    if (tree === null) {
      const whole = { source, start: 0, end: 0, shown: true }
      const expected = 'version: 1 and rules'
      this.problems.push(problemAt(whole, { path: [], message: 'the file is empty', expected }))
      return
    }
    const before = this.problems.length
    yield
    const file = judgeAt<WrittenFile>(FILE_SCHEMA, tree, [], this.problems)
    const list = nodeAt(tree, ['rules'])
    if (list?.kind !== 'list') return
    const defaults = file?.defaults ?? { on: 'span' }
    const first = this.rules.length
    for (const i of list.items.keys()) {
      this.#readRule(tree, i, defaults)
      yield
    }
    if (this.problems.length === before) this.#warnUnreachable(tree, first)
  }

  #readRule(tree: Tree, i: number, defaults: WrittenFile['defaults']): void {
    const path = ['rules', i]
    const plain = toPlain(nodeAt(tree, path)!)
    const written = judgeAt<WrittenRule>(RULE_SCHEMAS[formOf(plain)], tree, path, this.problems)
    const name = (plain as { name?: unknown } | null)?.name
    if (typeof name === 'string') this.#takeName(tree, [...path, 'name'], name)
    const place = { tree, path, defaults }
    if (written === undefined) this.#checkRest(plain, place)
    else {
      const rule = buildRule(written, place, this.#options, this.problems)
      if (rule !== undefined) this.rules.push(rule)
    }
  }

  /** Looks at the expressions and destinations of a rule that is wrong in another respect. */
  #checkRest(plain: unknown, place: RulePlace): void {
    if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) return
    const rest: Record<string, unknown> = { name: '-', do: 'drop', ...plain }
    const { faults } = judgeSection({ schema: RULE_SCHEMAS[formOf(rest)] }, rest)
    for (const { path } of faults) delete rest[String(path[0])]
    const whole = { name: '-', do: 'drop', ...rest }
    const verdict = judgeSection({ schema: RULE_SCHEMAS[formOf(whole)] }, whole)
    if (verdict.faults.length > 0) return
    buildRule(verdict.config as WrittenRule, place, this.#options, this.problems)
  }

  #takeName(tree: Tree, path: Path, name: string): void {
    const span = findSpan(tree, path, 'value')
    const { line } = span.source.locate(span.start)
    const taken = this.#names.get(name)
    if (taken === undefined) {
      this.#names.set(name, `${span.source.name}:${line}`)
      return
    }
    const message = `there is already a rule "${name}", at ${taken}`
    this.problems.push(problemAt(span, { path, message, expected: 'a name of its own' }))
  }

  /** Behind a rule that lets nothing pass, others of its context do nothing. */
  #warnUnreachable(tree: Tree, first: number): void {
    const ends = new Map<string, string>()
    for (const [i, rule] of this.rules.slice(first).entries()) {
      const end = ends.get(rule.on)
      if (end !== undefined) {
        const path = ['rules', i, 'name']
        const message = `is never reached: every ${rule.on} ends at the rule "${end}"`
        const span = findSpan(tree, path, 'value')
        this.problems.push(problemAt(span, { severity: 'warning', path, message }))
      }
      const { drop, route } = rule.action
      const always = rule.when === null && rule.tenants === null
      const final = drop || (route !== null && !rule.continues)
      if (always && final && end === undefined) ends.set(rule.on, rule.name)
    }
  }
}
