/** The facts that policies are shown: one instance, filled for one trace after another. */
import {
  TRACE_EXPLICIT_RANDOMNESS,
  TRACE_THRESHOLD,
  type Traces,
} from '../../sampler/assembly/traces.ts'
import { SPAN_ERROR } from '../../sampler/trace-spans.ts'
import type { TraceFacts } from './decision.ts'

const ID_BYTES = 16
const SAMPLING_STATE = TRACE_THRESHOLD | TRACE_EXPLICIT_RANDOMNESS

export class Facts implements TraceFacts {
  readonly words: Uint32Array
  readonly wordsAt = 0
  spans = 0
  bytes = 0
  durationMs = 0
  hasError = false
  readonly traceId = new Uint8Array(ID_BYTES)
  hasSamplingState = false
  randomnessHigh = 0
  randomnessLow = 0
  nowMs = 0

  constructor(words: number) {
    this.words = new Uint32Array(words)
  }

  /** What the trace's own record says. */
  setTrace(traces: Traces, trace: number): void {
    this.hasError = (traces.flags(trace) & SPAN_ERROR) !== 0
    this.hasSamplingState = (traces.flags(trace) & SAMPLING_STATE) !== 0
    this.randomnessHigh = traces.randomnessHigh(trace)
    this.randomnessLow = traces.randomnessLow(trace)
    writeWord(this.traceId, 0, traces.idWord(trace, 0))
    writeWord(this.traceId, 4, traces.idWord(trace, 1))
    writeWord(this.traceId, 8, traces.idWord(trace, 2))
    writeWord(this.traceId, 12, traces.idWord(trace, 3))
  }
}

function writeWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
