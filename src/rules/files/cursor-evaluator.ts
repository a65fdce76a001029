/** Evaluates rules with cursors over the bytes: every context, every function. */
import { NO_CONTEXT, type Part, type RequestContext } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import { type RequestShape, shapeOf } from '../../otlp/request-shape.ts'
import { type Cursor, METRIC_LEVEL } from '../contexts/cursor.ts'
import { materialise } from '../contexts/materialise.ts'
import { PartEditor } from '../contexts/part-editor.ts'
import type { Evaluator, Visit } from './evaluator.ts'
import type { RuleContext } from './schema.ts'

export class CursorEvaluator implements Evaluator {
  readonly #editor: PartEditor
  readonly #last: number
  #original: Part | null = null
  #current: Part | null = null
  #request: RequestContext = NO_CONTEXT
  #shape: RequestShape | null = null

  constructor(signal: Signal) {
    this.#editor = new PartEditor(signal)
    this.#last = signal === 'metrics' ? 4 : 2
  }

  get current(): Part {
    return this.#current!
  }

  open(part: Part, request: RequestContext): void {
    this.#original = part
    this.#request = request
    this.#begin(materialise(part))
  }

  settle(): void {
    this.#begin(materialise(this.#finished()))
  }

  each(context: RuleContext, visit: Visit): void {
    if (context === 'metric') {
      const shape = this.#requestShape()
      this.#editor.each(context, scope => {
        const row = scope.space.rows[METRIC_LEVEL]
        visit(scope, shape.itemsBefore(METRIC_LEVEL, row), shape.itemsBefore(METRIC_LEVEL, row + 1))
      })
      return
    }
    const last = this.#last
    this.#editor.each(context, scope => {
      const item = scope.space.rows[last]
      visit(scope, item, item + 1)
    })
  }

  remove(scope: unknown): void {
    this.#editor.drop(scope as Cursor)
  }

  finish(): Part {
    const part = this.#finished()
    this.#forget()
    return part
  }

  close(): void {
    this.#editor.close()
    this.#forget()
  }

  #begin(part: Part): void {
    this.#release(part)
    this.#current = part
    this.#shape = null
    this.#editor.open(part, this.#request)
  }

  #finished(): Part {
    const part = this.#current!
    const { selection, edits, items } = this.#editor.finish()
    const isSame = selection === part.selection && edits === null
    return isSame ? part : { ...part, selection, edits, items }
  }

  /** A payload that was made for one pass ends with it. */
  #release(next: Part): void {
    const before = this.#current?.payload
    if (before === undefined || before === next.payload) return
    if (before !== this.#original?.payload) before.release()
  }

  #forget(): void {
    this.#current = null
    this.#original = null
    this.#shape = null
    this.#request = NO_CONTEXT
  }

  #requestShape(): RequestShape {
    this.#shape ??= shapeOf(this.current.index)
    return this.#shape
  }
}
