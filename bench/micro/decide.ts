/**
 * Answers: what does the decision cost per trace, by traces in a tick, with and without a ceiling that binds, and how long does
 * a tick take at worst? What does the decision cache cost per question? Take ratios within one run.
 *
 *   node --import tsx bench/micro/decide.ts
 */

import { Decider } from '../../src/sampler/decide/decider.ts'
import {
  CACHE_UNKNOWN,
  DEFAULT_CACHE,
  DecisionCache,
} from '../../src/sampler/decide/decision-cache.ts'
import { DEFAULT_OPTIONS } from '../../src/sampler/decide/options.ts'
import { HALF } from '../../src/sampler/decide/probability.ts'

const TICKS = 300
const WARM_TICKS = 120
const TICK_MS = 1_000
const SPANS = 40
const IDS = 1_000_000

let state = 1

function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2 ** 32
}

function half(): number {
  return Math.floor(random() * HALF)
}

function ticks(perTick: number, spansPerSecond: number): void {
  const decider = new Decider({
    ...DEFAULT_OPTIONS,
    ceiling: { spansPerSecond, bytesPerSecond: 0 },
  })
  const times: number[] = []
  let adding = 0
  let kept = 0
  for (let tick = 0; tick < TICKS; tick++) {
    decider.clear()
    const start = performance.now()
    for (let at = 0; at < perTick; at++) {
      const score = -Math.log(1 - random())
      const traits = random() < 0.1 ? 4 : 0
      decider.add(at, half(), half(), 0, 0, score, at & 255, SPANS, 400 * SPANS, 1, traits, 0)
    }
    const added = performance.now()
    decider.decide(tick * TICK_MS)
    if (tick < WARM_TICKS) continue
    adding += added - start
    times.push(performance.now() - added)
    kept += decider.status().kept
  }
  times.sort((a, b) => a - b)
  const mean = times.reduce((a, b) => a + b, 0) / times.length
  const rounds = TICKS - WARM_TICKS
  console.log(
    `${String(perTick).padStart(7)} ${String(spansPerSecond || '-').padStart(9)}` +
      `${((adding * 1e6) / rounds / perTick).toFixed(0).padStart(9)}` +
      `${((mean * 1e6) / perTick).toFixed(0).padStart(11)}` +
      `${times[Math.floor(times.length * 0.99)].toFixed(2).padStart(9)}` +
      `${((100 * kept) / rounds / perTick).toFixed(1).padStart(8)}`,
  )
}

function cache(): void {
  const decisions = new DecisionCache(DEFAULT_CACHE)
  const ids = Int32Array.from({ length: IDS }, () => random() * 2 ** 32)
  let start = performance.now()
  for (let at = 0; at < IDS; at++) decisions.drop(ids[at], at, at, ids[at], 0)
  const dropping = performance.now() - start
  start = performance.now()
  let unknown = 0
  for (let at = 0; at < IDS; at++) {
    if (decisions.find(ids[at], at, at + 1, ids[at], 0) === CACHE_UNKNOWN) unknown++
  }
  const finding = performance.now() - start
  start = performance.now()
  for (let at = 0; at < IDS; at++) decisions.keep(ids[at], at, at, 1, 0, 0, 0, 0, 1, 1, 0)
  const keeping = performance.now() - start
  const ns = (ms: number) => `${((ms * 1e6) / IDS).toFixed(0)} ns`
  console.log(`cache: drop ${ns(dropping)}, find ${ns(finding)}, keep ${ns(keeping)},`)
  console.log(
    `  ${(decisions.bytes / 2 ** 20).toFixed(1)} MiB, mistaken ${IDS - unknown} of ${IDS}`,
  )
}

console.log('traces   ceiling   add ns  decide ns   p99 ms  kept %')
for (const perTick of [10, 100, 1_500, 6_250]) ticks(perTick, 0)
for (const perTick of [1_500, 6_250]) ticks(perTick, perTick * 2)
cache()
