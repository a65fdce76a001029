/** ParseJSON: text of an object or an array as a map or a list. All numbers become floats, as in the reference. */
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { EvaluationError, type Value } from '../value.ts'
import { parseLenientJson } from './lenient-json.ts'

/** How deep lists and maps may stand in each other. */
const MAX_DEPTH = 1_000

const parseJson = defineFunction({
  name: 'ParseJSON',
  kind: 'converter',
  params: [{ name: 'Target', type: 'string' }],
  summary: 'The map or list that a JSON text describes; numbers become floats.',
  example: {
    expr: 'ParseJSON("{\\"a\\": [1, true, null]}")',
    result: '{"a": [1.0, true, nil]}',
  },
  make([target]: readonly Getter[]) {
    return scope => parse(target(scope) as string)
  },
})

function parse(text: string): Value {
  const parsed = decode(text)
  if (typeof parsed !== 'object' || parsed === null) {
    throw new EvaluationError('could not convert the parsed value to a JSON object or array')
  }
  return toValue(parsed, 1)
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    try {
      return parseLenientJson(text, MAX_DEPTH)
    } catch (error) {
      throw new EvaluationError(`invalid JSON: ${(error as Error).message}`)
    }
  }
}

function toValue(json: unknown, depth: number): Value {
  if (typeof json === 'number') {
    if (Number.isFinite(json)) return json
    throw new EvaluationError('invalid JSON: a number is out of range')
  }
  if (typeof json === 'string') return wellFormed(json)
  if (typeof json !== 'object' || json === null) return json as boolean | null
  if (depth > MAX_DEPTH) throw new EvaluationError(`JSON is nested deeper than ${MAX_DEPTH}`)
  if (Array.isArray(json)) return json.map(item => toValue(item, depth + 1))
  return new Map(
    Object.entries(json).map(([key, item]) => [wellFormed(key), toValue(item, depth + 1)]),
  )
}

/** Half a surrogate pair cannot be written in UTF-8. */
function wellFormed(text: string): string {
  return /[\ud800-\udfff]/.test(text) ? text.replace(/\p{Cs}/gu, '\ufffd') : text
}

export const jsonFunctions: readonly FunctionSpec[] = [parseJson]
