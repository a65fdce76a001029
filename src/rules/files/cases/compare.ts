/** Holds what came out against what was expected; each difference says where, what was wanted and what there is. */
import { nodeAt, type Tree } from '../../../config/tree.ts'
import type { AnyValue } from '../../../otlp/any-value.ts'
import type { DescribedItem } from './describe-item.ts'
import { fitsValue, showValue, valueJson } from './item-value.ts'
import type { Expectation } from './schema.ts'

/** What the rules did with one item. */
export interface ItemOutcome {
  /** Null = not dropped. */
  readonly droppedBy: string | null
  /** Empty = the pipeline's default. */
  readonly routedTo: readonly string[]
  readonly mirroredTo: readonly string[]
  readonly importance: number
  readonly hits: readonly string[]
  /** `rule: message` of each expression that failed. */
  readonly errors: readonly string[]
  readonly unchanged: boolean
  readonly after: DescribedItem
}

export interface Difference {
  readonly what: string
  readonly expected: string
  readonly got: string
}

export function compareOutcome(
  expect: Expectation,
  tree: Tree,
  outcome: ItemOutcome,
): readonly Difference[] {
  return [
    ...compareDecision(expect, outcome),
    ...compareErrors(expect, outcome),
    ...compareContent(tree, outcome.after),
  ]
}

function compareDecision(expect: Expectation, outcome: ItemOutcome): Difference[] {
  const found: Difference[] = []
  const add = (what: string, expected: string, got: string): void => {
    if (expected !== got) found.push({ what, expected, got })
  }
  add('dropped_by', expect.dropped_by ?? 'nothing', outcome.droppedBy ?? 'nothing')
  if (expect.routed_to !== undefined && outcome.droppedBy === null) {
    const wanted = expect.routed_to === 'default' ? [] : expect.routed_to
    add('routed_to', showIds(wanted, 'default'), showIds(outcome.routedTo, 'default'))
  }
  if (expect.mirrored_to !== undefined) {
    add('mirrored_to', showIds(expect.mirrored_to), showIds(outcome.mirroredTo))
  }
  if (expect.importance !== undefined) {
    add('importance', String(expect.importance), String(outcome.importance))
  }
  if (expect.hits !== undefined) {
    add('hits', `[${expect.hits.join(', ')}]`, `[${outcome.hits.join(', ')}]`)
  }
  if (expect.unchanged !== undefined) {
    add('unchanged', String(expect.unchanged), String(outcome.unchanged))
  }
  return found
}

function showIds(ids: readonly string[], none = 'nowhere'): string {
  return ids.length === 0 ? none : [...ids].sort().join(', ')
}

function compareErrors({ error }: Expectation, { errors }: ItemOutcome): Difference[] {
  const got = errors.length === 0 ? 'no error' : errors.join('; ')
  const expected = typeof error === 'string' ? `an error with "${error}"` : 'an error'
  const isAsExpected =
    typeof error === 'string'
      ? errors.some(message => message.includes(error))
      : errors.length > 0 === (error ?? false)
  if (isAsExpected) return []
  return [
    {
      what: 'error',
      expected: error === undefined || error === false ? 'no error' : expected,
      got,
    },
  ]
}

function compareContent(tree: Tree, after: DescribedItem): Difference[] {
  const found: Difference[] = []
  const parts = [
    ['attributes', after.attributes],
    ['resource', after.resource],
    ['scope', after.scope],
    [after.kind, after.fields],
  ] as const
  for (const [key, value] of parts) {
    const written = nodeAt(tree, [key])
    if (written !== undefined) compareFields(key, written, value, found)
  }
  for (const kind of ['span', 'log', 'metric'] as const) {
    if (kind === after.kind || nodeAt(tree, [kind]) === undefined) continue
    found.push({ what: kind, expected: `a ${kind}`, got: `a ${after.kind}` })
  }
  return found
}

/** Maps are compared key by key as far as they are written. */
function compareFields(
  what: string,
  written: Tree,
  value: AnyValue | undefined,
  found: Difference[],
): void {
  if (written.kind === 'map' && value instanceof Map) {
    for (const [key, entry] of written.entries) {
      compareFields(`${what}.${key}`, entry.value, value.get(key), found)
    }
    return
  }
  if (written.kind === 'list' && Array.isArray(value) && value.some(each => each instanceof Map)) {
    if (written.items.length === value.length) {
      for (const [i, item] of written.items.entries()) {
        compareFields(`${what}.${i}`, item, value[i], found)
      }
      return
    }
  }
  const actual = written.kind === 'scalar' && value instanceof Map ? codeOf(value) : value
  if (!fitsValue(written, actual)) {
    found.push({ what, expected: showWritten(written), got: showValue(actual) })
  }
}

/** `status: ERROR` is short for its code. */
function codeOf(value: ReadonlyMap<string, AnyValue>): AnyValue {
  return value.get('code') ?? value
}

function showWritten(written: Tree): string {
  if (written.kind === 'scalar' && written.value === null) return 'absent'
  if (written.kind === 'scalar') return JSON.stringify(written.value)
  return JSON.stringify(valueJson(written))
}
