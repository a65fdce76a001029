/**
 * What a model sees of a trace: one row of unit-free numbers, the same for every system, so that weights learned on one hold
 * on another. Surprise is -log10 of how often something at least as odd happens; shift is in standard deviations.
 */

/** Order is the layout: appended to only, since stored weights and vectors depend on it. */
export const VECTOR_NAMES = [
  /** The three greatest surprises of self time (the span's own, children taken out), one an operation. */
  'self_1',
  'self_2',
  'self_3',
  /** The same of the gap: what the caller waited longer than the callee in another service took. */
  'gap_1',
  'gap_2',
  'gap_3',
  /** Greatest shift among the keys that the trace is part of, in the direction of its own surprise. */
  'shift',
  /** Surprise at that key. */
  'shift_surprise',
  /** Sum over keys of surprise times shift. */
  'shifted_surprise',
  /** Share of the trace's keys with p < 0.05. */
  'unusual_share',
  /** -log10 of how often this structure is seen. */
  'rarity',
  /** Surprise of the whole duration among traces of the same structure. */
  'duration',
  'log_spans',
  /** Share of keys with too few observations to tell. */
  'cold_share',
  /** The combination made by hand: what the model `heuristic` answers. */
  'heuristic',
  'errors',
  'exceptions',
  'server_faults',
  'client_faults',
  /** -log10 of how often the operations that failed do fail. */
  'error_surprise',
  /** Shift of the error rate of the operations that failed. */
  'error_shift',
  'value_rarity',
  'orphans',
  'links',
] as const

export type VectorName = (typeof VECTOR_NAMES)[number]

export const VECTOR_LENGTH = VECTOR_NAMES.length

/** Place of each number in a row. */
export const AT: Readonly<Record<VectorName, number>> = Object.fromEntries(
  VECTOR_NAMES.map((name, at) => [name, at]),
) as Record<VectorName, number>
