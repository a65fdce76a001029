/** Sampling of spans: the marks stand in the trace state, a priority in the attribute that OpenTracing named. */

import type { Part } from '../../core/batch.ts'
import type { AnyValue } from '../../otlp/any-value.ts'
import { END, ROW, START } from '../../otlp/request-index.ts'
import type { Edits } from '../../otlp/splice.ts'
import { TracesView } from '../../otlp/traces-view.ts'
import { BYTES, FieldCursor } from '../../otlp/wire-reader.ts'
import { Writer } from '../../otlp/wire-writer.ts'
import { parseFloat64 } from '../../rules/parse-float.ts'
import { TraceState } from '../../sampler/trace-state.ts'
import type { ProbabilisticSamplerConfig } from './config.ts'
import { Decision, MUST_DROP, MUST_KEEP, type Priority } from './decision.ts'
import type { ItemSampler } from './item-sampler.ts'
import { Rate } from './rate.ts'

const PRIORITY = 'sampling.priority'
const TRACE_STATE = 3
const NO_BYTES = new Uint8Array(0)

export class SpanSampler implements ItemSampler {
  readonly #decision: Decision
  readonly #view = new TracesView()
  readonly #field = new FieldCursor()
  readonly #writer = new Writer()
  #part: Part | null = null

  constructor(config: ProbabilisticSamplerConfig) {
    this.#decision = new Decision(new Rate(config), config.hash_seed, config.fail_closed, true)
  }

  get policy(): string {
    return this.#decision.policy
  }

  open(part: Part): void {
    this.#part = part
    this.#view.reset(part.payload.bytes, part.index)
  }

  keeps(item: number, edits: Edits): boolean {
    const span = this.#view.moveTo(item)
    const before = span.traceState
    const state = TraceState.parse(before) ?? null
    const traceId = presentId(span.traceIdBytes)
    const hashed = traceId.length === 0 ? null : traceId
    const source = { traceId, hashed, hashedPolicy: 'trace_id_hash' }
    const priority = readPriority(span.attributes.get(PRIORITY))
    const isKept = this.#decision.decide(state, source, priority)
    if (isKept && this.#decision.carrier !== null) {
      const text = state!.toString()
      if (text !== before) this.#writeState(item, text, edits)
    }
    return isKept
  }

  #writeState(item: number, text: string, edits: Edits): void {
    const { payload, index } = this.#part!
    const rows = index.levels[2]
    const end = rows[item * ROW + END]
    const bytes = text === '' ? NO_BYTES : this.#writer.reset().string(TRACE_STATE, text).finish()
    const field = this.#field
    field.reset(payload.bytes, rows[item * ROW + START], end)
    let isWritten = false
    while (field.next()) {
      if (field.number !== TRACE_STATE || field.wire !== BYTES) continue
      edits.add(field.tag, field.end, isWritten ? NO_BYTES : bytes)
      isWritten = true
    }
    if (!isWritten) edits.add(end, end, bytes)
  }
}

/** The id itself, or nothing when it is all zeros. */
export function presentId(id: Uint8Array): Uint8Array {
  for (let i = 0; i < id.length; i++) if (id[i] !== 0) return id
  return NO_BYTES
}

/** 0 must go, more than 0 must stay; other values and kinds say nothing. */
function readPriority(value: AnyValue | undefined): Priority | null {
  let number: number | undefined
  if (typeof value === 'bigint' || typeof value === 'number') number = Number(value)
  else if (typeof value === 'string') number = parseFloat64(value)
  if (number === 0) return MUST_DROP
  return number !== undefined && number > 0 ? MUST_KEEP : null
}
