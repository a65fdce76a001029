/**
 * Runs groups whose statements make or exchange whole metrics. Each such statement is one walk, after which the request
 * is written anew; metrics that were added are gone over by all statements too, once the others are done.
 */
import type { Part, RequestContext } from '../../core/batch.ts'
import type { Logger } from '../../core/logger.ts'
import { Payload } from '../../core/payload.ts'
import { encodeParts, flatten } from '../../otlp/encode.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault, ROW } from '../../otlp/request-index.ts'
import { sequenceOptions } from '../../rules/apply/rule-worker.ts'
import type { CompiledStatement } from '../../rules/compile.ts'
import { METRIC_LEVEL } from '../../rules/contexts/cursor.ts'
import { materialise } from '../../rules/contexts/materialise.ts'
import { PartEditor } from '../../rules/contexts/part-editor.ts'
import { runSequence, testSequence } from '../../rules/sequence.ts'
import { EvaluationError } from '../../rules/value.ts'
import type { StatementGroup } from './groups.ts'
import type { MetricOutbox } from './metric-outbox.ts'
import { ACTIVE, ADDED, DONE } from './reshape-marks.ts'
import { writeRequest } from './write-request.ts'

/** Metrics that are made of metrics that were made of metrics ...; more comes only from a missing `where`. */
const MAX_ROUNDS = 16

/** Statements that share a walk. */
interface Segment {
  readonly reshapes: boolean
  readonly statements: readonly CompiledStatement[]
}

export function reshapePass(
  group: StatementGroup,
  outbox: MetricOutbox,
  log: Logger,
): (part: Part, request: RequestContext) => Part {
  const segments = segmentsOf(group)
  const editor = new PartEditor('metrics')
  return (part, request) =>
    new Reshaping({ group, segments, outbox, log, editor, request }, part).run()
}

function segmentsOf({ statements, reshapes }: StatementGroup): readonly Segment[] {
  const segments: { reshapes: boolean; statements: CompiledStatement[] }[] = []
  for (const [i, statement] of statements.entries()) {
    const last = segments[segments.length - 1]
    if (last !== undefined && !last.reshapes && !reshapes[i]) last.statements.push(statement)
    else segments.push({ reshapes: reshapes[i], statements: [statement] })
  }
  return segments
}

interface Work {
  readonly group: StatementGroup
  readonly segments: readonly Segment[]
  readonly outbox: MetricOutbox
  readonly log: Logger
  readonly editor: PartEditor
  readonly request: RequestContext
}

class Reshaping {
  readonly #work: Work
  readonly #given: Part
  #part: Part
  /** By metric. */
  #marks: Uint8Array

  constructor(work: Work, given: Part) {
    this.#work = work
    this.#given = given
    // Rows that a selection has emptied would vanish on the way.
    const isWhole = given.selection === null || given.items === given.index.items
    this.#part = isWhole ? { ...given, selection: null } : toPart(flatten(encodeParts([given])))
    this.#marks = new Uint8Array(this.#metrics).fill(ACTIVE)
  }

  run(): Part {
    try {
      for (let round = 0; this.#marks.includes(ACTIVE); round++) {
        if (round === MAX_ROUNDS) {
          throw new EvaluationError('statements go on making metrics of those that they made')
        }
        this.#round()
      }
    } catch (error) {
      this.#work.editor.close()
      this.#work.outbox.clear()
      this.#release()
      throw error
    }
    return this.#part.payload === this.#given.payload ? this.#given : this.#part
  }

  #round(): void {
    const { group, segments } = this.#work
    if (group.context === 'metric' && group.conditions.length > 0) this.#ask()
    for (const segment of segments) {
      if (segment.reshapes) this.#reshape(segment)
      else this.#edit(segment)
    }
    this.#marks = this.#marks.map(mark => (mark === ADDED ? ACTIVE : DONE))
  }

  /** Conditions on metrics are asked before anything is changed. */
  #ask(): void {
    const { group, log, editor, request } = this.#work
    const options = sequenceOptions(group.errorMode, log)
    editor.open(this.#part, request)
    editor.each('metric', scope => {
      const row = scope.space.rows[METRIC_LEVEL]
      if (this.#marks[row] !== ACTIVE) return
      if (!testSequence(group.conditions, 'or', scope, options)) this.#marks[row] = DONE
    })
    editor.close()
  }

  #walk({ statements }: Segment): void {
    const { group, log, editor, request } = this.#work
    const options = sequenceOptions(group.errorMode, log)
    const asks = group.context !== 'metric' && group.conditions.length > 0
    editor.open(this.#part, request)
    editor.each(group.context, scope => {
      if (this.#marks[scope.space.rows[METRIC_LEVEL]] !== ACTIVE) return
      if (asks && !testSequence(group.conditions, 'or', scope, options)) return
      runSequence(statements, scope, options)
    })
  }

  #edit(segment: Segment): void {
    this.#walk(segment)
    const { edits } = this.#work.editor.finish()
    if (edits !== null) this.#advance(materialise({ ...this.#part, edits }))
  }

  #reshape(segment: Segment): void {
    const { editor, outbox } = this.#work
    this.#walk(segment)
    editor.close()
    if (outbox.isEmpty) return
    const { bytes, marks } = writeRequest(this.#part, outbox, this.#marks)
    outbox.clear()
    this.#marks = marks
    this.#advance(toPart(bytes))
  }

  #advance(part: Part): void {
    this.#release()
    this.#part = part
  }

  #release(): void {
    if (this.#part.payload !== this.#given.payload) this.#part.payload.release()
  }

  get #metrics(): number {
    return this.#part.index.levels[METRIC_LEVEL].length / ROW
  }
}

function toPart(bytes: Uint8Array): Part {
  const index = indexRequest('metrics', bytes)
  if (isWireFault(index)) throw new Error(`the metrics written are not valid: ${index.fault}`)
  return { payload: new Payload(bytes), index, selection: null, edits: null, items: index.items }
}
