/** How an item differs from what it was: field by field, in the short notation. */
import type { AnyValue } from '../../otlp/any-value.ts'
import type { DescribedItem } from './cases/describe-item.ts'
import { showValue } from './cases/item-value.ts'

export interface Change {
  readonly field: string
  readonly before: string
  readonly after: string
}

export function changesOf(before: DescribedItem, after: DescribedItem): readonly Change[] {
  const found: Change[] = []
  compare('resource', before.resource, after.resource, found)
  compare('scope', before.scope, after.scope, found)
  compare('', before.fields, after.fields, found)
  return found
}

function compare(
  field: string,
  before: AnyValue | undefined,
  after: AnyValue | undefined,
  found: Change[],
): void {
  if (before instanceof Map && after instanceof Map) {
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      compare(field === '' ? key : `${field}.${key}`, before.get(key), after.get(key), found)
    }
    return
  }
  const [old, now] = [showValue(before), showValue(after)]
  if (old !== now) found.push({ field, before: old, after: now })
}
