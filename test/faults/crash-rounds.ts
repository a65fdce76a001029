/** A collector that is killed again and again at random moments under load, and what its two neighbours say afterwards. */
import type { NumberedLoad } from '../harness/numbered-load.ts'
import type { Mood, NumberedSink, Taken } from '../harness/numbered-sink.ts'
import { NumberBook } from '../harness/numbered-spans.ts'
import { eventually } from '../harness/process.ts'
import {
  missing,
  type Scope,
  type Stopped,
  Subject,
  sleep,
  startSink,
  temporaryFolder,
  unwanted,
} from './kit.ts'
import { loadOf, type Team, tenantsConfig } from './tenants.ts'

const TEAMS: readonly Team[] = [
  { tenant: 'shop', stream: 1 },
  { tenant: 'bank', stream: 2 },
  { tenant: 'farm', stream: 3 },
]
const SPANS = 50
const SPANS_PER_SECOND = 8000
/** Of the exporter: requests that the destination works on when the kill comes. */
const CONSUMERS = 4
/** A round lasts so long between "it listens" and the kill. */
const SHORTEST_MS = 5
const LONGEST_MS = 450
const DRAIN_MS = 60_000
/** What was delivered so long before a kill has been written down, also on a machine that is busy. */
const UNWRITTEN_MS = 500

export interface CrashOptions {
  readonly rounds: number
  readonly seed: number
  readonly storage?: object
}

export interface CrashReport extends Repeats {
  readonly accepted: number
  /** Accepted, and never delivered. */
  readonly missing: number
  /** Refused, and delivered all the same. */
  readonly unwanted: number
  readonly slowestStartMs: number
  readonly stopped: Stopped
}

export async function crashRounds(t: Scope, options: CrashOptions): Promise<CrashReport> {
  const { rounds, storage } = options
  const random = randomFrom(options.seed)
  const sink = await startSink(t)
  const directory = temporaryFolder(t)
  const subject = await Subject.start(t, {
    target: sink.port,
    storage: { directory, fsync: 'always', ...storage },
    queue: { num_consumers: CONSUMERS },
    tenants: tenantsConfig(),
  })
  const fates = new NumberBook()
  const loads = TEAMS.map(team =>
    loadOf(t, team, fates, {
      port: subject.port,
      spans: SPANS,
      inFlight: 4,
      rate: SPANS_PER_SECOND,
    }),
  )
  const killsMs: number[] = []
  let slowestStartMs = 0
  for (let round = 0; round < rounds; round++) {
    sink.feel(moodOf(random))
    await sleep(SHORTEST_MS + random() * (LONGEST_MS - SHORTEST_MS))
    await subject.kill()
    killsMs.push(performance.now())
    const begun = performance.now()
    await subject.again()
    slowestStartMs = Math.max(slowestStartMs, performance.now() - begun)
  }
  sink.feel({ kind: 'well' })
  const settled = await settle(subject, sink, loads)
  return { ...settled, ...findRepeats(sink.taken, killsMs), slowestStartMs }
}

async function settle(subject: Subject, sink: NumberedSink, loads: readonly NumberedLoad[]) {
  await Promise.all(loads.map(load => load.stop()))
  const [{ fates }] = loads
  const sum = (of: (stream: number) => number): number =>
    TEAMS.reduce((total, { stream }) => total + of(stream), 0)
  const countMissing = (): number => sum(stream => missing(fates, sink, stream))
  await eventually(() => countMissing() === 0, DRAIN_MS, 'all is delivered').catch(() => {})
  return {
    accepted: loads.reduce((total, load) => total + load.counts.accepted, 0),
    missing: countMissing(),
    unwanted: sum(stream => unwanted(fates, sink, stream)),
    stopped: await subject.stop(),
  }
}

/** Most of the time the destination works, so that kills hit deliveries too. */
function moodOf(random: () => number): Mood {
  const x = random()
  if (x < 0.4) return { kind: 'well' }
  if (x < 0.75) return { kind: 'slow', ms: 1 + random() * 30 }
  return x < 0.9 ? { kind: 'busy' } : { kind: 'hang' }
}

interface Repeats {
  /** Spans that came again. */
  readonly duplicates: number
  /** Most that came again because of one kill. */
  readonly mostDuplicates: number
  /** Kills after which more came again than had been delivered shortly before: acknowledgements are written together. */
  readonly killsBeyondBound: number
  /** The longest time before its kill that something had been delivered which came again. */
  readonly longestUnwrittenMs: number
  /** Came again although nobody was killed in between. */
  readonly withinOneLife: number
}

/** Requests that came twice, each put to the kill after its first coming. */
function findRepeats(taken: readonly Taken[], killsMs: readonly number[]): Repeats {
  const last = new Map<string, Taken>()
  const byKill = new Map<number, number>()
  let duplicates = 0
  let longestUnwrittenMs = 0
  let withinOneLife = 0
  for (const request of taken) {
    const key = `${request.stream}/${request.first}`
    const before = last.get(key)
    last.set(key, request)
    if (before === undefined) continue
    duplicates += request.spans
    const killMs = killsMs.find(ms => ms > before.atMs)
    if (killMs === undefined || killMs > request.atMs) withinOneLife += request.spans
    else {
      byKill.set(killMs, (byKill.get(killMs) ?? 0) + request.spans)
      longestUnwrittenMs = Math.max(longestUnwrittenMs, killMs - before.atMs)
    }
  }
  const mostDuplicates = Math.max(0, ...byKill.values())
  let killsBeyondBound = 0
  for (const [killMs, again] of byKill) {
    if (again > deliveredShortlyBefore(taken, killMs)) killsBeyondBound++
  }
  return { duplicates, mostDuplicates, killsBeyondBound, longestUnwrittenMs, withinOneLife }
}

function deliveredShortlyBefore(taken: readonly Taken[], killMs: number): number {
  const recent = taken.filter(({ atMs }) => atMs <= killMs && atMs >= killMs - UNWRITTEN_MS)
  return recent.reduce((sum, request) => sum + request.spans, 0)
}

/** Numbers in [0, 1), the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}
