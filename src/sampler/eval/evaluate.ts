/** The whole evaluation of one recording: seeds, models, baselines, budgets; a row each. */
import type { Model } from '../models/model.ts'
import { BASELINES, type Baseline, runBaseline } from './baselines.ts'
import { Truth } from './estimation.ts'
import { type Features, observeAll } from './features.ts'
import { type Known, type Measures, measure } from './measure.ts'
import { openPlain, PLAIN_MODELS, plainVectors } from './plain-features.ts'
import { Quantiles } from './quantiles.ts'
import { type Ranking, rank } from './ranking.ts'
import type { Recording } from './recording.ts'
import { type Choice, decideAll, makeRandomness, type Randomness, scoreAll } from './run.ts'
import { makeSchedule, type Schedule } from './schedule.ts'
import { findShapes } from './shapes.ts'

export interface Row extends Measures, Ranking {
  readonly data: string
  readonly model: string
  readonly budget: number
  readonly seed: number
}

export interface EvaluateOptions {
  readonly budgets: readonly number[]
  readonly seeds: number
  readonly periodMs: number
  /** Names of models and baselines, in the order of the rows. */
  readonly models: readonly string[]
  /** A fresh model for each seed, since some learn. */
  readonly open: (name: string, seed: number) => Promise<Model>
  readonly tell?: (done: string) => void
}

export async function evaluate(recording: Recording, options: EvaluateOptions): Promise<Row[]> {
  const rows: Row[] = []
  const known: Known = {
    truth: new Truth(recording),
    quantiles: new Quantiles(recording),
    shapes: findShapes(recording),
  }
  for (let seed = 0; seed < options.seeds; seed++) {
    const schedule = makeSchedule(recording, seed)
    const features = observeAll(recording, schedule)
    const random = makeRandomness(recording.traces, seed)
    let plain: Float32Array | undefined
    for (const name of options.models) {
      const judged: Judged = { recording, known, schedule, features, random, seed }
      const baseline = BASELINES.find(known => known === name)
      const plainModel = PLAIN_MODELS.find(known => known === name)
      if (baseline !== undefined) {
        for (const budget of options.budgets) rows.push(baselineRow(baseline, judged, budget))
      } else if (plainModel !== undefined) {
        plain ??= plainVectors(recording, schedule)
        rows.push(...modelRows(name, openPlain(plainModel, plain, seed), judged, options))
      } else {
        const scorer = { model: await options.open(name, seed), vectors: features.vectors }
        rows.push(...modelRows(name, scorer, judged, options))
      }
      options.tell?.(`${recording.name} seed ${seed} ${name}`)
    }
  }
  return rows
}

interface Judged {
  readonly recording: Recording
  readonly known: Known
  readonly schedule: Schedule
  readonly features: Features
  readonly random: Randomness
  readonly seed: number
}

/** A model and the rows it scores. */
interface Scorer {
  readonly model: Model
  readonly vectors: Float32Array
}

function modelRows(name: string, scorer: Scorer, judged: Judged, options: EvaluateOptions): Row[] {
  const { recording, schedule, features, random, seed } = judged
  const scores = scoreAll(scorer.model, scorer.vectors, schedule)
  const labels = recording.label
  const label = Uint8Array.from(schedule.order, trace => labels[trace])
  return options.budgets.map(budget => {
    const choice = decideAll(recording, schedule, features, scores, random, {
      budget,
      periodMs: options.periodMs,
    })
    const head = { data: recording.name, model: name, budget, seed }
    return { ...head, ...measureRow(judged, choice, budget), ...rank(scores, label, budget) }
  })
}

function baselineRow(name: Baseline, judged: Judged, budget: number): Row {
  const { recording, schedule, features, random, seed } = judged
  const choice = runBaseline(name, schedule, features, random, budget)
  const head = { data: recording.name, model: name, budget, seed }
  const label = Uint8Array.from(schedule.order, trace => recording.label[trace])
  // The greater the chance to be kept, the higher the rank: chance alone ranks nothing.
  const scores = name === 'duration' ? features.duration : choice.probability
  return {
    ...head,
    ...measureRow(judged, choice, budget),
    ...rank(Float32Array.from(scores), label, budget),
  }
}

function measureRow(judged: Judged, choice: Choice, budget: number): Measures {
  return measure(judged.recording, judged.schedule, choice, budget, judged.known)
}
