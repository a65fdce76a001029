/** JSON Schema (draft 2020-12) of the whole configuration, for editors: made from every factory's own schema. */
import { type Factory, KINDS, type Kind } from '../core/factory.ts'
import type { Registry } from '../core/registry.ts'
import { TABLES } from './read-components.ts'
import { serviceSchema } from './read-service.ts'
import { type JsonSchema, jsonSchemaOf } from './schema-walk.ts'

const TABLE_TEXTS: Readonly<Record<Kind, string>> = {
  receiver: 'Where telemetry comes in, by component id (type or type/name).',
  processor: 'What happens to telemetry on its way, by component id.',
  connector: 'What takes telemetry from pipelines and feeds others, by component id.',
  exporter: 'Where telemetry goes, by component id.',
  extension: 'What runs beside the pipelines, by component id.',
}

/** `${` in a text: any value may be a reference that is replaced at load. */
const REFERENCE_PATTERN = '\\$\\{'

export function configJsonSchema(registry: Registry): JsonSchema {
  const tables = KINDS.map(kind => [TABLES[kind], tableSchema(kind, registry)])
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Millrace configuration',
    type: 'object',
    properties: { ...Object.fromEntries(tables), service: forEditors(jsonSchemaOf(serviceSchema)) },
    additionalProperties: false,
  }
}

function tableSchema(kind: Kind, registry: Registry): JsonSchema {
  const factories = registry.all().filter(factory => factory.kind === kind)
  const entries = factories.flatMap(factory => {
    const schema = componentSchema(factory)
    const types = [factory.meta.id, ...(factory.meta.aliases ?? [])]
    return types.map(type => [`^${type}(/.+)?$`, schema])
  })
  return {
    description: TABLE_TEXTS[kind],
    type: ['object', 'null'],
    patternProperties: Object.fromEntries(entries),
    additionalProperties: false,
  }
}

function componentSchema(factory: Factory): JsonSchema {
  const schema = forEditors(jsonSchemaOf(factory.config.schema))
  return { ...schema, description: factory.meta.summary }
}

/**
 * What loading is lenient about: null stands for defaults, and `${…}` may stand for any value. Defaults of sections
 * (`{}`) say nothing and are left out.
 */
function forEditors(schema: JsonSchema): JsonSchema {
  const { default: preset, description, ...rest } = schema
  const outer = {
    ...(description === undefined ? {} : { description }),
    ...(preset === undefined || isEmptyMap(preset) ? {} : { default: preset }),
  }
  const inner = mapChildren(rest)
  if (inner.type === 'object') return { ...outer, ...inner, type: ['object', 'null'] }
  if (inner.type === 'array') return { ...outer, ...inner, type: ['array', 'null'] }
  const closed = inner.enum !== undefined || inner.pattern !== undefined
  const open = Object.keys(inner).length === 0 || (inner.type === 'string' && !closed)
  if (open) return { ...outer, ...inner }
  return {
    ...outer,
    anyOf: [inner, { type: 'string', pattern: REFERENCE_PATTERN }, { type: 'null' }],
  }
}

function mapChildren(schema: JsonSchema): JsonSchema {
  const changed: Record<string, unknown> = { ...schema }
  if (schema.properties !== undefined) {
    const entries = Object.entries(schema.properties)
    changed.properties = Object.fromEntries(entries.map(([key, each]) => [key, forEditors(each)]))
  }
  for (const key of ['additionalProperties', 'items'] as const) {
    const child = schema[key]
    if (typeof child === 'object') changed[key] = forEditors(child)
  }
  for (const key of ['anyOf', 'oneOf', 'allOf'] as const) {
    const branches = schema[key]
    if (branches !== undefined) changed[key] = branches.map(forEditors)
  }
  return changed as JsonSchema
}

function isEmptyMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
