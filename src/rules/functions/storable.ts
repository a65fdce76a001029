/** What a list that a function makes anew may hold, in the reference: plain values, and lists of them. */
import {
  Duration,
  EvaluationError,
  Id,
  OtlpList,
  OtlpMessage,
  Time,
  typeName,
  type Value,
} from '../value.ts'

export function checkStorable(value: Value): void {
  if (Array.isArray(value)) {
    for (const item of value) checkStorable(item)
    return
  }
  const isRefused =
    value instanceof Map ||
    value instanceof Id ||
    value instanceof Time ||
    value instanceof Duration ||
    value instanceof OtlpMessage ||
    value instanceof OtlpList
  if (isRefused) throw new EvaluationError(`a list cannot take a ${typeName(value)} here`)
}
