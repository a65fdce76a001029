/**
 * Rows for the network to learn from, out of running traffic: now and then a clean trace, and the same trace with a made-up
 * fault in it.
 */
import { Injector } from '../../sampler/models/inject.ts'
import { Random } from '../../sampler/models/random.ts'
import type { Tuner } from '../../sampler/models/tuner.ts'
import { Observer } from '../../sampler/observe/observer.ts'
import type { TraceSpans } from '../../sampler/trace-spans.ts'

/** One of so many clean traces. */
const EVERY = 16
const SEED = 1

export class SelfSupervision {
  readonly #tuner: Tuner
  readonly #observer: Observer
  readonly #injector = new Injector(new Random(SEED))
  readonly #vector = new Float32Array(Observer.VECTOR)
  #count = 0

  constructor(tuner: Tuner, observer: Observer) {
    this.#tuner = tuner
    this.#observer = observer
  }

  /** A trace without any sign, through keys that are not in shift. What the observer knows of the last trace is lost. */
  see(trace: TraceSpans, nowMs: number, vectors: Float32Array, at: number): void {
    if (++this.#count % EVERY !== 0) return
    const faulty = this.#injector.inject(trace)
    if (faulty === null) return
    this.#tuner.addClean(vectors, at)
    this.#observer.measure(faulty, nowMs, this.#vector, 0)
    this.#tuner.addSymptomatic(this.#vector, 0)
  }
}
