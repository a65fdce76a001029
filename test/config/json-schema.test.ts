// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are references of the configuration language
import assert from 'node:assert/strict'
import test from 'node:test'
import { parse } from 'yaml'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import type { JsonSchema } from '../../src/config/schema-walk.ts'
import { GOOD, smallRegistry } from './small-registry.ts'

const SCHEMA = configJsonSchema(smallRegistry())

/** Enough of JSON Schema 2020-12 for what is made here; an unknown keyword that restricts fails the test below. */
function isValid(schema: JsonSchema | boolean, value: unknown): boolean {
  if (typeof schema === 'boolean') return schema
  if (schema.type !== undefined && ![schema.type].flat().some(type => hasType(type, value)))
    return false
  if (schema.enum !== undefined && !schema.enum.includes(value)) return false
  if (schema.anyOf !== undefined && !schema.anyOf.some(branch => isValid(branch, value)))
    return false
  if (typeof value === 'string' && typeof schema.pattern === 'string') {
    return new RegExp(schema.pattern, 'u').test(value)
  }
  if (typeof value === 'number') {
    const { minimum = -Infinity, maximum = Infinity } = schema as {
      minimum?: number
      maximum?: number
    }
    return value >= minimum && value <= maximum
  }
  if (Array.isArray(value)) return value.every(item => isValid(schema.items ?? true, item))
  if (typeof value !== 'object' || value === null) return true
  if ((schema.required ?? []).some(key => !Object.hasOwn(value, key))) return false
  return Object.entries(value).every(([key, each]) => isValid(schemaOf(schema, key), each))
}

function schemaOf(schema: JsonSchema, key: string): JsonSchema | boolean {
  const property = schema.properties?.[key]
  if (property !== undefined) return property
  const patterns = Object.entries((schema.patternProperties ?? {}) as Record<string, JsonSchema>)
  const match = patterns.find(([pattern]) => new RegExp(pattern, 'u').test(key))
  return match?.[1] ?? schema.additionalProperties ?? true
}

function hasType(type: string, value: unknown): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  return typeof value === type
}

test('accepts what loads, references included', () => {
  const texts = [
    GOOD,
    GOOD.replace(
      '  batch:',
      '  batch: {timeout: 2s}\n  batch/big: {timeout: "${env:T}", send_batch_size: "${env:N}"}',
    ),
    GOOD.replace(
      'endpoint: backend:4317',
      'endpoint: a:1\n    headers: {a: b}\n    compression: none',
    ),
  ]
  for (const text of texts) assert.ok(isValid(SCHEMA, parse(text)), text)
})

test('refuses unknown keys, types and values', () => {
  const wrong = [
    GOOD.replace('  batch:', '  bacth:'),
    GOOD.replace('  batch:', '  batch: {timeout: 5}'),
    GOOD.replace('  batch:', '  batch: {timeout: soon}'),
    GOOD.replace('endpoint: backend:4317', 'endpoint: a:1\n    compression: gzp'),
    GOOD.replace('endpoint: backend:4317', 'timeout: 1s'),
    GOOD.replace('receivers:', 'recievers:'),
  ]
  for (const text of wrong) assert.equal(isValid(SCHEMA, parse(text)), false, text)
})

test('offers components by id and alias, with descriptions and defaults', () => {
  const { exporters, processors } = SCHEMA.properties as Record<string, JsonSchema>
  const patterns = exporters.patternProperties as Record<string, JsonSchema>
  const batch = (processors.patternProperties as Record<string, JsonSchema>)['^batch(/.+)?$']

  assert.ok('^otlp(/.+)?$' in patterns && '^otlp_grpc(/.+)?$' in patterns)
  assert.equal(SCHEMA.$schema, 'https://json-schema.org/draft/2020-12/schema')
  assert.equal(batch.properties?.timeout.default, '200ms')
  assert.equal(batch.properties?.timeout.description, 'Longest wait.')
})
