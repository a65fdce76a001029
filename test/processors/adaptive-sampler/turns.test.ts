/** What one turn of the event loop may do, counted by a clock that moves on each time it is read; nothing is timed. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Timer } from '../../../src/core/clock.ts'
import { busy } from '../../../src/core/outcome.ts'
import { config as spec } from '../../../src/processors/adaptive-sampler/config.ts'
import { AdaptiveSampler } from '../../../src/processors/adaptive-sampler/processor.ts'
import {
  CollectingConsumer,
  FakeClock,
  fakeHost,
  fakeServices,
  settle,
} from '../../../src/testing/fakes.ts'
import { batchOf, partOf, request, type TestSpan } from '../../sampler/assembly/spans.ts'
import { shopTrace, traceId } from './kit.ts'

/** A slice of 4 ms is over at the second look at the time. */
const READ_MS = 3
const DECIDED = 'traces_decided'
const TICKS = 'decision_seconds'

/** Each read takes time, and each timer that fires is one turn. */
class SlowClock extends FakeClock {
  readMs = 0
  onTurn: () => void = () => {}
  #spentMs = 0

  override monotonic(): number {
    this.#spentMs += this.readMs
    return super.monotonic() + this.#spentMs
  }

  override after(ms: number, f: () => void): Timer {
    return super.after(ms, () => this.#turn(f))
  }

  override every(ms: number, f: () => void): Timer {
    return super.every(ms, () => this.#turn(f))
  }

  #turn(f: () => void): void {
    f()
    this.onTurn()
  }
}

interface Turn {
  readonly decided: number
  readonly ticks: number
  /** That went on. */
  readonly spans: number
}

async function start(t: TestContext, settings: object) {
  const services = { ...fakeServices(), clock: new SlowClock() }
  const next = new CollectingConsumer()
  const config = spec.schema.parse({ decision_cache: { dropped: 10_000 }, ...settings })
  const context = { ...services, id: 'adaptive_sampler', config, signals: ['traces'] as const }
  const sampler = new AdaptiveSampler(context, next)
  await sampler.start(fakeHost())
  t.after(() => sampler.stop(AbortSignal.abort()))
  const total = (name: string): number => {
    const keys = [...services.meter.values.keys()].filter(key => key.includes(name))
    return keys.reduce((sum, key) => sum + services.meter.values.get(key)!.value, 0)
  }
  const turns: Turn[] = []
  let before: Turn = { decided: 0, ticks: 0, spans: 0 }
  services.clock.onTurn = () => {
    const now = { decided: total(DECIDED), ticks: total(TICKS), spans: next.items }
    turns.push({
      decided: now.decided - before.decided,
      ticks: now.ticks - before.ticks,
      spans: now.spans - before.spans,
    })
    before = now
  }
  services.clock.readMs = READ_MS
  const send = async (spans: readonly TestSpan[]): Promise<void> => {
    const outcome = await sampler.consume(batchOf([partOf(request(spans))], 'default'))
    assert.equal(outcome.kind, 'accepted')
  }
  return { ...services, sampler, next, turns, send, total }
}

test('a tick of traces is chosen among in a turn of its own and carried out in turns', async t => {
  const { clock, turns, send, total } = await start(t, {})
  for (let n = 0; n < 1000; n++) await send(shopTrace(n))

  await clock.advance(20_000)

  assert.equal(total(DECIDED), 1000)
  for (const turn of turns) {
    assert.ok(turn.ticks <= 1)
    assert.ok(turn.ticks === 0 || turn.decided === 0, 'a turn chooses or carries out')
    assert.ok(turn.decided <= 256, `${turn.decided} traces were let go in one turn`)
  }
})

test('requests that a turn has no time for are taken in later, also at a stop; those that come then are not', async t => {
  const { sampler, clock, meter } = await start(t, {})
  clock.readMs = 10
  const [one, two, three, four, five] = [1, 2, 3, 4, 5].map(n =>
    batchOf([partOf(request(shopTrace(n)))], 'default'),
  )
  const first = sampler.consume(one)
  const second = sampler.consume(two)
  assert.ok(!(first instanceof Promise) && first.kind === 'accepted')
  assert.ok(second instanceof Promise)
  assert.equal((await second).kind, 'accepted')
  assert.equal(meter.total('millrace_sampler_traces_held'), 2)

  await settle()
  const third = await sampler.consume(three)
  const fourth = sampler.consume(four)
  await sampler.stop(new AbortController().signal)

  assert.equal(third.kind, 'accepted')
  assert.equal((await fourth).kind, 'accepted')
  assert.equal((await sampler.consume(five)).kind, 'busy')
})

test('a turn that carries out large traces does so with few of them', async t => {
  const { clock, turns, send, total } = await start(t, { budget: { ratio: 1 } })
  const spans = 1000
  for (let n = 0; n < 30; n++) {
    const trace = traceId(n)
    await send(Array.from({ length: spans }, (_, i) => ({ trace, id: (i + 1).toString(16) })))
  }

  await clock.advance(40_000)

  assert.equal(total(DECIDED), 30)
  const most = Math.max(...turns.map(turn => turn.spans))
  assert.ok(most <= 2 * (2048 + spans), `${most} spans went on in one turn`)
})

test('ticks do not grow while the next stage takes nothing', async t => {
  const large = 9000
  const settings = { budget: { ratio: 1 }, decision_wait: '10s', max_spans_per_trace: large }
  const { clock, next, send, total } = await start(t, settings)
  clock.readMs = 0
  const takes = next.answer
  next.answer = () => busy(100)
  for (let n = 1; n <= 4000; n++) await send(shopTrace(n))
  // Decided at once, they fill the line of 65,536 spans.
  for (let n = 0; n < 8; n++) {
    const trace = traceId(5000 + n)
    await send(Array.from({ length: large }, (_, i) => ({ trace, id: (i + 1).toString(16) })))
  }
  await clock.advance(60_000)
  assert.equal(total(DECIDED), 8, 'nothing is decided while the line is full')
  const ticks = total(TICKS)

  next.answer = takes
  await clock.advance(20_000)

  assert.equal(total(DECIDED), 8 + 4000)
  assert.ok(total(TICKS) - ticks >= 4, 'at most 1,024 traces in a tick')
})
