/**
 * Go's time layouts ("Mon Jan 2 15:04:05 2006") cut into their elements, as nextStdChunk of Go's time package does.
 * The `%` tokens of rules are turned into such layouts first.
 */

export type ElementKind =
  | 'longMonth'
  | 'month'
  | 'longWeekday'
  | 'weekday'
  | 'zoneName'
  | 'zeroMonth'
  | 'zeroDay'
  | 'zeroHour12'
  | 'zeroMinute'
  | 'zeroSecond'
  | 'year'
  | 'zeroYearDay'
  | 'hour'
  | 'numMonth'
  | 'longYear'
  | 'day'
  | 'underDay'
  | 'underYearDay'
  | 'hour12'
  | 'minute'
  | 'second'
  | 'PM'
  | 'pm'
  | 'zone'
  | 'fraction0'
  | 'fraction9'

export interface Element {
  /** Literal text before it. */
  readonly prefix: string
  /** Null for what stands after the last element. */
  readonly kind: ElementKind | null
  /** As it stands in the layout; for zones and fractions this says which form. */
  readonly text: string
}

type Found = readonly [kind: ElementKind, text: string]

/** What begins with these letters whatever follows, longest first. */
const FIXED: Readonly<Record<string, readonly Found[]>> = {
  P: [['PM', 'PM']],
  p: [['pm', 'pm']],
  '0': [
    ['zeroMonth', '01'],
    ['zeroDay', '02'],
    ['zeroHour12', '03'],
    ['zeroMinute', '04'],
    ['zeroSecond', '05'],
    ['year', '06'],
    ['zeroYearDay', '002'],
  ],
  '1': [
    ['hour', '15'],
    ['numMonth', '1'],
  ],
  '2': [
    ['longYear', '2006'],
    ['day', '2'],
  ],
  '3': [['hour12', '3']],
  '4': [['minute', '4']],
  '5': [['second', '5']],
  '-': zones('-'),
  Z: zones('Z'),
}

function zones(sign: string): Found[] {
  return ['070000', '07:00:00', '0700', '07:00', '07'].map(form => ['zone', sign + form])
}

export function parseLayout(layout: string): Element[] {
  const elements: Element[] = []
  let literal = 0
  for (let i = 0; i < layout.length; ) {
    // `_2006` is a literal underscore before the year.
    if (layout.startsWith('_2006', i)) i++
    const found = elementAt(layout, i)
    if (found === undefined) {
      i++
      continue
    }
    const [kind, text] = found
    elements.push({ prefix: layout.slice(literal, i), kind, text })
    i += text.length
    literal = i
  }
  elements.push({ prefix: layout.slice(literal), kind: null, text: '' })
  return elements
}

function elementAt(layout: string, i: number): Found | undefined {
  const first = layout[i]
  if (first === 'J') return nameAt(layout, i, 'January', 'longMonth', 'Jan', 'month')
  if (first === 'M') {
    if (layout.startsWith('MST', i)) return ['zoneName', 'MST']
    return nameAt(layout, i, 'Monday', 'longWeekday', 'Mon', 'weekday')
  }
  if (first === '_') {
    if (layout.startsWith('_2', i)) return ['underDay', '_2']
    return layout.startsWith('__2', i) ? ['underYearDay', '__2'] : undefined
  }
  if (first === '.' || first === ',') return fractionAt(layout, i)
  return FIXED[first]?.find(([, text]) => layout.startsWith(text, i))
}

/** A short name counts only when no lower-case letter follows ("Janet" is a literal). */
function nameAt(
  layout: string,
  i: number,
  long: string,
  longKind: ElementKind,
  short: string,
  shortKind: ElementKind,
): Found | undefined {
  if (layout.startsWith(long, i)) return [longKind, long]
  if (!layout.startsWith(short, i) || /[a-z]/.test(layout[i + short.length] ?? '')) return undefined
  return [shortKind, short]
}

/** `.000` or `.999`: a run of one digit that ends there. */
function fractionAt(layout: string, i: number): Found | undefined {
  const digit = layout[i + 1]
  if (digit !== '0' && digit !== '9') return undefined
  let end = i + 1
  while (layout[end] === digit) end++
  if (/\d/.test(layout[end] ?? '')) return undefined
  return [digit === '0' ? 'fraction0' : 'fraction9', layout.slice(i, end)]
}
