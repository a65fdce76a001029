/** A configuration as it may be shown: secrets replaced, found by the schemas and not by what keys are called. */
import { KINDS } from '../core/factory.ts'
import type { Registry } from '../core/registry.ts'
import { REDACTED } from '../util/secret.ts'
import { parseComponentId } from './component-id.ts'
import { TABLES } from './read-components.ts'
import { serviceSchema } from './read-service.ts'
import { childSchemas, isSecretSchema, type JsonSchema, jsonSchemaOf } from './schema-walk.ts'
import { setOwn } from './tree.ts'

/** `plain` is the whole configuration, merged and expanded. What no schema speaks about is hidden. */
export function redactConfig(plain: unknown, registry: Registry): unknown {
  if (!isMap(plain)) return plain
  const shown: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(plain)) {
    const kind = KINDS.find(each => TABLES[each] === key)
    if (key === 'service') setOwn(shown, key, redactValue(value, [jsonSchemaOf(serviceSchema)]))
    else if (kind === undefined || !isMap(value)) setOwn(shown, key, redactValue(value, []))
    else {
      const table: Record<string, unknown> = {}
      for (const [id, section] of Object.entries(value)) {
        const parts = parseComponentId(id)
        const factory = typeof parts === 'string' ? undefined : registry.find(kind, parts.type)
        const schemas = factory === undefined ? [] : [jsonSchemaOf(factory.config.schema)]
        setOwn(table, id, redactValue(section, schemas))
      }
      setOwn(shown, key, table)
    }
  }
  return shown
}

function redactValue(value: unknown, schemas: readonly JsonSchema[]): unknown {
  if (Array.isArray(value)) {
    return value.map((item, i) => redactValue(item, childrenOf(schemas, i)))
  }
  if (isMap(value)) {
    const shown: Record<string, unknown> = {}
    for (const [key, each] of Object.entries(value)) {
      setOwn(shown, key, redactValue(each, childrenOf(schemas, key)))
    }
    return shown
  }
  if (value === null || typeof value === 'boolean') return value
  return isOpen(schemas) ? hideInUrls(value) : REDACTED
}

/** Some schema allows a scalar here and none calls it secret. */
function isOpen(schemas: readonly JsonSchema[]): boolean {
  return schemas.some(mayBeScalar) && !schemas.some(isSecretSchema)
}

function mayBeScalar(schema: JsonSchema): boolean {
  return schema.type !== 'object' && schema.type !== 'array'
}

/** Items of a list that a map of secrets may be written as (`headers`) are secret too. */
function childrenOf(schemas: readonly JsonSchema[], key: string | number): readonly JsonSchema[] {
  return schemas.flatMap(schema => childSchemas(schema, key))
}

/** `https://user:password@host/path?key=value` keeps its host, its path, and the names in its query. */
function hideInUrls(value: unknown): unknown {
  if (typeof value !== 'string') return value
  return value
    .replace(/\/\/[^/@\s]*@/g, `//${REDACTED}@`)
    .replace(/(\/\/[^?#\s]*\?)([^#\s]*)/g, (_, before: string, query: string) => {
      return before + query.replace(/=[^&]*/g, `=${REDACTED}`)
    })
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
