/** Random requests through the codec and back, judged by protobufjs and by JavaScript's own JSON. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { encodeJson } from '../../../src/otlp/json/encode.ts'
import { isJsonFault } from '../../../src/otlp/json/fault.ts'
import { REQUEST_MESSAGE } from '../../../src/otlp/schema.ts'
import { SIGNALS, type Signal } from '../../../src/otlp/signal.ts'
import { decode, encode } from '../oracle.ts'
import { arbitraryModel, type Model, snakeCase, toJson, withoutDefaults } from './models.ts'

const RUNS = { numRuns: 150 }

for (const signal of SIGNALS) {
  const name = REQUEST_MESSAGE[signal]

  test(`writes ${signal} as the JSON that JavaScript would write`, () => {
    fc.assert(
      fc.property(arbitraryModel(name), model => {
        const text = encodeJson(signal, encode(name, model))

        const expected = toJson(name, withoutDefaults(name, model))
        assert.deepEqual(parsed(text), plain(expected))
      }),
      RUNS,
    )
  })

  test(`reads ${signal} in either spelling of the keys as protobufjs writes them`, () => {
    fc.assert(
      fc.property(arbitraryModel(name), fc.boolean(), (model, snake) => {
        const json = toJson(name, model, snake ? snakeCase : undefined)

        const bytes = decoded(signal, JSON.stringify(json, minusZero))

        assert.deepEqual(
          decode(name, bytes),
          decode(name, encode(name, withoutDefaults(name, model))),
        )
      }),
      RUNS,
    )
  })

  test(`gives back the same ${signal} bytes after JSON and back`, () => {
    fc.assert(
      fc.property(arbitraryModel(name), model => {
        const bytes = encode(name, withoutDefaults(name, model))

        const back = decoded(signal, encodeJson(signal, bytes))

        assert.deepEqual(decode(name, back), decode(name, bytes))
      }),
      RUNS,
    )
  })

  test(`merges two ${signal} requests laid end to end as protobufjs does`, () => {
    fc.assert(
      fc.property(arbitraryModel(name, 6), arbitraryModel(name, 6), (first, second) => {
        const bytes = Buffer.concat([encode(name, first), encode(name, second)])

        const text = encodeJson(signal, bytes)

        const merged = decode(name, bytes) as Model
        assert.deepEqual(parsed(text), plain(toJson(name, withoutDefaults(name, merged))))
      }),
      RUNS,
    )
  })
}

function decoded(signal: Signal, text: string | Uint8Array): Uint8Array {
  const bytes = decodeJson(signal, typeof text === 'string' ? Buffer.from(text) : text)
  if (isJsonFault(bytes)) assert.fail(bytes.message)
  return bytes
}

function parsed(text: Uint8Array): unknown {
  return JSON.parse(Buffer.from(text).toString(), minusZero)
}

function plain(json: Model): unknown {
  return JSON.parse(JSON.stringify(json, minusZero))
}

/** `JSON.stringify` loses the sign of minus zero, so on both sides it is text. */
function minusZero(_: string, value: unknown): unknown {
  return Object.is(value, -0) ? '-0' : value
}
