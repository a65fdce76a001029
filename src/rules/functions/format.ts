/** The Format converter: Go's Sprintf. */
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { sprintf } from './go-format.ts'

const format = defineFunction({
  name: 'Format',
  kind: 'converter',
  params: [
    { name: 'Format', type: 'literalString' },
    { name: 'Vals', type: 'any', list: true },
  ],
  summary: "Text laid out as by Go's fmt.Sprintf.",
  example: { expr: 'Format("%04d-%s", [7, "a"])', result: '"0007-a"' },
  make([layout, values]: readonly [string, readonly Getter[]]) {
    return scope =>
      sprintf(
        layout,
        values.map(get => get(scope)),
      )
  },
})

export const formatFunctions: readonly FunctionSpec[] = [format]
