/** `millrace rules explain`: for each captured item, which rules were asked, what they saw, and where the item goes. */
import { SIGNALS, type Signal } from '../../core/signal.ts'
import { makeCursorEvaluator } from '../../rules/files/cursor-evaluator.ts'
import { Engine } from '../../rules/files/engine.ts'
import type { ExplainedCondition } from '../../rules/files/explain-condition.ts'
import { changesOf } from '../../rules/files/item-changes.ts'
import { ruleLanguage } from '../../rules/files/language.ts'
import { RuleFileError } from '../../rules/files/load.ts'
import type { RuleSet } from '../../rules/files/rule-set.ts'
import { showValue } from '../../rules/files/show-value.ts'
import { type AskedRule, partOf, type TracedItem, Tracer } from '../../rules/files/trace.ts'
import { atOnce } from '../../util/in-slices.ts'
import type { CliIo } from '../io.ts'
import { readCapture } from './capture.ts'
import { loadRuleFiles, plural, type RuleFile } from './rule-files.ts'

export interface CaptureOptions {
  readonly in: string
  readonly signal?: Signal
  readonly tenant: string
  readonly limit: number
  readonly json: boolean
}

export async function explainRules(
  path: string,
  options: CaptureOptions & { readonly rule?: string; readonly trace?: string },
  io: CliIo,
): Promise<void> {
  const set = requireSet(loadRuleFiles([path], undefined, io)[0])
  const tracers = makeTracers(set, true)
  const { limit } = options
  let [shown, seen] = [0, 0]
  for (const request of readCapture(options.in, io.cwd, options.signal)) {
    const part = partOf(request.signal, request.bytes)
    const items = tracers.get(request.signal)!.run(part, options.tenant)
    for (const [i, item] of items.entries()) {
      seen++
      if (!isWanted(item, options) || shown >= limit) continue
      shown++
      const name = `${request.name} #${i + 1}`
      io.stdout.write(options.json ? `${jsonLine(name, item)}\n` : showItem(name, item))
    }
  }
  if (!options.json) io.stdout.write(`${plural(seen, 'item')}, ${shown} shown\n`)
}

/** Throws what is wrong with the file. */
export function requireSet({ set, problems }: RuleFile): RuleSet {
  if (set === undefined) throw new RuleFileError(problems)
  return set
}

export function makeTracers(set: RuleSet, explain: boolean): ReadonlyMap<Signal, Tracer> {
  return new Map(
    SIGNALS.map(signal => {
      const engine = atOnce(Engine.build(set, signal, makeCursorEvaluator))
      return [signal, new Tracer(engine, explain ? ruleLanguage : undefined)]
    }),
  )
}

function isWanted(item: TracedItem, { rule, trace }: { rule?: string; trace?: string }): boolean {
  if (rule !== undefined && !item.hits.includes(rule)) return false
  return trace === undefined || item.before.fields.get('trace_id') === trace.toLowerCase()
}

/** Where it goes, in one line. */
export function showDecision(item: TracedItem): string {
  const parts = [
    item.droppedBy === null
      ? `goes to ${item.routedTo.length === 0 ? "the pipeline's default" : item.routedTo.join(', ')}`
      : `dropped by ${item.droppedBy}`,
    ...(item.mirroredTo.length > 0 ? [`copied to ${item.mirroredTo.join(', ')}`] : []),
    ...(item.importance === 0 ? [] : [`importance ${item.importance}`]),
  ]
  return parts.join('; ')
}

function showItem(name: string, item: TracedItem): string {
  const { kind, title, fields } = item.before
  const trace = fields.get('trace_id')
  const lines = [
    `${name} ${kind} ${JSON.stringify(title)}${trace ? ` trace ${trace}` : ''}`,
    `  ${showDecision(item)}`,
    ...item.asked.flatMap(asked => showAsked(asked, item)),
    ...changesOf(item.before, item.after).map(
      ({ field, before, after }) => `    changed ${field}: ${before} -> ${after}`,
    ),
    ...item.errors.map(error => `    failed: ${error}`),
  ]
  return `${lines.join('\n')}\n\n`
}

function showAsked({ rule, condition }: AskedRule, { hits }: TracedItem): string[] {
  const mark = hits.includes(rule.name) ? 'matches' : 'does not match'
  const head = `    ${rule.name} (${rule.file}:${rule.line}) ${mark}`
  return condition === null
    ? [`${head}: it has no condition`]
    : [head, ...showCondition(condition, 6)]
}

function showCondition(condition: ExplainedCondition, indent: number): string[] {
  const { text, result, error, values, parts } = condition
  const pad = ' '.repeat(indent)
  const outcome =
    result === 'skipped'
      ? 'not needed'
      : result === 'error'
        ? `fails: ${error ?? 'in a part'}`
        : result
  return [
    `${pad}${outcome}: ${text}`,
    ...values.map(({ path, value }) => `${pad}  ${path} = ${showValue(value)}`),
    ...parts.flatMap(part => showCondition(part, indent + 2)),
  ]
}

function jsonLine(name: string, item: TracedItem): string {
  const { droppedBy, routedTo, mirroredTo, importance, hits, errors } = item
  return JSON.stringify({
    item: name,
    kind: item.before.kind,
    title: item.before.title,
    trace_id: item.before.fields.get('trace_id'),
    dropped_by: droppedBy,
    routed_to: routedTo,
    mirrored_to: mirroredTo,
    importance,
    hits,
    errors,
    rules: item.asked.map(({ rule, condition }) => ({
      name: rule.name,
      matches: hits.includes(rule.name),
      condition: condition === null ? null : jsonCondition(condition),
    })),
    changes: changesOf(item.before, item.after),
  })
}

function jsonCondition({ text, result, error, values, parts }: ExplainedCondition): object {
  return {
    text,
    result,
    ...(error === undefined ? {} : { error }),
    values: Object.fromEntries(values.map(({ path, value }) => [path, showValue(value)])),
    parts: parts.map(jsonCondition),
  }
}
