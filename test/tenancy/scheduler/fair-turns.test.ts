/** Shares of a common road: in proportion to weights, without starvation, and nobody waits while there is room. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FairTurns, Flow, QUANTUM } from '../../../src/tenancy/scheduler/fair-turns.ts'

class Named extends Flow {
  readonly name: string
  sent = 0

  constructor(name: string, weight = 1) {
    super()
    this.name = name
    this.weight = weight
  }
}

/** Sends `turns` times, each flow with its own costs; all stay backlogged. */
function run(flows: readonly Named[], turns: number, cost: (flow: Named, n: number) => number) {
  const ring = new FairTurns<Named>()
  for (const flow of flows) ring.add(flow)
  for (let n = 0; n < turns; n++) {
    const flow = ring.next()!
    const spent = cost(flow, n)
    flow.sent += spent
    ring.charge(flow, spent)
  }
  return ring
}

const weight = fc.constantFrom(0.1, 0.5, 1, 2, 3, 10)
const someFlows = fc.array(
  fc.record({ weight, least: fc.integer({ min: 2000, max: 200_000 }), spread: fc.nat(200_000) }),
  { minLength: 2, maxLength: 12 },
)

test('each of several backlogged flows gets its share of all cost within a tenth', () => {
  fc.assert(
    fc.property(someFlows, fc.nat(), (settings, seed) => {
      const flows = settings.map((each, i) => new Named(`${i}`, each.weight))
      const ring = new FairTurns<Named>()
      for (const flow of flows) ring.add(flow)
      const weights = flows.reduce((sum, flow) => sum + flow.weight, 0)
      const dearest = Math.max(...settings.map(({ least, spread }) => least + spread))
      // Long enough for what one flow may be ahead (a round and one request) to be small against its share.
      const lightest = Math.min(...flows.map(flow => flow.weight))
      const goal = (40 * (QUANTUM * 10 + dearest) * weights) / lightest
      let total = 0
      for (let n = seed; total < goal; n++) {
        const flow = ring.next()!
        const { least, spread } = settings[Number(flow.name)]
        const cost = least + ((n * 7919) % (spread + 1))
        flow.sent += cost
        total += cost
        ring.charge(flow, cost)
      }
      for (const flow of flows) {
        const share = flow.sent / total / (flow.weight / weights)
        assert.ok(Math.abs(share - 1) < 0.1, `weight ${flow.weight} got ${share} of its share`)
      }
    }),
    { numRuns: 12 },
  )
})

test('a flow of small requests is not starved by one of huge requests', () => {
  const small = new Named('small')
  const huge = new Named('huge')
  let longestWait = 0
  let wait = 0
  run([small, huge], 20_000, flow => {
    wait = flow === small ? 0 : wait + 1
    longestWait = Math.max(longestWait, wait)
    return flow === small ? 1000 : 50_000_000
  })

  assert.equal(longestWait, 1)
})

test('the only one that waits always has its turn, whatever it has cost', () => {
  const only = new Named('only')
  const ring = new FairTurns<Named>()
  ring.add(only)
  for (let n = 0; n < 1000; n++) {
    assert.equal(ring.next(), only)
    ring.charge(only, 1e9)
  }
  assert.equal(only.balance, 0)
})

test('one who comes after a long time alone of another starts level with it', () => {
  const first = new Named('first')
  const second = new Named('second')
  const ring = new FairTurns<Named>()
  ring.add(first)
  for (let n = 0; n < 100; n++) ring.charge(ring.next()!, 60_000)
  ring.add(second)
  for (let n = 0; n < 100; n++) {
    const flow = ring.next()!
    flow.sent++
    ring.charge(flow, QUANTUM)
  }

  assert.deepEqual([first.sent, second.sent], [50, 50])
})

test('leaving and coming back does not pay a debt', () => {
  const steady = new Named('steady')
  const sly = new Named('sly')
  const other = new Named('other')
  const ring = new FairTurns<Named>()
  for (const flow of [steady, sly, other]) ring.add(flow)
  for (let n = 0; n < 3000; n++) {
    const flow = ring.next()!
    const cost = flow === sly ? 20 * QUANTUM : QUANTUM
    flow.sent += cost
    ring.charge(flow, cost)
    if (flow !== sly) continue
    ring.remove(sly)
    ring.add(sly)
  }

  assert.ok(Math.abs(sly.sent / steady.sent - 1) < 0.1, `${sly.sent / steady.sent}`)
})

test('a weight that changes counts from then on', () => {
  const one = new Named('one')
  const two = new Named('two')
  const ring = run([one, two], 100, () => QUANTUM)
  assert.equal(one.sent, two.sent)
  ring.setWeight(two, 4)
  assert.equal(ring.weight, 5)
  one.sent = two.sent = 0
  for (let n = 0; n < 1000; n++) {
    const flow = ring.next()!
    flow.sent++
    ring.charge(flow, QUANTUM)
  }

  assert.ok(Math.abs(two.sent / one.sent - 4) < 0.1, `${two.sent} ${one.sent}`)
})

test('whoever waits is in the ring once, and an empty ring has nobody to call', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const step = fc.record({ do: fc.constantFrom('add', 'remove', 'turn'), name, cost: fc.nat(1e6) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const ring = new FairTurns<Named>()
      const flows = new Map([...'abcde'].map(each => [each, new Named(each)]))
      const waiting = new Set<Named>()
      for (const each of steps) {
        const flow = flows.get(each.name)!
        if (each.do === 'add') waiting.add(flow)
        if (each.do === 'add') ring.add(flow)
        if (each.do === 'remove') waiting.delete(flow)
        if (each.do === 'remove') ring.remove(flow)
        const called = ring.next()
        assert.equal(ring.length, waiting.size)
        assert.equal(ring.weight, waiting.size)
        if (called === null) assert.equal(waiting.size, 0)
        else assert.ok(waiting.has(called))
        if (each.do === 'turn' && called !== null) ring.charge(called, each.cost)
      }
    }),
  )
})
