/** Seeded rows for tests of models: a cloud of ordinary ones and some that stand out in a few columns. */
import { Random } from '../../../src/sampler/models/random.ts'
import type { TrainingSet } from '../../../src/sampler/models/training.ts'

export const LAYOUT = ['self_1', 'gap_1', 'shift', 'heuristic', 'log_spans', 'errors'] as const

export interface Rows extends TrainingSet {
  readonly layout: readonly string[]
}

/** Every `each`th row is symptomatic: two of its first three columns are far up. */
export function makeRows(count: number, seed = 1, each = 4): Rows {
  const random = new Random(seed)
  const width = LAYOUT.length
  const vectors = new Float32Array(count * width)
  const labels = new Float32Array(count)
  for (let row = 0; row < count; row++) {
    const symptomatic = row % each === each - 1
    labels[row] = symptomatic ? 1 : 0
    for (let i = 0; i < width; i++) vectors[row * width + i] = random.next()
    if (!symptomatic) continue
    const spared = random.index(3)
    for (let i = 0; i < 3; i++) if (i !== spared) vectors[row * width + i] += 1 + 2 * random.next()
  }
  return { layout: LAYOUT, count, vectors, labels, weights: new Float32Array(count).fill(1) }
}
