/** What a restart must not lose, as named blocks of bytes: names, sketches, budgets, weights. */
import type { Assembly } from '../../sampler/assembly/assembly.ts'
import { isOnline } from '../../sampler/models/model.ts'
import type { Tuner } from '../../sampler/models/tuner.ts'
import type { Observer } from '../../sampler/observe/observer.ts'
import { VECTOR_NAMES } from '../../sampler/observe/vector.ts'
import type { Lineup } from './arms.ts'

const NAMES = 'names'
const OBSERVER = 'observer'
const TUNER = 'tuner'
/** Vectors mean something else when it differs. */
const LAYOUT = 'layout'

export interface Learned {
  readonly assembly: Assembly
  readonly observer: Observer
  readonly lineup: Lineup
  readonly tuner: Tuner | null
}

/**
 * Copies, in steps, so that others get a turn between them; steps that end no copy give nothing. The sketches come before the
 * names: what is new in between has a name that no sketch knows, not the other way round.
 */
export function* collect({
  assembly,
  observer,
  lineup,
  tuner,
}: Learned): Generator<readonly [name: string, bytes: Uint8Array] | undefined> {
  yield [LAYOUT, layout()]
  yield [OBSERVER, yield* observer.snapshotSteps()]
  yield [NAMES, assembly.snapshotNames()]
  for (const { model, decider } of lineup.arms) yield [budgetOf(model.name), decider.snapshot()]
  for (const model of lineup.models) {
    if (isOnline(model)) yield [weightsOf(model.name), model.snapshot()]
  }
  if (tuner !== null) yield [TUNER, tuner.snapshot()]
}

/** Names of the blocks that were taken over. Before the first span. */
export function restore(
  { assembly, observer, lineup, tuner }: Learned,
  blocks: ReadonlyMap<string, Uint8Array>,
): readonly string[] {
  const taken: string[] = []
  const take = (name: string, into: (bytes: Uint8Array) => boolean): boolean => {
    const bytes = blocks.get(name)
    const isTaken = bytes !== undefined && into(bytes)
    if (isTaken) taken.push(name)
    return isTaken
  }
  const saved = blocks.get(LAYOUT)
  if (saved === undefined || Buffer.compare(saved, layout()) !== 0) return taken
  // Sketches are kept by numbers of operations, which mean nothing without the names.
  if (take(NAMES, bytes => assembly.restoreNames(bytes))) {
    take(OBSERVER, bytes => observer.restore(bytes))
  }
  for (const { model, decider } of lineup.arms) {
    take(budgetOf(model.name), bytes => decider.restore(bytes))
  }
  for (const model of lineup.models) {
    if (isOnline(model)) take(weightsOf(model.name), bytes => model.restore(bytes))
  }
  if (tuner !== null) take(TUNER, bytes => tuner.restore(bytes))
  return taken
}

function budgetOf(model: string): string {
  return `budget ${model}`
}

function weightsOf(model: string): string {
  return `weights ${model}`
}

function layout(): Uint8Array {
  return new TextEncoder().encode(VECTOR_NAMES.join())
}
