/** What is wrong with a configuration: every fault with its place, and the error that carries all of them at once. */
import { MillraceError } from '../errors.ts'
import type { Source } from './source.ts'

export interface Problem {
  /** Errors refuse the configuration; warnings are shown and let it pass. */
  readonly severity: 'error' | 'warning'
  /** Dotted path of the key, as in `receivers.otlp.protocols.grpc.endpoint`; list items by number. Empty: the whole. */
  readonly path: string
  /** Name of the source: a file path as given, `env:VAR`, `yaml` or `--set`. Empty if no source is to blame. */
  readonly file: string
  /** 1-based; 0 if there is no place. */
  readonly line: number
  /** 1-based, in characters; 0 if there is no place. */
  readonly column: number
  readonly message: string
  /** What would be right. */
  readonly expected?: string
  /** The nearest valid key, id or value. */
  readonly nearest?: string
  /** The place in the source text, for drawing the line. Left out of JSON. */
  readonly at?: Span
}

/** A stretch of a source; `end` is exclusive. Offsets count UTF-16 units. */
export interface Span {
  readonly source: Source
  readonly start: number
  readonly end: number
  /** The text of the span may be shown. False for secrets and for values that came from elsewhere. */
  readonly shown: boolean
}

/** The configuration cannot be used; `problems` holds every fault, and the warnings besides. */
export class ConfigError extends MillraceError {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super('MILLRACE_CONFIG_INVALID', summarize(problems))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** One line a problem, without source text: what goes to logs. */
export function describeProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}: ` : ''
  const path = problem.path === '' ? '' : `${problem.path}: `
  const expected = problem.expected === undefined ? '' : `; expected ${problem.expected}`
  const nearest = problem.nearest === undefined ? '' : `; did you mean "${problem.nearest}"?`
  return `${place}${path}${problem.message}${expected}${nearest}`
}

function summarize(problems: readonly Problem[]): string {
  const errors = problems.filter(problem => problem.severity === 'error')
  return errors.map(problem => `\n  ${describeProblem(problem)}`).join('')
}

/** Dotted, as people write `--set`. */
export function joinPath(path: readonly (string | number)[]): string {
  return path.join('.')
}
