/** The ring: the same places as the Go collector's, even shares, and little that moves when members come and go. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  HashRing,
  POSITIONS,
  positionOf,
  positionOfText,
} from '../../../src/exporters/loadbalancing/ring.ts'

const members = (count: number) => Array.from({ length: count }, (_, i) => `10.0.0.${i}:4317`)
const keys = Array.from({ length: 50_000 }, () => positionOf(randomBytes(16)))

function ownerOf(ring: HashRing, position: number): string {
  return ring.endpoints[ring.ownerOf(position)]
}

describe('the ring', () => {
  it('sends known keys where the Go collector sends them', () => {
    const ring = new HashRing(['endpoint-1', 'endpoint-2'])

    assert.equal(ownerOf(ring, positionOf(Uint8Array.of(1, 2, 0, 0))), 'endpoint-2')
    assert.equal(ownerOf(ring, positionOf(Uint8Array.of(128, 128, 0, 0))), 'endpoint-1')
    assert.equal(ownerOf(ring, positionOfText('ad-service-7')), 'endpoint-2')
    assert.equal(ownerOf(ring, positionOfText('get-recommendations-1')), 'endpoint-2')
  })

  it('moves no more than 1/11 + 2 % of the keys when an eleventh member comes', () => {
    const before = new HashRing(members(10))
    const after = new HashRing(members(11))

    const all = Array.from({ length: POSITIONS }, (_, position) => position)
    const moved = all.filter(key => ownerOf(before, key) !== ownerOf(after, key))
    const elsewhere = moved.filter(key => ownerOf(after, key) !== members(11)[10])

    assert.ok(moved.length / POSITIONS <= 1 / 11 + 0.02, `${moved.length / POSITIONS}`)
    // All of them to the new one, but for places that two members wanted.
    assert.ok(elsewhere.length <= 20, `${elsewhere.length} of ${POSITIONS}`)
  })

  it('gives each of ten members between half and twice its share', () => {
    const ring = new HashRing(members(10))
    const counts = new Map<string, number>()
    for (const key of keys) {
      const owner = ownerOf(ring, key)
      counts.set(owner, (counts.get(owner) ?? 0) + 1)
    }

    assert.equal(counts.size, 10)
    for (const count of counts.values()) {
      assert.ok(count > keys.length / 20 && count < keys.length / 5, String(count))
    }
  })

  it('does not depend on the order of the members', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 12 }),
        fc.nat(POSITIONS - 1),
        (names, position) => {
          const sorted = new HashRing([...names].sort())
          const reversed = new HashRing([...names].reverse())
          assert.equal(ownerOf(sorted, position), ownerOf(reversed, position))
        },
      ),
      { numRuns: 40 },
    )
  })

  it('takes nothing from members that stay when one goes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.nat(), (count, n) => {
        const all = members(count)
        const gone = all[n % count]
        const before = new HashRing(all)
        const after = new HashRing(all.filter(each => each !== gone))
        const stolen = keys.slice(0, 2000).filter(key => {
          const owner = ownerOf(before, key)
          return owner !== gone && owner !== ownerOf(after, key)
        })
        // Places that two members wanted may change hands.
        assert.ok(stolen.length <= 20, `${stolen.length} of 2000`)
      }),
      { numRuns: 20 },
    )
  })

  it('finds the next owner that suits, and none when none does', () => {
    const ring = new HashRing(members(4))
    const position = keys[0]
    const owner = ring.ownerOf(position)

    const next = ring.findOwner(position, each => each !== owner)

    assert.notEqual(next, owner)
    assert.ok(next >= 0)
    assert.equal(
      ring.findOwner(position, () => false),
      -1,
    )
    assert.equal(
      ring.findOwner(position, each => each === owner),
      owner,
    )
  })

  it('is empty without members', () => {
    assert.equal(new HashRing([]).isEmpty, true)
    assert.equal(new HashRing(['a']).ownerOf(5), 0)
  })
})
