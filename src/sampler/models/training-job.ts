/**
 * One fine-tuning as a message: what goes into a worker thread and what comes back. A thread lives for one job; it costs
 * some milliseconds to start and gives all its memory back.
 */
import { Worker } from 'node:worker_threads'
import { columnsOf, PlainNetwork } from './network.ts'
import type { NetworkWeights } from './network-weights.ts'
import { Random } from './random.ts'
import { pickRows } from './rows.ts'
import { areaUnderCurve, quantile } from './score-quality.ts'
import { type TrainingPlan, type TrainingSet, trainNetwork } from './training.ts'

export interface TrainingJob {
  readonly start: NetworkWeights
  readonly anchor: NetworkWeights | null
  readonly set: TrainingSet
  readonly plan: TrainingPlan
  /** Share of the rows that training does not see and that judge it. */
  readonly heldOut: number
}

export interface TrainingResult {
  readonly weights: NetworkWeights
  readonly rows: number
  readonly before: Judgement
  readonly after: Judgement
  /** Of the anchor; of the start where there is none. */
  readonly home: Judgement
}

/** On rows held out. */
export interface Judgement {
  readonly auc: number
  /** Share of symptomatic rows above the score that 5 % of clean rows pass. */
  readonly coverage: number
}

/** Rejects when aborted. */
export type RunTraining = (job: TrainingJob, signal: AbortSignal) => Promise<TrainingResult>

const CLEAN_PASSING = 0.05
/** A job over 4,096 rows takes well under a second; what takes longer than this is given up. */
const JOB_LIMIT_MS = 30_000
const HEAP_LIMIT_MB = 64
/** Threads do not run TypeScript on every Node; from source the built one is taken. */
const WORKER = import.meta.url.endsWith('.ts')
  ? '../../../dist/sampler/models/training-worker.js'
  : './training-worker.js'

/** In this thread. */
export function runTraining(job: TrainingJob): TrainingResult {
  const { train, test } = split(job.set, job.heldOut, job.plan.seed)
  const weights = trainNetwork(job.start, job.anchor, train, job.plan)
  return {
    weights,
    rows: train.count,
    before: judge(job.start, test),
    after: judge(weights, test),
    home: judge(job.anchor ?? job.start, test),
  }
}

/** In a thread of its own. Rejects if the thread fails, takes too long or is aborted. */
export const runTrainingApart: RunTraining = (job, signal) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL(WORKER, import.meta.url), {
      workerData: job,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB },
    })
    const end = (why: string): void => {
      reject(new Error(why))
      void worker.terminate()
    }
    const abort = (): void => end('training was aborted')
    const limit = setTimeout(
      () => end(`training took longer than ${JOB_LIMIT_MS} ms`),
      JOB_LIMIT_MS,
    )
    signal.addEventListener('abort', abort)
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', code => {
      clearTimeout(limit)
      signal.removeEventListener('abort', abort)
      reject(new Error(`the training thread ended with ${code}`))
    })
    if (signal.aborted) abort()
  })

export function judge(weights: NetworkWeights, set: TrainingSet): Judgement {
  columnsOf(weights, set.layout)
  const scores = new Float32Array(set.count)
  new PlainNetwork('network', '', weights, set.layout).score(set.vectors, set.count, scores)
  const clean = scores.filter((_, row) => set.labels[row] < 0.5)
  const limit = quantile(clean, clean.length, 1 - CLEAN_PASSING)
  let symptomatic = 0
  let above = 0
  for (let row = 0; row < set.count; row++) {
    if (set.labels[row] < 0.5) continue
    symptomatic++
    if (scores[row] > limit) above++
  }
  return {
    auc: areaUnderCurve(scores, set.labels, set.count),
    coverage: symptomatic === 0 ? 0 : above / symptomatic,
  }
}

function split(
  set: TrainingSet,
  heldOut: number,
  seed: number,
): { readonly train: TrainingSet; readonly test: TrainingSet } {
  const random = new Random(seed)
  const train: number[] = []
  const test: number[] = []
  for (let row = 0; row < set.count; row++) (random.next() < heldOut ? test : train).push(row)
  return { train: pickRows(set, train), test: pickRows(set, test) }
}
