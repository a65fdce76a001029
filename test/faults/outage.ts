/** A destination that is dead while three teams of different weight go on sending, and the draining when it is back. */
import type { NumberedLoad } from '../harness/numbered-load.ts'
import type { Taken } from '../harness/numbered-sink.ts'
import { NumberBook } from '../harness/numbered-spans.ts'
import {
  missing,
  type Scope,
  type Stopped,
  Subject,
  sleep,
  startSink,
  temporaryFolder,
  untilDelivered,
} from './kit.ts'
import { loadOf, type Team, tenantsConfig } from './tenants.ts'

interface WeightedTeam extends Team {
  readonly weight: number
}

const TEAMS: readonly WeightedTeam[] = [
  { tenant: 'shop', stream: 1, weight: 1 },
  { tenant: 'bank', stream: 2, weight: 2 },
  { tenant: 'farm', stream: 3, weight: 4 },
]
const SPANS = 20
/** While it drains the destination is what is scarce: so many requests at a time, each takes so long. */
const CONSUMERS = 8
const SLOW_MS = 4
/** Of what the heaviest team had waiting, the part in which all teams still wait for their turn. */
const FAIR_PART = 0.8
const WARM_MS = 1000

export interface OutageOptions {
  readonly deadMs: number
  readonly spansPerSecond: number
  /** Absent keeps the queues in memory. */
  readonly storage?: object
}

export interface TeamShare {
  readonly tenant: string
  /** Of the bytes that were delivered while all waited. */
  readonly share: number
  /** By its weight. */
  readonly due: number
}

export interface OutageReport {
  readonly accepted: number
  readonly refused: number
  readonly missing: number
  readonly duplicates: number
  readonly shares: readonly TeamShare[]
  /** The largest difference of a share from what is due, as a part of that. */
  readonly unfairness: number
  readonly drainSeconds: number
  readonly rssMiB: number
  readonly stopped: Stopped
}

export async function outage(t: Scope, options: OutageOptions): Promise<OutageReport> {
  const { storage, spansPerSecond } = options
  const sink = await startSink(t)
  const subject = await Subject.start(t, {
    target: sink.port,
    storage: storage && { directory: temporaryFolder(t), ...storage },
    queue: { num_consumers: CONSUMERS, queue_size: 1_000_000 },
    tenants: tenantsConfig(
      Object.fromEntries(TEAMS.map(({ tenant, weight }) => [tenant, { weight }])),
    ),
  })
  const fates = new NumberBook()
  const { port } = subject
  const loads = TEAMS.map(team =>
    loadOf(t, team, fates, { port, spans: SPANS, inFlight: 8, rate: spansPerSecond }),
  )
  await sleep(WARM_MS)
  await sink.die()
  await sleep(options.deadMs)
  const rssMiB = subject.rssMiB()
  await Promise.all(loads.map(load => load.stop()))
  const before = sink.taken.length
  sink.feel({ kind: 'slow', ms: SLOW_MS })
  await sink.revive()
  const revivedMs = performance.now()
  const streams = TEAMS.map(team => team.stream)
  await untilDelivered(fates, sink, streams).catch(() => {})
  const drained = sink.taken.slice(before)
  const shares = sharesOf(drained)
  return {
    ...countsOf(loads),
    missing: streams.reduce((sum, stream) => sum + missing(fates, sink, stream), 0),
    duplicates: streams.reduce((sum, stream) => sum + sink.duplicates(stream), 0),
    shares,
    unfairness: Math.max(...shares.map(({ share, due }) => Math.abs(share / due - 1))),
    drainSeconds: (performance.now() - revivedMs) / 1000,
    rssMiB,
    stopped: await subject.stop(),
  }
}

function countsOf(loads: readonly NumberedLoad[]): { accepted: number; refused: number } {
  const sum = (of: (load: NumberedLoad) => number): number =>
    loads.reduce((total, load) => total + of(load), 0)
  return {
    accepted: sum(load => load.counts.accepted),
    refused: sum(load => load.counts.refused + load.counts.unknown),
  }
}

/** Up to the moment when the heaviest team has little left. */
function sharesOf(drained: readonly Taken[]): TeamShare[] {
  const heaviest = TEAMS.reduce((a, b) => (b.weight > a.weight ? b : a))
  const waited = drained.filter(({ stream }) => stream === heaviest.stream).length
  const bytes = new Map<number, number>()
  let left = Math.floor(waited * FAIR_PART)
  for (const request of drained) {
    bytes.set(request.stream, (bytes.get(request.stream) ?? 0) + request.bytes)
    if (request.stream === heaviest.stream && --left <= 0) break
  }
  const all = [...bytes.values()].reduce((sum, each) => sum + each, 0)
  const weights = TEAMS.reduce((sum, { weight }) => sum + weight, 0)
  return TEAMS.map(({ tenant, stream, weight }) => ({
    tenant,
    share: (bytes.get(stream) ?? 0) / all,
    due: weight / weights,
  }))
}
