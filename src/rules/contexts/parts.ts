/** The contexts that stand on something inside an item: in which field of the item it is. */
import type { ContextName } from '../context.ts'
import type { Cursor } from './cursor.ts'

export const PARTS_OF: Readonly<Partial<Record<ContextName, string>>> = {
  spanevent: 'Event',
  spanlink: 'Link',
  exemplar: 'Exemplar',
}

const EVENTS = 11
const LINKS = 13

/** Exemplars by the data message of the metric; a summary has none. */
export const EXEMPLARS = Int8Array.of(0, 0, 0, 0, 0, 5, 0, 5, 0, 8, 11, 0)

/** Field number in the item; 0 = it has no such field. */
export function partNumber(context: ContextName, cursor: Cursor): number {
  if (context === 'spanevent') return EVENTS
  return context === 'spanlink' ? LINKS : EXEMPLARS[cursor.dataKind]
}
