/** A schema as a Markdown table: one row a key, sections flattened to dotted paths. */
import type { z } from 'zod'
import { type JsonSchema, jsonSchemaOf } from '../../src/config/schema-walk.ts'
import { telemetrySection } from '../../src/config/telemetry-section.ts'

interface Row {
  readonly key: string
  readonly type: string
  readonly preset: string
  readonly text: string
}

/** Empty if the section has no keys. */
export function tableOf(schema: z.ZodType): string {
  return drawTable(rowsOf(jsonSchemaOf(schema), ''))
}

export function telemetryTable(): string {
  return drawTable(rowsOf(jsonSchemaOf(telemetrySection), ''))
}

function drawTable(rows: readonly Row[]): string {
  if (rows.length === 0) return ''
  const lines = rows.map(({ key, type, preset, text }) => {
    return `| \`${key}\` | ${type} | ${preset} | ${text.replaceAll('|', '\\|')} |`
  })
  return ['| key | type | default | what |', '|---|---|---|---|', ...lines].join('\n')
}

function rowsOf(schema: JsonSchema, prefix: string): readonly Row[] {
  const required = new Set(schema.required ?? [])
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const key = `${prefix}${name}`
    if (name === 'enabled' && child.description === SWITCH_TEXT) return []
    const row = {
      key,
      type: typeName(child),
      preset: presetText(child, required.has(name)),
      text: child.description ?? '',
    }
    return [row, ...rowsOf(child, `${key}.`), ...itemRows(child, key)]
  })
}

/** Every optional section has it; the page says so once. */
const SWITCH_TEXT = 'False is the same as leaving the section out.'

function itemRows(schema: JsonSchema, key: string): readonly Row[] {
  const { items, additionalProperties: entries } = schema
  if (typeof items === 'object') return rowsOf(items, `${key}[].`)
  return typeof entries === 'object' ? rowsOf(entries, `${key}.*.`) : []
}

function presetText(schema: JsonSchema, required: boolean): string {
  if (required) return 'required'
  const preset = schema.default
  if (preset === undefined) return schema.properties === undefined ? '' : 'absent'
  const isSection = schema.properties !== undefined
  return isSection
    ? ''
    : `\`${typeof preset === 'string' ? preset || '""' : JSON.stringify(preset)}\``
}

function typeName(schema: JsonSchema): string {
  if (schema.properties !== undefined) return 'section'
  if (schema.enum !== undefined)
    return schema.enum
      .filter(word => word !== '')
      .map(String)
      .join(', ')
  if (schema.writeOnly === true) return 'secret text'
  if (schema.format === 'duration-go') return 'duration'
  if (Array.isArray(schema.type)) {
    const isSize = schema.pattern !== undefined
    return isSize ? 'bytes' : schema.type.map(type => typeName({ type })).join(' or ')
  }
  if (schema['x-millrace-reference'] === 'extension') return 'extension id'
  if (schema.type === 'array') return `list of ${plural(schema.items)}`
  if (schema.type === 'object') return `map to ${plural(schema.additionalProperties)}`
  if (schema.type === 'integer' || schema.type === 'number') return rangeName(schema)
  if (schema.type === 'string') return 'text'
  const branches = schema.anyOf ?? schema.oneOf
  if (branches !== undefined) return [...new Set(branches.map(typeName))].join(' or ')
  return schema.type === undefined ? 'any' : String(schema.type)
}

function rangeName(schema: JsonSchema): string {
  const { minimum, maximum } = schema as { minimum?: number; maximum?: number }
  const low = minimum !== undefined && minimum !== 0 && minimum > -1e15 ? `from ${minimum}` : ''
  const high = maximum !== undefined && maximum < 1e15 ? `to ${maximum}` : ''
  return [schema.type, low, high].filter(part => part !== '').join(' ')
}

function plural(schema: JsonSchema | boolean | undefined): string {
  if (typeof schema !== 'object') return 'values'
  const name = typeName(schema)
  if (name === 'any') return 'values'
  return name.includes(',') ? name : `${name}s`
}
