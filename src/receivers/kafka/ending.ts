/** How the way of one record into the pipeline ends. */

/** Nothing more is to be done for it: the pipeline took it, or it is left out for good and that is booked. */
export interface Done {
  readonly kind: 'done'
}

/** It was not taken, and nothing of it: later again. */
export interface Wait {
  readonly kind: 'wait'
  readonly afterMs: number
  /** A short word for counters. */
  readonly reason: string
  /** There is no memory even to read it; the pipeline was not asked. */
  readonly isMemory: boolean
}

/** It will never be taken, and is not to be left out either. */
export interface Stuck {
  readonly kind: 'stuck'
  readonly message: string
}

export type Ending = Done | Wait | Stuck

export const DONE: Done = Object.freeze({ kind: 'done' })

export function wait(afterMs: number, reason: string, isMemory = false): Wait {
  return { kind: 'wait', afterMs, reason, isMemory }
}
