/** Property tests: the WebAssembly kernel and its JavaScript twin give the same index or the same fault for any bytes. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { corpusRequest } from '../../../bench/corpus/requests.ts'
import { indexRequest, kernelName } from '../../../src/otlp/kernel/kernel.ts'
import { indexRequestReference } from '../../../src/otlp/kernel/reference.ts'
import { isWireFault, type RequestIndex } from '../../../src/otlp/request-index.ts'
import { SIGNALS } from '../../../src/otlp/signal.ts'
import { randomRequest } from './random-request.ts'

const anySignal = fc.constantFrom(...SIGNALS)
const anySeed = fc.integer({ min: 0, max: 0x7fff_ffff })

test('runs in WebAssembly, so that there are two twins to compare', () => {
  assert.equal(kernelName(), 'wasm', 'there is no kernel.wasm in dist: npm run build')
})

test('indexes valid requests where their maker put groups and items', () => {
  fc.assert(
    fc.property(anySignal, anySeed, (signal, seed) => {
      const { bytes, levels } = randomRequest(signal, seed)
      const expected: RequestIndex = {
        signal,
        levels: levels.map(rows => Int32Array.from(rows)),
        items: levels[levels.length - 1].length / 4,
      }

      assert.deepEqual(indexRequest(signal, bytes), expected)
      assert.deepEqual(indexRequestReference(signal, bytes), expected)
    }),
    { numRuns: 1500 },
  )
})

test('agrees with its twin on random bytes', () => {
  fc.assert(
    fc.property(anySignal, fc.uint8Array({ maxLength: 200 }), (signal, bytes) => {
      compareTwins(signal, bytes)
    }),
    {
      numRuns: 3000,
    },
  )
})

test('agrees with its twin on valid requests with bytes changed, put in or cut out', () => {
  const mutation = fc.record({
    at: fc.nat(),
    kind: fc.constantFrom('set', 'insert', 'remove', 'cut'),
    value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xc0, 0xed, 0xff)),
  })
  let faults = 0
  fc.assert(
    fc.property(
      anySignal,
      anySeed,
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      (signal, seed, mutations) => {
        let bytes = [...randomRequest(signal, seed).bytes]
        for (const { at, kind, value } of mutations) {
          const place = at % (bytes.length + 1)
          if (kind === 'set') bytes[place] = value
          else if (kind === 'insert') bytes.splice(place, 0, value)
          else if (kind === 'remove') bytes.splice(place, 1)
          else bytes = bytes.slice(0, place)
        }
        if (isWireFault(compareTwins(signal, Uint8Array.from(bytes)))) faults++
      },
    ),
    { numRuns: 3000 },
  )
  assert.ok(faults > 500, `only ${faults} of the mutations were faults`)
})

test('agrees with its twin on every byte of a realistic request changed', () => {
  for (const signal of SIGNALS) {
    const bytes = corpusRequest(signal, { items: 8, nonAscii: 0.5 })
    for (let at = 0; at < bytes.length; at++) {
      const before = bytes[at]
      for (const value of [0x00, 0x80, 0xff, before ^ 1, before ^ 8]) {
        bytes[at] = value
        compareTwins(signal, bytes)
      }
      bytes[at] = before
    }
  }
})

test('agrees with its twin on every beginning of a realistic request', () => {
  for (const signal of SIGNALS) {
    const bytes = corpusRequest(signal, { items: 8, nonAscii: 0.5 })
    for (let length = 0; length <= bytes.length; length++) {
      compareTwins(signal, bytes.subarray(0, length))
    }
  }
})

test('agrees with its twin on requests of every size class', () => {
  for (const signal of SIGNALS) {
    for (const items of [0, 1, 10, 512, 8192]) {
      const result = compareTwins(signal, corpusRequest(signal, { items, nonAscii: 0.1 }))

      assert.ok(!isWireFault(result))
      assert.equal(result.items, items)
    }
  }
})

function compareTwins(signal: (typeof SIGNALS)[number], bytes: Uint8Array) {
  const result = indexRequest(signal, bytes)
  assert.deepEqual(result, indexRequestReference(signal, bytes))
  return result
}
