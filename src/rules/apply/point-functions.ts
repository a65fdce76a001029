/** Functions of `filter` on metrics that look at the points' attributes. */
import { AttributesView } from '../../otlp/attributes-view.ts'
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { OtlpList } from '../value.ts'
import { pathOf } from './match-properties.ts'

/** Field of the attributes by the points' message. */
const VIEWS: Readonly<Record<string, AttributesView>> = {
  NumberDataPoint: new AttributesView(7),
  HistogramDataPoint: new AttributesView(9),
  ExponentialHistogramDataPoint: new AttributesView(1),
  SummaryDataPoint: new AttributesView(7),
}

/** Of the first point that has the key: whether it has the text. */
function firstPoint(key: string, text: string | undefined): Getter {
  const { get } = pathOf('metric', 'data_points')
  return scope => {
    const points = get(scope)
    if (!(points instanceof OtlpList)) return false
    const view = VIEWS[points.type]
    for (const bytes of points.items) {
      view.reset(bytes, 0, bytes.length)
      const value = view.get(key)
      if (value !== undefined) {
        return text === undefined || (typeof value === 'string' ? value : '') === text
      }
    }
    return false
  }
}

export const pointFunctions: readonly FunctionSpec[] = [
  defineFunction({
    name: 'HasAttrKeyOnDatapoint',
    kind: 'converter',
    params: [{ name: 'Key', type: 'literalString' }],
    summary: 'Whether any point of the metric has an attribute with this key.',
    example: { expr: 'HasAttrKeyOnDatapoint("http.route")', result: 'false' },
    make: ([key]) => firstPoint(key, undefined),
  }),
  defineFunction({
    name: 'HasAttrOnDatapoint',
    kind: 'converter',
    params: [
      { name: 'Key', type: 'literalString' },
      { name: 'ExpectedVal', type: 'literalString' },
    ],
    summary: 'Whether the first point that has this key has this text under it.',
    example: { expr: 'HasAttrOnDatapoint("http.route", "/")', result: 'false' },
    make: ([key, text]) => firstPoint(key, text),
  }),
]
