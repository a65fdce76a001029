/** What a list that a function makes anew may hold, in the reference: plain values, and lists of them. */
import { isUnstorable } from '../storable.ts'
import { EvaluationError, typeName, type Value } from '../value.ts'

export function checkStorable(value: Value): void {
  if (Array.isArray(value)) {
    for (const item of value) checkStorable(item)
  } else if (value instanceof Map || isUnstorable(value)) {
    throw new EvaluationError(`a list cannot take a ${typeName(value)} here`)
  }
}
