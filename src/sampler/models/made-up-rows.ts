/** Labelled rows from systems that never were, observed as the collector observes: causally, trace by trace. */
import { Observer } from '../observe/observer.ts'
import { VECTOR_NAMES } from '../observe/vector.ts'
import { FAULT_KINDS } from './inject.ts'
import { MadeUpSystem } from './made-up-system.ts'
import { Random } from './random.ts'
import type { TrainingSet } from './training.ts'

export interface MadeUpPlan {
  readonly systems: number
  /** Traces of each system. */
  readonly traces: number
  readonly seed: number
}

/** Nothing is learned from these; the observer does not know the system yet. */
const WARM_UP = 2_000
const MOST_SERVICES = 30
const MOST_ENDPOINTS = 12
/** Traces of calm and of an incident. */
const CALM = 1_500
const INCIDENT = 600
/** Of the clean traces, most are alike. */
const CLEAN_TAKEN = 0.25
/** Traces between releases, on average, and in one wave of load. */
const RELEASE_EACH = 3_000
const WAVE = 6_000
/** At the height of a wave everything takes up to this much longer. */
const MOST_LOAD = 0.6

export function makeUpRows(plan: MadeUpPlan): TrainingSet {
  const rows = new Rows()
  for (let i = 0; i < plan.systems; i++) observeSystem(new Random(plan.seed + i), plan, rows)
  return rows.toSet()
}

function observeSystem(random: Random, plan: MadeUpPlan, rows: Rows): void {
  const system = new MadeUpSystem(
    {
      services: 3 + random.index(MOST_SERVICES),
      endpoints: 2 + random.index(MOST_ENDPOINTS),
      noise: 0.1 + 0.7 * random.next(),
    },
    random,
  )
  const observer = new Observer()
  const vector = new Float32Array(Observer.VECTOR)
  const perSecond = 5 * 10 ** random.next()
  const load = MOST_LOAD * random.next()
  let left = WARM_UP
  let calm = true
  for (let i = 0; i < plan.traces; i++) {
    if (left-- === 0) {
      calm = !calm
      left = Math.ceil((calm ? CALM : INCIDENT) * (0.3 + random.next()))
      const kind = FAULT_KINDS[random.index(FAULT_KINDS.length)]
      system.setIncident(calm ? null : system.makeIncident(kind))
    }
    if (random.next() * RELEASE_EACH < 1) system.release()
    system.setLoad(1 + load * Math.sin((2 * Math.PI * i) / WAVE) ** 2)
    const trace = system.next()
    observer.observe(trace, (i / perSecond) * 1000, vector, 0)
    if (i < WARM_UP) continue
    if (system.touched) rows.add(vector, 1)
    else if (random.next() < CLEAN_TAKEN) rows.add(vector, 0)
  }
}

class Rows {
  #count = 0
  #vectors = new Float32Array(1024 * Observer.VECTOR)
  #labels = new Float32Array(1024)

  add(vector: Float32Array, label: number): void {
    if (this.#count === this.#labels.length) {
      const vectors = new Float32Array(this.#vectors.length * 2)
      vectors.set(this.#vectors)
      this.#vectors = vectors
      const labels = new Float32Array(this.#labels.length * 2)
      labels.set(this.#labels)
      this.#labels = labels
    }
    this.#vectors.set(vector, this.#count * Observer.VECTOR)
    this.#labels[this.#count++] = label
  }

  toSet(): TrainingSet {
    const count = this.#count
    return {
      layout: VECTOR_NAMES,
      count,
      vectors: this.#vectors.slice(0, count * Observer.VECTOR),
      labels: this.#labels.slice(0, count),
      weights: new Float32Array(count).fill(1),
    }
  }
}
