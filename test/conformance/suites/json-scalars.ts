/** How numbers and enums may be written in OTLP/JSON: each scalar in a field of its type, read back by protobufjs. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { decode } from '../../otlp/oracle.ts'
import { type CaseResult, judge, type Suite } from '../suite.ts'

interface ScalarCase {
  readonly type: string
  readonly name: string
  readonly json: string
  readonly expect: { readonly value?: string | number; readonly error?: boolean }
}

interface Place {
  /** A traces request with the scalar's JSON text in it. */
  readonly wrap: (json: string) => string
  /** Where the value is then, in the decoded message. */
  readonly path: readonly (string | number)[]
}

const ATTRIBUTE = ['resourceSpans', 0, 'resource', 'attributes', 0]
const SPAN = ['resourceSpans', 0, 'scopeSpans', 0, 'spans', 0]

/** OTLP has no 32-bit floats; the double stands in for them. */
const PLACES: Readonly<Record<string, Place>> = {
  Int32: inAttribute('"keyStrindex"', ['keyStrindex']),
  Int64: inValue('intValue'),
  Float32: inValue('doubleValue'),
  Float64: inValue('doubleValue'),
  Uint32: inSpan('droppedAttributesCount'),
  Uint64: inSpan('startTimeUnixNano'),
  EnumValue: {
    wrap: json => `{"resourceSpans":[{"scopeSpans":[{"spans":[{"status":{"code":${json}}}]}]}]}`,
    path: [...SPAN, 'status', 'code'],
  },
}

/** The reference's test enum as an enum that OTLP has. */
const ENUM_NAMES: Readonly<Record<string, string>> = {
  undefined: 'STATUS_CODE_UNSET',
  foo: 'STATUS_CODE_OK',
  bar: 'STATUS_CODE_ERROR',
}

export const jsonScalars: Suite = {
  name: 'otlp/wire/json-scalars',
  path: 'otlp/wire/json-scalars.json',
  async *run(path) {
    const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: ScalarCase[] }
    for (const c of cases) yield await check(c)
  },
}

function check(c: ScalarCase): Promise<CaseResult> {
  return judge(`${c.type}/${c.name}`, () => {
    const place = PLACES[c.type]
    assert.ok(place, `no field of type ${c.type}`)
    const json = c.json.replace(/"(\w+)"/, (text, name) =>
      c.type === 'EnumValue' && name in ENUM_NAMES ? `"${ENUM_NAMES[name]}"` : text,
    )
    const result = decodeJson('traces', Buffer.from(place.wrap(json)))
    if (c.expect.error === true) {
      assert.ok('fault' in result, 'taken, but should be refused')
      return
    }
    assert.ok(!('fault' in result), JSON.stringify(result))
    let value: unknown = decode('TracesRequest', result)
    for (const key of place.path) value = (value as Record<string | number, unknown>)[key]
    assert.equal(String(value), String(c.expect.value))
  })
}

function inAttribute(field: string, path: readonly string[]): Place {
  return {
    wrap: json => `{"resourceSpans":[{"resource":{"attributes":[{"key":"a",${field}:${json}}]}}]}`,
    path: [...ATTRIBUTE, ...path],
  }
}

function inValue(kind: string): Place {
  return {
    wrap: json =>
      `{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"${kind}":${json}}}]}}]}`,
    path: [...ATTRIBUTE, 'value', kind],
  }
}

function inSpan(field: string): Place {
  return {
    wrap: json => `{"resourceSpans":[{"scopeSpans":[{"spans":[{"${field}":${json}}]}]}]}`,
    path: [...SPAN, field],
  }
}
