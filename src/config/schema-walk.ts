/** Looks into the JSON Schema of a section: which keys are valid at a path, what is secret, what names an extension. */
import { z } from 'zod'
import { REFERENCE_KEYWORD } from './fields.ts'
import type { Path } from './tree.ts'

export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema | boolean
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly allOf?: readonly JsonSchema[]
  readonly writeOnly?: boolean
  readonly [keyword: string]: unknown
}

const CACHE = new WeakMap<z.ZodType, JsonSchema>()

/** Of what may be written, not of what comes out. Made once for each schema: it costs some milliseconds. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  let found = CACHE.get(schema)
  if (found === undefined) {
    const made = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
    const { $schema: _, ...rest } = made
    CACHE.set(schema, (found = rest as JsonSchema))
  }
  return found
}

/** Every schema that speaks about the child with this key; several where there are alternatives. */
export function childSchemas(schema: JsonSchema, key: string | number): readonly JsonSchema[] {
  const found: JsonSchema[] = []
  if (typeof key === 'number' && isSchema(schema.items)) found.push(schema.items)
  const property = ownProperty(schema.properties, String(key))
  if (property !== undefined) found.push(property)
  else if (isSchema(schema.additionalProperties)) found.push(schema.additionalProperties)
  for (const branch of alternatives(schema)) found.push(...childSchemas(branch, key))
  return found
}

export function schemasAt(schema: JsonSchema, path: Path): readonly JsonSchema[] {
  return path.reduce<readonly JsonSchema[]>(
    (level, key) => level.flatMap(each => childSchemas(each, key)),
    [schema],
  )
}

/** Keys that the object at this path may have. */
export function keysAt(schema: JsonSchema, path: Path): readonly string[] {
  const found = new Set<string>()
  const collect = (each: JsonSchema): void => {
    for (const key of Object.keys(each.properties ?? {})) found.add(key)
    for (const branch of alternatives(each)) collect(branch)
  }
  for (const each of schemasAt(schema, path)) collect(each)
  return [...found]
}

export function isSecretSchema(schema: JsonSchema): boolean {
  return schema.writeOnly === true || alternatives(schema).some(isSecretSchema)
}

export interface Reference {
  readonly path: Path
  readonly id: string
}

/** Texts in `value` that name an extension. */
export function findReferences(schema: JsonSchema, value: unknown): readonly Reference[] {
  const found: Reference[] = []
  const walk = (schemas: readonly JsonSchema[], each: unknown, path: Path): void => {
    if (typeof each === 'string') {
      if (schemas.some(namesExtension)) found.push({ path, id: each })
    } else if (typeof each === 'object' && each !== null) {
      for (const [name, child] of Object.entries(each)) {
        const key = Array.isArray(each) ? Number(name) : name
        walk(
          schemas.flatMap(one => childSchemas(one, key)),
          child,
          [...path, key],
        )
      }
    }
  }
  walk([schema], value, [])
  return found
}

function namesExtension(schema: JsonSchema): boolean {
  return schema[REFERENCE_KEYWORD] === 'extension' || alternatives(schema).some(namesExtension)
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]
}

function isSchema(value: JsonSchema | boolean | undefined): value is JsonSchema {
  return typeof value === 'object'
}

function ownProperty(
  properties: Readonly<Record<string, JsonSchema>> | undefined,
  key: string,
): JsonSchema | undefined {
  return properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined
}
