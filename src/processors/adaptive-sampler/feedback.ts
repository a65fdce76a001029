/** What operators have said about traces: of each trace the last word counts, and only once however often it is said. */
import type { SamplerFeedback } from '../../core/sampler-control.ts'

/** Traces whose word is remembered; what is said about the oldest again after so many others counts again. */
const REMEMBERED = 4096

export class FeedbackNotes {
  readonly #verdicts = new Map<string, SamplerFeedback>()
  readonly #traces: Record<SamplerFeedback, number> = { useful: 0, noise: 0 }

  /** Traces by their last word. */
  get traces(): Readonly<Record<SamplerFeedback, number>> {
    return { ...this.#traces }
  }

  /** False: the same was said about the trace before. */
  note(traceId: string, verdict: SamplerFeedback): boolean {
    const before = this.#verdicts.get(traceId)
    if (before === verdict) return false
    if (before !== undefined) {
      this.#traces[before]--
      this.#verdicts.delete(traceId)
    }
    this.#traces[verdict]++
    this.#verdicts.set(traceId, verdict)
    if (this.#verdicts.size > REMEMBERED) {
      for (const oldest of this.#verdicts.keys()) {
        this.#verdicts.delete(oldest)
        break
      }
    }
    return true
  }
}
