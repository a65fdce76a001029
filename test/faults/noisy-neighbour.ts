/**
 * One tenant that behaves, measured within one run of one collector by turns: alone, beside one that does not behave, and
 * while that one does the same to another collector. The last says what the machine's other work costs, which is not the
 * collector's doing: sender, sink and neighbour share its cores.
 */
import { forkLoad, type LoadChild, type LoadSlice } from '../harness/load-child.ts'
import { makeNoise, NOISES, type NoiseKind } from '../harness/noise.ts'
import {
  atEnd,
  type Scope,
  type Stopped,
  Subject,
  sleep,
  startSink,
  temporaryFolder,
} from './kit.ts'
import { keyMetadata, tenantsWithKeys } from './tenants.ts'

const QUIET_STREAM = 1
const SPANS = 50
const QUIET_SPANS_PER_SECOND = 25_000
/** Of the tenant that misbehaves; it sends so many times as much. */
const QUOTA_SPANS_PER_SECOND = 2000
const TIMES_QUOTA = 20
const WARM_MS = 2000
const REST_MS = 500
/** The process that makes the noise starts up, and uses up its burst, before anything is measured. */
const SETTLE_MS = 1000

export interface NoisyOptions {
  readonly kinds?: readonly NoiseKind[]
  /** Of the three, each measured for so long. */
  readonly rounds: number
  readonly sliceMs: number
  /** Measures also how much the tenant that behaves can send at most. */
  readonly isFull?: boolean
}

export interface NoisyRow {
  readonly kind: NoiseKind
  readonly alone: Figures
  /** The neighbour is at another collector. */
  readonly apart: Figures
  readonly beside: Figures
}

export interface Figures {
  readonly p50Ms: number
  /** Of the middle slice: a stall of the machine spoils a slice, not the figure. */
  readonly p99Ms: number
  /** Of all slices together. */
  readonly pooledP99Ms: number
  /** At its steady pace, and as fast as it is answered; 0 where that was not measured. */
  readonly spansPerSecond: number
  readonly mostPerSecond: number
  /** Of the tenant that behaves at its steady pace, and not accepted. */
  readonly failedSpans: number
}

export interface NoisyReport {
  readonly rows: readonly NoisyRow[]
  readonly accepted: number
  readonly arrived: number
  readonly rssMiB: number
  readonly stopped: Stopped
}

export async function noisyNeighbour(t: Scope, options: NoisyOptions): Promise<NoisyReport> {
  const sink = await startSink(t)
  const { config, keys } = tenantsWithKeys(temporaryFolder(t), {
    quiet: {},
    noisy: {
      items_per_second: QUOTA_SPANS_PER_SECOND,
      bytes_per_second: '2MiB',
      concurrent_requests: 32,
      connections: 64,
      memory: '64MiB',
    },
  })
  const wanted = { target: sink.port, tenants: config }
  const subject = await Subject.start(t, wanted)
  const other = await Subject.start(t, wanted)
  const quiet = new QuietSender(t, subject.port, keyMetadata(keys.get('quiet')!))
  await quiet.measure(WARM_MS, QUIET_SPANS_PER_SECOND)
  const rows: NoisyRow[] = []
  let rssMiB = 0
  const besideNoise = async (kind: NoiseKind, { port }: Subject): Promise<Turn> => {
    const hush = await makeNoise({
      kind,
      port,
      metadata: keyMetadata(keys.get('noisy')!),
      rate: QUOTA_SPANS_PER_SECOND * TIMES_QUOTA,
    })
    await sleep(SETTLE_MS)
    const turn = await quiet.turn(options)
    rssMiB = Math.max(rssMiB, subject.rssMiB())
    await hush()
    await sleep(REST_MS)
    return turn
  }
  for (const kind of options.kinds ?? NOISES) {
    const alone: Turn[] = []
    const apart: Turn[] = []
    const beside: Turn[] = []
    for (let round = 0; round < options.rounds; round++) {
      alone.push(await quiet.turn(options))
      // By turns, so that nobody always comes after the same.
      if (round % 2 === 0) apart.push(await besideNoise(kind, other))
      beside.push(await besideNoise(kind, subject))
      if (round % 2 === 1) apart.push(await besideNoise(kind, other))
    }
    const [a, b, c] = [alone, apart, beside].map(figuresOf)
    rows.push({ kind, alone: a, apart: b, beside: c })
  }
  const stopped = await subject.stop()
  const arrived = sink.distinct(QUIET_STREAM)
  return { rows, accepted: quiet.accepted, arrived, rssMiB, stopped }
}

interface Turn {
  readonly steady: LoadSlice
  readonly full: LoadSlice | null
}

/** The tenant that behaves: a steady load from a process of its own. */
class QuietSender {
  readonly #child: LoadChild
  readonly #port: number
  readonly #metadata: Readonly<Record<string, string>>
  accepted = 0
  #next = 0

  constructor(t: Scope, port: number, metadata: Readonly<Record<string, string>>) {
    this.#child = forkLoad()
    this.#port = port
    this.#metadata = metadata
    atEnd(t, () => this.#child.close())
  }

  async turn({ sliceMs, isFull = false }: NoisyOptions): Promise<Turn> {
    const steady = await this.measure(sliceMs, QUIET_SPANS_PER_SECOND)
    return { steady, full: isFull ? await this.measure(sliceMs, 0) : null }
  }

  async measure(ms: number, rate: number): Promise<LoadSlice> {
    this.#child.begin({
      port: this.#port,
      stream: QUIET_STREAM,
      metadata: this.#metadata,
      spans: SPANS,
      inFlight: 16,
      connections: 2,
      rate,
      firstNumber: this.#next,
    })
    await sleep(ms)
    const slice = await this.#child.end()
    this.#next = slice.nextNumber
    this.accepted += slice.accepted
    return slice
  }
}

function figuresOf(turns: readonly Turn[]): Figures {
  const steady = turns.map(turn => turn.steady)
  const full = turns.flatMap(turn => turn.full ?? [])
  const latencies = steady.flatMap(slice => slice.latenciesMs)
  const rate = (slices: readonly LoadSlice[]): number =>
    sum(slices, slice => slice.accepted) / (sum(slices, slice => slice.seconds) || 1)
  return {
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(
      steady.map(slice => quantile(slice.latenciesMs, 0.99)),
      0.5,
    ),
    pooledP99Ms: quantile(latencies, 0.99),
    spansPerSecond: rate(steady),
    mostPerSecond: rate(full),
    failedSpans: sum(steady, slice => slice.refused + slice.unknown),
  }
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * q)] ?? 0
}

function sum(slices: readonly LoadSlice[], of: (slice: LoadSlice) => number): number {
  return slices.reduce((total, slice) => total + of(slice), 0)
}
