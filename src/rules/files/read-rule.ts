/** One written rule to one that can run: expressions are compiled, destinations looked up, what makes no sense is said. */
import type { Problem } from '../../config/problems.ts'
import { type Fault, findSpan, nodeAt, type Path, problemAt, type Tree } from '../../config/tree.ts'
import type { Signal } from '../../core/signal.ts'
import { findNearest } from '../../util/nearest.ts'
import { type CompileOptions, compileCondition, compileStatement } from '../compile.ts'
import { RuleError } from '../format-error.ts'
import type { ErrorMode } from '../sequence.ts'
import { locateInScalar } from './locate.ts'
import type { Action, Mirror, Route, Rule, RuleLanguage } from './rule-set.ts'
import { RULE_CONTEXTS, type WrittenFile, type WrittenRule } from './schema.ts'
import { tenantTest } from './tenants.ts'

/** An expression of this length is a program, and no rule. */
const MAX_EXPRESSION = 16_384

export interface RuleOptions {
  readonly language: RuleLanguage
  /** Ids of exporters that rules on items of a signal may name; undefined: any. */
  readonly destinations?: (signal: Signal) => readonly string[] | undefined
  /** For files that do not say; `ignore` otherwise. */
  readonly errorMode?: ErrorMode
}

/** Where the rule is written. */
export interface RulePlace {
  readonly tree: Tree
  readonly path: Path
  readonly defaults: WrittenFile['defaults']
}

/** Undefined when something is wrong with it; what, is added to `problems`. */
export function buildRule(
  written: WrittenRule,
  place: RulePlace,
  options: RuleOptions,
  problems: Problem[],
): Rule | undefined {
  const before = problems.length
  const rule = new RuleBuilder(written, place, options, problems).build()
  const isFine = problems.slice(before).every(problem => problem.severity !== 'error')
  return isFine ? rule : undefined
}

/** The map form of `do`, with every other form brought into it. */
interface WrittenAction {
  readonly drop?: boolean
  readonly edit?: readonly string[]
  readonly route?: readonly string[] | Extract<WrittenMap['route'], { split: unknown }>
  readonly mirror?: string
  readonly percent?: number
  readonly importance?: number
}

type WrittenMap = Exclude<WrittenRule['do'], 'drop' | readonly string[]>

class RuleBuilder {
  readonly #written: WrittenRule
  readonly #place: RulePlace
  readonly #options: RuleOptions
  readonly #problems: Problem[]
  readonly #compile: CompileOptions
  readonly #on: Rule['on']

  constructor(written: WrittenRule, place: RulePlace, options: RuleOptions, problems: Problem[]) {
    this.#written = written
    this.#place = place
    this.#options = options
    this.#problems = problems
    this.#on = written.on ?? place.defaults.on
    const { language } = options
    this.#compile = { context: language.context(this.#on), functions: language.functions }
  }

  build(): Rule {
    const { name, tenants, when, error_mode } = this.#written
    const action = this.#action()
    this.#checkSense(action)
    const span = findSpan(this.#place.tree, [...this.#place.path, 'name'], 'value')
    return {
      name,
      on: this.#on,
      errorMode:
        error_mode ?? this.#place.defaults.error_mode ?? this.#options.errorMode ?? 'ignore',
      tenants: tenants === undefined ? null : tenantTest(tenants),
      when:
        when === undefined ? null : (this.#expression(['when'], when, compileCondition) ?? null),
      action,
      continues: this.#written.continue ?? false,
      file: span.source.name,
      line: span.source.locate(span.start).line,
    }
  }

  #action(): Action {
    const { do: written } = this.#written
    if (written === 'drop') return { ...NO_ACTION, drop: true }
    if (Array.isArray(written)) return { ...NO_ACTION, edits: this.#edits(['do'], written) }
    const { edit, route, mirror, percent, importance } = written as WrittenAction
    if (percent !== undefined && mirror === undefined) {
      this.#say(['do', 'percent'], 'has no effect without mirror', 'mirror beside it')
    }
    return {
      drop: false,
      edits: edit === undefined ? [] : this.#edits(['do', 'edit'], edit),
      route: route === undefined ? null : this.#route(route),
      mirror: mirror === undefined ? null : this.#mirror(mirror, percent ?? 100),
      importance: importance ?? null,
    }
  }

  #edits(path: Path, texts: readonly string[]): Action['edits'] {
    return texts.flatMap((text, i) => this.#expression([...path, i], text, compileStatement) ?? [])
  }

  #route(written: NonNullable<WrittenAction['route']>): Route {
    const path = ['do', 'route']
    if (!('split' in written)) {
      for (const [i, id] of written.entries()) {
        this.#destination([...path, i], id, 'value')
        if (written.indexOf(id) < i) this.#say([...path, i], `"${id}" is here twice`)
      }
      return { kind: 'list', to: [...new Set(written)] }
    }
    const { split, by } = written
    const weights = Object.entries(split)
    for (const [id] of weights) this.#destination([...path, 'split', id], id, 'key')
    const sum = weights.reduce((total, [, weight]) => total + weight, 0)
    if (sum <= 0)
      this.#say([...path, 'split'], 'has no weight above 0', 'a weight for each exporter')
    let below = 0
    const shares = weights
      .filter(([, weight]) => weight > 0)
      .map(([to, weight]) => ({ to, below: (below += weight / sum) }))
    return {
      kind: 'split',
      shares: shares.map((share, i) => (i === shares.length - 1 ? { ...share, below: 1 } : share)),
      by: by ?? 'trace_id',
    }
  }

  #mirror(to: string, percent: number): Mirror {
    this.#destination(['do', 'mirror'], to, 'value')
    return { to, share: percent / 100 }
  }

  #destination(path: Path, id: string, part: 'key' | 'value'): void {
    const destinations = this.#options.destinations?.(RULE_CONTEXTS[this.#on])
    if (destinations === undefined || destinations.includes(id)) return
    const nearest = findNearest(id, destinations)
    const listed = destinations.length === 0 ? undefined : `one of ${destinations.join(', ')}`
    const expected = nearest === undefined ? listed : undefined
    this.#add(path, { message: `there is no exporter "${id}"`, nearest, expected }, part)
  }

  #checkSense({ drop, route, mirror, importance }: Action): void {
    const aims = route !== null || mirror !== null || importance !== null
    const { do: written } = this.#written
    if (typeof written === 'object' && Object.keys(written).length === 0) {
      this.#say(['do'], 'does nothing', 'edit, route, mirror or importance')
    }
    if (this.#on === 'spanevent' && aims) {
      const message = 'events go where their span goes'
      this.#say(['do'], message, 'drop or edits here, or a rule on: span')
    }
    if (drop && this.#written.continue === true) {
      this.#say(['continue'], 'what is dropped goes no further', 'no continue beside drop')
    }
  }

  #expression<T>(
    path: Path,
    text: string,
    compile: (text: string, options: CompileOptions) => T,
  ): T | undefined {
    if (text.length > MAX_EXPRESSION) {
      this.#say(path, `is ${text.length} characters long`, `at most ${MAX_EXPRESSION}`)
      return undefined
    }
    try {
      return compile(singleDollars(text), this.#compile)
    } catch (error) {
      if (!(error instanceof RuleError)) throw error
      this.#addAt(path, text, error)
      return undefined
    }
  }

  #addAt(path: Path, text: string, { reason, at: found }: RuleError): void {
    const at = { start: offsetIn(text, found.start), end: offsetIn(text, found.end) }
    const full = [...this.#place.path, ...path]
    const whole = nodeAt(this.#place.tree, full)?.at
    const span =
      whole === undefined
        ? findSpan(this.#place.tree, full, 'value')
        : locateInScalar(whole, text, at.start, at.end)
    this.#problems.push(problemAt(span, { path: full, message: reason }))
  }

  #say(path: Path, message: string, expected?: string): void {
    this.#add(path, { message, expected }, 'value')
  }

  #add(path: Path, fault: Omit<Fault, 'path'>, part: 'key' | 'value'): void {
    const full = [...this.#place.path, ...path]
    const span = findSpan(this.#place.tree, full, part)
    this.#problems.push(problemAt(span, { ...fault, path: full }))
  }
}

const NO_ACTION: Action = { drop: false, edits: [], route: null, mirror: null, importance: null }

/**
 * `$$` stands for `$`, as in collector configurations, where a single one before a brace would be a reference. So
 * statements can be moved from one to the other as they are.
 */
function singleDollars(text: string): string {
  return text.replaceAll('$$', () => '$')
}

/** The offset in the written text of an offset in what `singleDollars` made of it. */
function offsetIn(text: string, offset: number): number {
  let at = 0
  for (let i = 0; i < offset; i++) at += text.startsWith('$$', at) ? 2 : 1
  return at
}
