/** Random messages from the schema for round trips, and their OTLP/JSON as plain JavaScript would write it. */
import fc from 'fast-check'
import { type Field, MESSAGES } from '../../../src/otlp/schema.ts'

export type Model = Record<string, unknown>

const DOUBLES = [0, -0, 5e-324, 1.7976931348623157e308, 2 ** 53 + 2, 1e21, 1e-7, 0.1, 3]
const SIGNED = [0n, 1n, -1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)]
const UNSIGNED = [0n, 1n, 999_999_999n, 2n ** 32n, 2n ** 53n + 1n, 10n ** 18n, 2n ** 64n - 1n]

/** In protobufjs's own shape: ids and bytes as Buffer, 64-bit numbers as decimal strings. */
export function arbitraryModel(name: string, depth = 8): fc.Arbitrary<Model> {
  const shape: Record<string, fc.Arbitrary<unknown>> = {}
  const members: string[] = []
  for (const field of MESSAGES.get(name)!.fields) {
    if (field.kind === 'message' && depth === 0) continue
    if (field.oneof && !field.optional) members.push(field.name)
    const one = arbitraryValue(field, depth)
    shape[field.name] = field.repeated ? fc.array(one, { maxLength: 3, size: 'max' }) : one
  }
  const all = fc.record(shape, { requiredKeys: [] })
  if (members.length === 0) return all
  // At most one member of the oneof stays.
  return fc.tuple(all, fc.constantFrom(...members)).map(([model, kept]) => {
    return Object.fromEntries(
      Object.entries(model).filter(([key]) => key === kept || !members.includes(key)),
    )
  })
}

function arbitraryValue(field: Field, depth: number): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'message':
      return fc.oneof(
        { depthSize: 'small', maxDepth: depth },
        fc.constant({}),
        fc.nat(0).chain(() => arbitraryModel(field.type, depth - 1)),
      )
    case 'string':
      return fc.string({ unit: 'binary', maxLength: 200 })
    case 'id':
    case 'bytes':
      return fc.uint8Array({ maxLength: 33 }).map(bytes => Buffer.from(bytes))
    case 'bool':
      return fc.boolean()
    case 'double':
      return fc.oneof(fc.constantFrom(...DOUBLES), fc.double())
    case 'enum':
    case 'int32':
    case 'sint32':
      return fc.oneof(fc.constantFrom(0, -1, 1, 2 ** 31 - 1, -(2 ** 31)), fc.integer())
    case 'uint32':
    case 'fixed32':
      return fc.oneof(fc.constantFrom(0, 1, 2 ** 32 - 1), fc.nat(2 ** 32 - 1))
    case 'int64':
    case 'sfixed64':
      return fc
        .oneof(fc.constantFrom(...SIGNED), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n))
        .map(String)
    default:
      return fc.oneof(fc.constantFrom(...UNSIGNED), fc.bigInt(0n, 2n ** 64n - 1n)).map(String)
  }
}

/** The same model without what proto3 does not write: defaults of plain fields and empty lists. */
export function withoutDefaults(name: string, model: Model): Model {
  const kept: Model = {}
  for (const field of MESSAGES.get(name)!.fields) {
    const value = model[field.name]
    if (value === undefined || isDefault(field, value)) continue
    if (field.kind !== 'message') kept[field.name] = value
    else if (!field.repeated) kept[field.name] = withoutDefaults(field.type, value as Model)
    else kept[field.name] = (value as Model[]).map(x => withoutDefaults(field.type, x))
  }
  return kept
}

function isDefault(field: Field, value: unknown): boolean {
  if (field.repeated) return (value as unknown[]).length === 0
  if (field.oneof || field.kind === 'message') return false
  if (value instanceof Uint8Array) return value.length === 0
  return value === '' || value === '0' || value === false || Object.is(value, 0)
}

/** What `JSON.stringify` needs to write the model as OTLP/JSON; `nameOf` picks the spelling of keys. */
export function toJson(name: string, model: Model, nameOf = (field: Field) => field.name): Model {
  const json: Model = {}
  for (const field of MESSAGES.get(name)!.fields) {
    const value = model[field.name]
    if (value === undefined) continue
    json[nameOf(field)] = Array.isArray(value)
      ? value.map(x => valueToJson(field, x, nameOf))
      : valueToJson(field, value, nameOf)
  }
  return json
}

function valueToJson(field: Field, value: unknown, nameOf: (field: Field) => string): unknown {
  if (field.kind === 'message') return toJson(field.type, value as Model, nameOf)
  if (field.kind === 'id') return Buffer.from(value as Uint8Array).toString('hex')
  if (field.kind === 'bytes') return Buffer.from(value as Uint8Array).toString('base64')
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return value
}

export function snakeCase(field: Field): string {
  return field.name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}
