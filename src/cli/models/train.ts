/** `millrace models train`: rows, training, judgement on what was held out, and a new version in the directory. */
import { resolve } from 'node:path'
import { MillraceError } from '../../errors.ts'
import { observeAll } from '../../sampler/eval/features.ts'
import { LABEL_AMBIGUOUS, readRecording } from '../../sampler/eval/recording.ts'
import { makeSchedule } from '../../sampler/eval/schedule.ts'
import { describeModel } from '../../sampler/models/card.ts'
import { makeUpRows } from '../../sampler/models/made-up-rows.ts'
import { compareVersions } from '../../sampler/models/manifest.ts'
import type { NetworkWeights } from '../../sampler/models/network-weights.ts'
import { joinRows, sliceRows, varyingColumns } from '../../sampler/models/rows.ts'
import type { ModelStore } from '../../sampler/models/store.ts'
import {
  FULL_TRAINING,
  freshNetwork,
  type TrainingPlan,
  type TrainingSet,
  trainNetwork,
} from '../../sampler/models/training.ts'
import { type Judgement, judge } from '../../sampler/models/training-job.ts'
import { VECTOR_NAMES } from '../../sampler/observe/vector.ts'
import type { CliIo } from '../io.ts'
import { openStore, type StoreOptions } from './list.ts'

export interface TrainOptions extends StoreOptions {
  readonly as?: string
  readonly data: readonly string[]
  readonly madeUp?: number
  readonly traces: number
  readonly hidden: number
  readonly epochs: number
  readonly seed: number
  readonly engine: 'plain' | 'tensorflow'
  readonly json: boolean
}

/** Rows to learn from and rows to judge by, from one source. */
interface Source {
  readonly what: string
  readonly train: TrainingSet
  readonly test: TrainingSet
}

/** Without recordings, and nothing else said. */
const DEFAULT_SYSTEMS = 40
/** Made-up systems that judge, for each four that teach; recordings give their last fifth. */
const JUDGES_SHARE = 0.25
const HELD_OUT = 0.2
/** Seeds of systems that judge lie this far from those that teach. */
const JUDGES_SEED = 1_000_000
/** Where incidents are made up, and where recorded ones happen to be, says nothing of large traces or new keys elsewhere. */
const NOT_LEARNED: readonly string[] = ['log_spans', 'cold_share']
/** At the start of a recording the observer does not know the system. */
const WARM_UP = 2_000

export async function trainModel(options: TrainOptions, io: CliIo): Promise<void> {
  const store = openStore(options, io)
  const version = options.as ?? (await nextVersion(store))
  await store.requireNew('network', version)
  const sources = await collectSources(options, io)
  const set = requireBoth(
    sources.map(source => source.train),
    'learn from',
  )
  const held = requireBoth(
    sources.map(source => source.test),
    'judge by',
  )
  const plan = { ...FULL_TRAINING, epochs: options.epochs, seed: options.seed }
  const inputs = varyingColumns(set).filter(name => !NOT_LEARNED.includes(name))
  const start = freshNetwork(inputs, options.hidden, set, options.seed)
  const weights = await train(start, set, plan, options.engine)
  const scores = judge(weights, held)
  const bySource = sources.map(({ what, test }) => ({ what, ...judge(weights, test) }))
  const manifest = {
    ...{ name: 'network', version, kind: 'network' as const, features: inputs },
    ...{ hidden: options.hidden, created: new Date().toISOString() },
    ...{ data: sources.map(source => source.what), rows: set.count, scores },
  }
  const folder = await store.save(manifest, weights, describeModel(manifest, bySource))
  if (options.json) {
    const answer = { folder, version, rows: set.count, ...scores, sources: bySource }
    io.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
    return
  }
  io.stdout.write(`network@${version}: ${folder}\n${set.count} rows, ${inputs.length} inputs\n`)
  for (const source of bySource) io.stdout.write(`${source.what}: ${inWords(source)}\n`)
  const live = (await store.list()).some(entry => entry.version === version && entry.live)
  const next = live
    ? 'It is live.'
    : `It is not live yet: millrace models promote network@${version}`
  io.stdout.write(`${next}\n`)
}

/** Joined; refused unless there are symptomatic and clean rows among them. */
function requireBoth(sets: readonly TrainingSet[], purpose: string): TrainingSet {
  const set = sets.length === 0 ? null : joinRows(sets)
  if (set?.labels.includes(1) && set.labels.includes(0)) return set
  throw new MillraceError(
    'MILLRACE_MODEL_REFUSED',
    `There are no symptomatic and clean traces to ${purpose}: ${WARM_UP} of each source go by first, and the last fifth of a recording judges.`,
  )
}

async function train(
  start: NetworkWeights,
  set: TrainingSet,
  plan: TrainingPlan,
  engine: TrainOptions['engine'],
): Promise<NetworkWeights> {
  if (engine === 'plain') return trainNetwork(start, null, set, plan)
  const { trainWithTensors } = await import('../../sampler/models/tensorflow/training.ts')
  return trainWithTensors(start, null, set, plan)
}

async function collectSources(options: TrainOptions, io: CliIo): Promise<Source[]> {
  const sources: Source[] = []
  for (const directory of options.data) {
    sources.push(await recordingRows(resolve(io.cwd, directory), options.seed))
  }
  const systems = options.madeUp ?? (sources.length === 0 ? DEFAULT_SYSTEMS : 0)
  if (systems === 0) return sources
  const { traces, seed } = options
  const judges = Math.ceil(systems * JUDGES_SHARE)
  sources.push({
    what: `${systems} made-up systems of ${traces} traces, seed ${seed}; judged by ${judges} others`,
    train: makeUpRows({ systems, traces, seed }),
    test: makeUpRows({ systems: judges, traces, seed: seed + JUDGES_SEED }),
  })
  return sources
}

async function recordingRows(directory: string, seed: number): Promise<Source> {
  const recording = await readRecording(directory)
  const schedule = makeSchedule(recording, seed)
  const { vectors } = observeAll(recording, schedule)
  const labels = Float32Array.from(schedule.order, trace => recording.label[trace])
  const known = labels.map((label, at) => (at < WARM_UP || label === LABEL_AMBIGUOUS ? 0 : 1))
  const all = { layout: VECTOR_NAMES, count: labels.length, vectors, labels, weights: known }
  const border = Math.floor(labels.length * (1 - HELD_OUT))
  return {
    what: recording.name,
    train: sliceRows(all, 0, border),
    test: sliceRows(all, border, labels.length),
  }
}

/** The minor number after the newest there is. */
async function nextVersion(store: ModelStore): Promise<string> {
  const versions = (await store.list()).map(entry => entry.version).sort(compareVersions)
  const newest = versions.at(-1)
  if (newest === undefined) return '1.0.0'
  const [major, minor] = newest.split('.').map(Number)
  return `${major}.${minor + 1}.0`
}

function inWords({ auc, coverage }: Judgement): string {
  const share = (coverage * 100).toFixed(1)
  return `AUC ${auc.toFixed(4)}, ${share} % of the symptomatic above what 5 % of the clean pass`
}
