/** Tables of paths: each name with what makes its target, and where a slot scanner finds the same value. */
import { MESSAGES } from '../../otlp/schema.ts'
import type { PathKey, PathSegment, ResolvedPath, SlotPath } from '../context.ts'
import type { Target } from '../function.ts'
import { attributePath, attributesPath } from './attributes.ts'
import {
  ITEM,
  METRIC,
  NEGATIVE,
  type Place,
  POSITIVE,
  RESOURCE,
  RESOURCE_GROUP,
  SCOPE,
  SCOPE_GROUP,
  STATUS,
} from './cursor.ts'
import type { Field } from './field.ts'

/** Gives undefined when the path cannot have these keys. */
export type PathMaker = (keys: readonly PathKey[]) => ResolvedPath | undefined

/** By dotted name, without the context's own. */
export type PathTable = Readonly<Record<string, PathMaker>>

/** A path that has no keys. */
export function plain(target: Target, slot?: SlotPath): PathMaker {
  const path: ResolvedPath = slot === undefined ? target : { ...target, slot }
  return keys => (keys.length === 0 ? path : undefined)
}

/** A map of attributes, and what its keys lead to. `name` is the field's in JSON. */
export function attributes(field: Field, name: string): PathMaker {
  const whole = attributesPath(field)
  return keys => {
    if (keys.length === 0) return whole
    const target = attributePath(field, keys)
    const [first] = keys
    if (keys.length > 1 || first.kind !== 'string') return target
    const slot = slotAt(field.place, name, 'value')
    return slot === undefined ? target : { ...target, slot: { ...slot, key: first.value } }
  }
}

const SLOT_PLACES: ReadonlyMap<Place, Pick<SlotPath, 'level' | 'path'>> = new Map<
  Place,
  Pick<SlotPath, 'level' | 'path'>
>([
  [RESOURCE_GROUP, { level: 'resource', path: [] }],
  [RESOURCE, { level: 'resource', path: ['resource'] }],
  [SCOPE_GROUP, { level: 'scope', path: [] }],
  [SCOPE, { level: 'scope', path: ['scope'] }],
  [METRIC, { level: 'metric', path: [] }],
  [ITEM, { level: 'item', path: [] }],
  [STATUS, { level: 'item', path: ['status'] }],
  [POSITIVE, { level: 'item', path: ['positive'] }],
  [NEGATIVE, { level: 'item', path: ['negative'] }],
])

/** Undefined where no row's walk comes: events, links, exemplars, the data of a metric. */
export function slotAt(place: Place, name: string, as: SlotPath['as']): SlotPath | undefined {
  const at = SLOT_PLACES.get(place)
  return at && { level: at.level, path: [...at.path, name], as }
}

/** Number of a message's field by its JSON name. */
export function numberIn(message: string, name: string): number {
  const field = MESSAGES.get(message)?.fields.find(each => each.name === name)
  if (field === undefined) throw new Error(`${message} has no field ${name}`)
  return field.number
}

/** The same table with a prefix before each name; an empty name is the prefix itself. */
export function under(prefix: string, table: PathTable): PathTable {
  return Object.fromEntries(
    Object.entries(table).map(([name, make]) => [name === '' ? prefix : `${prefix}.${name}`, make]),
  )
}

export function resolveIn(
  table: ReadonlyMap<string, PathMaker>,
  segments: readonly PathSegment[],
): ResolvedPath | undefined {
  const last = segments.length - 1
  for (let i = 0; i < last; i++) if (segments[i].keys.length > 0) return undefined
  const make = table.get(segments.map(segment => segment.name).join('.'))
  return make?.(segments[last].keys)
}
