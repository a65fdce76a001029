/** `value[key]` on what a converter or a lambda's parameter gave; unlike attributes, a missing key is an error there. */
import { EvaluationError, Id, typeName, type Value } from './value.ts'

export function indexValue(value: Value, key: Value): Value {
  if (typeof key === 'string') {
    if (!(value instanceof Map)) {
      throw new EvaluationError(`type ${typeName(value)} does not support string indexing`)
    }
    const item: Value | undefined = value.get(key)
    if (item === undefined) throw new EvaluationError('key not found in map')
    return item
  }
  if (typeof key !== 'bigint') throw new EvaluationError(`${typeName(key)} cannot be a key`)
  const isBytes = value instanceof Uint8Array && !(value instanceof Id)
  if (!Array.isArray(value) && !isBytes) {
    throw new EvaluationError(`type ${typeName(value)} does not support int indexing`)
  }
  if (key < 0n || key >= BigInt(value.length)) {
    throw new EvaluationError(`index ${key} out of bounds`)
  }
  return isBytes ? BigInt(value[Number(key)]) : value[Number(key)]
}
