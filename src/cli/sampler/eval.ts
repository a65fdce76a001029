/** `millrace sampler eval`: recordings in, a table or rows of measures out. */
import { basename, resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { BASELINES } from '../../sampler/eval/baselines.ts'
import { evaluate, type Row } from '../../sampler/eval/evaluate.ts'
import { PLAIN_MODELS } from '../../sampler/eval/plain-features.ts'
import { readRecording } from '../../sampler/eval/recording.ts'
import type { Model } from '../../sampler/models/model.ts'
import { openModel } from '../../sampler/models/open.ts'
import { VECTOR_NAMES } from '../../sampler/observe/vector.ts'
import { parseDuration } from '../../util/duration.ts'
import type { CliIo } from '../io.ts'
import { openStoreThere } from '../models/list.ts'
import { tellTable } from './eval-table.ts'

export interface EvalOptions {
  readonly data: readonly string[]
  readonly budget: string
  readonly model: readonly string[]
  readonly baselines: boolean
  /** Where own models are kept, beside those of the package. */
  readonly directory?: string
  readonly seeds: string
  readonly period: string
  readonly json: boolean
}

/** Stand beside whatever is judged. */
const BESIDE = [
  ...['isolation_forest', 'half_space_trees', ...PLAIN_MODELS],
  ...['random', 'duration', 'ema_per_key'],
]
const NEED_NO_MODEL: readonly string[] = [...BASELINES, ...PLAIN_MODELS]
const MOST_SEEDS = 1_000

export async function evaluateSampling(options: EvalOptions, io: CliIo): Promise<void> {
  const budgets = options.budget.split(',').map(readShare)
  const seeds = readSeeds(options.seeds)
  const periodMs = parseDuration(options.period)
  if (periodMs === undefined || !(periodMs > 0)) {
    throw new InvalidArgumentError(`--period ${options.period} is not a duration`)
  }
  const named = options.model.flatMap(names => names.split(','))
  const models = [...new Set(options.baselines ? [...named, ...BESIDE] : named)]
  const store = await openStoreThere(options, io)
  const open = (name: string, seed?: number): Promise<Model> =>
    openModel(name, { layout: VECTOR_NAMES, store, seed })
  // Replays take minutes: a model that is not there is told before the first.
  for (const name of models) if (!NEED_NO_MODEL.includes(name)) await open(name)
  const rows: Row[] = []
  for (const [directory, name] of nameAll(options.data.map(path => resolve(io.cwd, path)))) {
    const recording = await readRecording(directory)
    rows.push(
      ...(await evaluate(
        { ...recording, name },
        {
          ...{ budgets, seeds, periodMs, models, open },
          tell: done => {
            if (io.stderr.isTTY === true) io.stderr.write(`\r\u001b[K${done}`)
          },
        },
      )),
    )
  }
  if (io.stderr.isTTY === true) io.stderr.write('\r\u001b[K')
  if (options.json) io.stdout.write(`${JSON.stringify(rows, null, 1)}\n`)
  else tellTable(rows, io)
}

/** By directory, each once: the name that tells it from the others. */
function nameAll(directories: readonly string[]): ReadonlyMap<string, string> {
  const all = [...new Set(directories)]
  const isAlone = (path: string): boolean =>
    all.filter(other => basename(other) === basename(path)).length === 1
  return new Map(all.map(path => [path, isAlone(path) ? basename(path) : path]))
}

function readShare(text: string): number {
  const share = Number(text)
  if (!(share > 0 && share <= 1)) {
    throw new InvalidArgumentError(`--budget ${text} is not a share above 0 and up to 1`)
  }
  return share
}

function readSeeds(text: string): number {
  const seeds = Number(text)
  if (!Number.isInteger(seeds) || seeds < 1 || seeds > MOST_SEEDS) {
    throw new InvalidArgumentError(`--seeds ${text} is not a whole number from 1 to ${MOST_SEEDS}`)
  }
  return seeds
}
