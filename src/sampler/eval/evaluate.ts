/** The whole evaluation of one recording: seeds, models, baselines, budgets; a row each. */
import type { Model } from '../models/model.ts'
import { BASELINES, type Baseline, runBaseline } from './baselines.ts'
import { type Features, observeAll } from './features.ts'
import { type Measures, measure } from './measure.ts'
import { type Ranking, rank } from './ranking.ts'
import type { Recording } from './recording.ts'
import { type Choice, decideAll, makeRandomness, type Randomness, scoreAll } from './run.ts'
import { makeSchedule, type Schedule } from './schedule.ts'

export interface Row extends Measures, Partial<Ranking> {
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
  for (let seed = 0; seed < options.seeds; seed++) {
    const schedule = makeSchedule(recording, seed)
    const features = observeAll(recording, schedule)
    const random = makeRandomness(recording.traces, seed)
    for (const name of options.models) {
      const judged: Judged = { recording, schedule, features, random, seed }
      const baseline = BASELINES.find(known => known === name)
      if (baseline !== undefined) {
        for (const budget of options.budgets) rows.push(baselineRow(baseline, judged, budget))
      } else {
        rows.push(...modelRows(name, await options.open(name, seed), judged, options))
      }
      options.tell?.(`${recording.name} seed ${seed} ${name}`)
    }
  }
  return rows
}

interface Judged {
  readonly recording: Recording
  readonly schedule: Schedule
  readonly features: Features
  readonly random: Randomness
  readonly seed: number
}

function modelRows(name: string, model: Model, judged: Judged, options: EvaluateOptions): Row[] {
  const { recording, schedule, features, random, seed } = judged
  const scores = scoreAll(model, features, schedule)
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
  const row: Row = { ...head, ...measureRow(judged, choice, budget) }
  if (name !== 'duration') return row
  const label = Uint8Array.from(schedule.order, trace => recording.label[trace])
  return { ...row, ...rank(Float32Array.from(features.duration), label, budget) }
}

function measureRow(judged: Judged, choice: Choice, budget: number): Measures {
  return measure(judged.recording, judged.schedule, choice, budget)
}
