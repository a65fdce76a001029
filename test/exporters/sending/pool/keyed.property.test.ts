/** Rendezvous hashing for any list of endpoints: shares by weight, and only the least moves when the list changes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Endpoint } from '../../../../src/exporters/sending/pool/endpoint.ts'
import { hashText } from '../../../../src/exporters/sending/pool/hash.ts'
import { KeyedChoice } from '../../../../src/exporters/sending/pool/keyed.ts'

const KEYS = Array.from({ length: 20_000 }, (_, i) => hashText(`key ${i}`))

function endpoint(name: string, weight = 1): Endpoint {
  return { name, weight, seed: hashText(name) } as Endpoint
}

function placesOf(endpoints: readonly Endpoint[]): string[] {
  const choice = new KeyedChoice(() => 0)
  return KEYS.map(key => choice.chooseFor(endpoints, key).name)
}

test('ten endpoints becoming eleven move at most their share and two percent of the keys', () => {
  const ten = Array.from({ length: 10 }, (_, i) => endpoint(`gateway-${i}:4317`))

  const before = placesOf(ten)
  const after = placesOf([...ten, endpoint('gateway-10:4317')])
  const moved = before.filter((name, i) => name !== after[i]).length

  assert.ok(moved / KEYS.length <= 1 / 11 + 0.02, `${moved} of ${KEYS.length} moved`)
})

test('a key moves only to an endpoint that came, or from one that went, in any order of the list', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}:\d{1,4}$/), { minLength: 2, maxLength: 12 }),
      fc.nat(),
      (names, pick) => {
        const gone = names[pick % names.length]
        const all = names.map(name => endpoint(name))
        const rest = all.filter(({ name }) => name !== gone).reverse()
        const choice = new KeyedChoice(() => 0)
        for (const key of KEYS.slice(0, 200)) {
          const before = choice.chooseFor(all, key).name
          if (before !== gone) assert.equal(choice.chooseFor(rest, key).name, before)
        }
      },
    ),
    { numRuns: 100 },
  )
})

test('keys are shared out in proportion to weights', () => {
  const places = placesOf([endpoint('a:1', 1), endpoint('b:1', 2), endpoint('c:1', 5)])

  for (const [name, weight] of [
    ['a:1', 1],
    ['b:1', 2],
    ['c:1', 5],
  ] as const) {
    const share = places.filter(place => place === name).length / KEYS.length
    assert.ok(Math.abs(share - weight / 8) < 0.02, `${name} has ${share}`)
  }
})

test('numbered names get even shares', () => {
  const count = 32
  const places = placesOf(Array.from({ length: count }, (_, i) => endpoint(`10.0.0.${i}:4317`)))
  const shares = new Map<string, number>()
  for (const place of places) shares.set(place, (shares.get(place) ?? 0) + 1)

  assert.equal(shares.size, count)
  for (const n of shares.values()) assert.ok(Math.abs((n * count) / KEYS.length - 1) < 0.25, `${n}`)
})
