/** `millrace rules eval`: one expression or statement on captured or written items, to try things out. */

import { judgeAt } from '../../config/judge-at.ts'
import type { Problem } from '../../config/problems.ts'
import { readYaml } from '../../config/read-yaml.ts'
import { NO_CONTEXT } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import { encodeParts, flatten } from '../../otlp/encode.ts'
import { compileCondition, compileStatement, compileValue } from '../../rules/compile.ts'
import type { ContextName } from '../../rules/context.ts'
import { contextSpec } from '../../rules/contexts/index.ts'
import { PartEditor } from '../../rules/contexts/part-editor.ts'
import { buildItem } from '../../rules/files/cases/build-item.ts'
import { ItemReader } from '../../rules/files/cases/describe-item.ts'
import { ITEM_SCHEMA } from '../../rules/files/cases/schema.ts'
import { changesOf } from '../../rules/files/item-changes.ts'
import { RuleFileError } from '../../rules/files/load.ts'
import { readSource } from '../../rules/files/read-file.ts'
import { showValue } from '../../rules/files/show-value.ts'
import { partOf } from '../../rules/files/trace.ts'
import { RuleError } from '../../rules/format-error.ts'
import { standardFunctions } from '../../rules/functions/index.ts'
import { EvaluationError } from '../../rules/value.ts'
import type { CliIo } from '../io.ts'
import { type CapturedRequest, readCapture } from './capture.ts'

const SIGNAL_OF: Readonly<Partial<Record<ContextName, Signal>>> = {
  span: 'traces',
  spanevent: 'traces',
  spanlink: 'traces',
  metric: 'metrics',
  datapoint: 'metrics',
  exemplar: 'metrics',
  log: 'logs',
}

export interface EvalOptions {
  readonly context: ContextName
  readonly in: string
  readonly signal?: Signal
}

/** What an expression does with what a scope stands on; the text is its result. */
type Run = (scope: unknown) => string

export function evaluate(text: string, options: EvalOptions, io: CliIo): void {
  for (const request of readItems(options, io)) {
    const wanted = SIGNAL_OF[options.context]
    if (wanted !== undefined && wanted !== request.signal) continue
    io.stdout.write(evaluateOn(request, text, options.context))
  }
}

function evaluateOn(
  { signal, bytes, name }: CapturedRequest,
  text: string,
  context: ContextName,
): string {
  const run = compileAny(text, context)
  const part = partOf(signal, bytes)
  const editor = new PartEditor(signal)
  const lines: string[] = []
  editor.open(part, NO_CONTEXT)
  editor.each(context, scope => {
    lines.push(`${name} ${context} ${lines.length + 1}: ${runOne(run, scope)}`)
  })
  const edited = flatten(encodeParts([{ ...part, ...editor.finish() }]))
  const after = partOf(signal, edited)
  const reader = new ItemReader()
  const items = Math.min(part.index.items, after.index.items)
  for (let item = 0; item < items; item++) {
    const before = reader.read(bytes, part.index, item)
    for (const change of changesOf(before, reader.read(edited, after.index, item))) {
      lines.push(`  item ${item + 1} ${change.field}: ${change.before} -> ${change.after}`)
    }
  }
  return lines.length === 0 ? `${name} has no ${context}\n` : `${lines.join('\n')}\n`
}

function runOne(run: Run, scope: unknown): string {
  try {
    return run(scope)
  } catch (error) {
    if (error instanceof EvaluationError) return `error: ${error.message}`
    throw error
  }
}

/** A statement begins with a small letter and a parenthesis; of the rest, what reads as a condition is one. */
function compileAny(text: string, context: ContextName): Run {
  const options = { context: contextSpec(context), functions: standardFunctions }
  if (/^\s*[a-z]\w*\s*\(/.test(text)) {
    const { run } = compileStatement(text, options)
    return scope => (run(scope) ? 'ran' : 'did not run')
  }
  const attempts: (() => Run)[] = [
    () => {
      const { get } = compileValue(text, options)
      return scope => showValue(get(scope))
    },
    () => {
      const { test } = compileCondition(text, options)
      return scope => String(test(scope))
    },
  ]
  let furthest: RuleError | undefined
  for (const attempt of attempts) {
    try {
      return attempt()
    } catch (error) {
      if (!(error instanceof RuleError)) throw error
      if (furthest === undefined || reach(error) > reach(furthest)) furthest = error
    }
  }
  throw furthest
}

/** What reads well and names something unknown was meant so; of what does not, the attempt that came furthest. */
function reach({ code, at }: RuleError): number {
  return code === 'MILLRACE_RULES_SYNTAX' ? at.start : Number.POSITIVE_INFINITY
}

/** A capture, or one item in the short notation of cases. */
function readItems(options: EvalOptions, io: CliIo): readonly CapturedRequest[] {
  const isCapture = /\.(pb|bin|jsonl|ndjson)$/.test(options.in)
  if (!isCapture) {
    const source = readSource(options.in, io.cwd)
    if (!/"?resource_?(spans|logs|metrics)"?\s*:/i.test(source.text)) {
      return [readNotation(options.in, source)]
    }
  }
  return readCapture(options.in, io.cwd, options.signal)
}

function readNotation(name: string, source: ReturnType<typeof readSource>): CapturedRequest {
  const { tree, problems } = readYaml(source)
  const found: Problem[] = [...problems]
  if (tree === null && found.length === 0) {
    throw new MillraceError('MILLRACE_RULES_UNREADABLE', `${name}: it is empty.`)
  }
  const fits = tree !== null && judgeAt(ITEM_SCHEMA, tree, [], found) !== undefined
  const item = fits ? buildItem(tree, found) : undefined
  if (item === undefined) throw new RuleFileError(found)
  return { ...item, name }
}
