/**
 * Finds what somebody has set although it has no effect here. Walks the schema itself and not its JSON form, which
 * would cost every start some milliseconds for each component.
 */
import { z } from 'zod'
import { IDLE_KEYWORD } from './fields.ts'
import type { Path } from './tree.ts'

/** The parts of a schema that lead to its children. */
interface SchemaParts {
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly element?: z.ZodType
  readonly innerType?: z.ZodType
  readonly in?: z.ZodType
  readonly out?: z.ZodType
  readonly options?: readonly z.ZodType[]
}

/** Paths of marked keys in `value` that ask for something else than their default. */
export function findIdleKeys(schema: z.ZodType, value: unknown): readonly Path[] {
  const found: Path[] = []
  walk(schema, value, [], found)
  return found
}

function walk(schema: z.ZodType, value: unknown, path: Path, found: Path[]): void {
  if (value === undefined || value === null) return
  if (z.globalRegistry.get(schema)?.[IDLE_KEYWORD] === true) {
    if (!isDefault(schema, value)) found.push(path)
    return
  }
  const parts = schema._zod.def as unknown as SchemaParts
  // Of a pipe, one side is the transform: sections are preprocessed, optional ones are transformed afterwards.
  for (const inner of [parts.innerType, parts.in, parts.out, ...(parts.options ?? [])]) {
    if (inner !== undefined) walk(inner, value, path, found)
  }
  const { shape, element } = parts
  if (element !== undefined && Array.isArray(value)) {
    for (const [i, item] of value.entries()) walk(element, item, [...path, i], found)
  }
  if (shape === undefined || typeof value !== 'object') return
  for (const [key, child] of Object.entries(value)) {
    if (Object.hasOwn(shape, key)) walk(shape[key], child, [...path, key], found)
  }
}

function isDefault(schema: z.ZodType, value: unknown): boolean {
  const [asked, preset] = [schema.safeParse(value), schema.safeParse(undefined)]
  return JSON.stringify(asked.data) === JSON.stringify(preset.data)
}
