/** Long work in short slices, so that telemetry which arrives meanwhile does not wait for it. */
import { setImmediate as nextTurn } from 'node:timers/promises'

const SLICE_MS = 5

/** Drives the steps to their end; resolves to what they return. */
export async function inSlices<T>(steps: Generator<unknown, T>): Promise<T> {
  for (;;) {
    const until = performance.now() + SLICE_MS
    while (performance.now() < until) {
      const step = steps.next()
      if (step.done === true) return step.value
    }
    await nextTurn()
  }
}

/** The same without letting anybody else have a turn. */
export function atOnce<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
