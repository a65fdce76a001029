/** How attributes become text in a composite key: `name=value|`, and `name=|` for what is not there, as upstream writes it. */
import type { AnyValue } from '../../../otlp/any-value.ts'
import type { AttributesView } from '../../../otlp/attributes-view.ts'
import { asString } from '../../../rules/as-string.ts'

/** Names that stand for a field of the item itself. */
export type Pseudo<V> = ReadonlyMap<string, (item: V) => string>

export function keyText(name: string, value: string): string {
  return `${name}=${value}|`
}

/** Undefined when it is not there. */
export function attributeText(attributes: AttributesView, name: string): string | undefined {
  const value = attributes.get(name)
  return value === undefined ? undefined : keyText(name, valueText(value))
}

/** As pdata's AsString. */
export function valueText(value: AnyValue): string {
  return asString(value)
}

/** What one level of a request knows of the names asked for: text for those it has, and the names that it has not. */
export function resolve(
  attributes: AttributesView,
  names: readonly string[],
): { readonly text: string; readonly pending: readonly string[] } {
  let text = ''
  const pending: string[] = []
  for (const name of names) {
    const found = attributeText(attributes, name)
    if (found === undefined) pending.push(name)
    else text += found
  }
  return { text, pending }
}
