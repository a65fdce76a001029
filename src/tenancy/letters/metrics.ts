/** Metrics of dead letters; the storage extension declares them. */
import type { MetricSpec } from '../../core/meter.ts'

export const LETTERS: MetricSpec = {
  name: 'millrace_letters',
  type: 'gauge',
  help: 'Dead letters that are kept.',
  labels: ['extension'],
}

export const LETTERS_BYTES: MetricSpec = {
  name: 'millrace_letters_bytes',
  type: 'gauge',
  help: 'Room on disk that dead letters take.',
  labels: ['extension'],
}

export const LETTERS_KEPT: MetricSpec = {
  name: 'millrace_letters_kept',
  type: 'counter',
  help: 'Dead letters put aside, by reason.',
  labels: ['extension', 'reason'],
}

export const LETTERS_EVICTED: MetricSpec = {
  name: 'millrace_letters_evicted',
  type: 'counter',
  help: 'Dead letters that made room for others or were too old.',
  labels: ['extension'],
}

export const LETTERS_REFUSED: MetricSpec = {
  name: 'millrace_letters_refused',
  type: 'counter',
  help: 'Dead letters that could not be kept: no room, or the disk failed.',
  labels: ['extension'],
}

export const LETTERS_DAMAGED: MetricSpec = {
  name: 'millrace_letters_damaged',
  type: 'counter',
  help: 'Dead letters, or places among them, whose bytes were not those that were written.',
  labels: ['extension'],
}

export const LETTER_METRICS: readonly MetricSpec[] = [
  LETTERS,
  LETTERS_BYTES,
  LETTERS_KEPT,
  LETTERS_EVICTED,
  LETTERS_REFUSED,
  LETTERS_DAMAGED,
]
