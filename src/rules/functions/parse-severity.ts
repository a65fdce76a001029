/** ParseSeverity: a log level from text or a number, by a mapping of levels to what stands for them. */
import { constantOf } from '../constant.ts'
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { EvaluationError, isList, isMap, typeName, type Value, type ValueMap } from '../value.ts'
import { explained } from './explained.ts'

interface Criterion {
  readonly equals: readonly string[]
  readonly range: readonly [min: bigint, max: bigint] | undefined
}

type Levels = readonly (readonly [level: string, criteria: readonly Criterion[]])[]

const HTTP_RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  '2xx': [200n, 299n],
  '3xx': [300n, 399n],
  '4xx': [400n, 499n],
  '5xx': [500n, 599n],
}

const parseSeverity = defineFunction({
  name: 'ParseSeverity',
  kind: 'converter',
  params: [
    { name: 'Target', type: 'any' },
    { name: 'Mapping', type: 'map' },
  ],
  summary:
    'The level whose criteria (lists of equals and range) a text or number meets; the mapping is a literal.',
  example: {
    expr: 'ParseSeverity(404, {"error": [{"range": "4xx"}], "info": [{"equals": ["ok"]}]})',
    result: '"error"',
  },
  make([target, mapping]: readonly Getter[]) {
    const levels = levelsOf(mapping)
    // A mapping that is wrong fails for each item, as in the reference, and only there.
    if (typeof levels === 'string') {
      return () => {
        throw new EvaluationError(levels)
      }
    }
    const level = explained(target, 'could not get log level')
    return scope => levelOf(level(scope), levels)
  },
})

/** A text says what is wrong. */
function levelsOf(mapping: Getter): Levels | string {
  const constant = constantOf(mapping)
  if (constant === undefined) return 'severity mapping must be a literal PMap'
  const levels: [string, Criterion[]][] = []
  for (const [level, list] of constant.value as ValueMap) {
    if (!isList(list)) return 'severity mapping criteria must be []any'
    const criteria: Criterion[] = []
    for (const item of list) {
      if (!isMap(item)) return 'severity mapping criteria items must be map[string]any'
      const criterion = criterionOf(item)
      if (typeof criterion === 'string') return `invalid severity mapping criteria: ${criterion}`
      criteria.push(criterion)
    }
    levels.push([level, criteria])
  }
  return levels
}

function criterionOf(item: ValueMap): Criterion | string {
  const equals = item.get('equals')
  if (equals !== undefined && !isList(equals)) return 'equals must be a list'
  const texts = equals ?? []
  if (!texts.every(text => typeof text === 'string')) return 'equals values must be strings'
  const range = item.get('range')
  if (range === undefined) return { equals: texts, range }
  const limits = rangeOf(range)
  return typeof limits === 'string' ? limits : { equals: texts, range: limits }
}

function rangeOf(range: Value): readonly [bigint, bigint] | string {
  if (typeof range === 'string') {
    const known = Object.hasOwn(HTTP_RANGES, range) ? HTTP_RANGES[range] : undefined
    return known ?? `unknown range placeholder: ${range}`
  }
  if (!isMap(range)) return 'range must be a map or a known placeholder string'
  const [min, max] = [range.get('min'), range.get('max')]
  if (min === undefined) return 'range must have a min value'
  if (max === undefined) return 'range must have a max value'
  if (typeof min !== 'bigint') return 'min must be an int64'
  if (typeof max !== 'bigint') return 'max must be an int64'
  return [min, max]
}

/** The levels in the order of the mapping; where several fit the reference takes any of them. */
function levelOf(value: Value, levels: Levels): Value {
  for (const [level, criteria] of levels) {
    if (criteria.some(criterion => fits(value, criterion))) return level
  }
  throw new EvaluationError('could not map log level: no matching log level found')
}

function fits(value: Value, { equals, range }: Criterion): boolean {
  if (typeof value === 'string') return equals.includes(value)
  if (typeof value === 'bigint') {
    return range !== undefined && value >= range[0] && value <= range[1]
  }
  throw new EvaluationError(
    `could not map log level: could not evaluate log level: unsupported value type: ${typeName(value)}`,
  )
}

export const severityFunctions: readonly FunctionSpec[] = [parseSeverity]
