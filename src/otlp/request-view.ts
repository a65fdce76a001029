/**
 * What the views of the three signals have in common: resource, scope, and one cursor that goes from item to item.
 * A view is made once and put on one request after another.
 */
import { AttributesView } from './attributes-view.ts'
import { MessageView } from './message-view.ts'
import { END, PARENT, type RequestIndex, ROW, START } from './request-index.ts'

const NO_ROWS: readonly Int32Array[] = []

/** ResourceSpans, ResourceMetrics, ResourceLogs: `1 resource, 3 schemaUrl`; Resource: `1 attributes, 2 dropped`. */
export class ResourceView extends MessageView {
  readonly attributes = new AttributesView(1, 1)

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end)
    this.attributes.reset(bytes, start, end)
  }

  get schemaUrl(): string {
    return this.text(3)
  }

  get droppedAttributesCount(): number {
    return this.nestedUint32(1, 2)
  }
}

/** ScopeSpans, ...: `1 scope, 3 schemaUrl`; Scope: `1 name, 2 version, 3 attributes, 4 dropped`. */
export class ScopeView extends MessageView {
  readonly attributes = new AttributesView(3, 1)

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end)
    this.attributes.reset(bytes, start, end)
  }

  get name(): string {
    return this.nestedText(1, 1)
  }

  get version(): string {
    return this.nestedText(1, 2)
  }

  get schemaUrl(): string {
    return this.text(3)
  }

  get droppedAttributesCount(): number {
    return this.nestedUint32(1, 4)
  }
}

export abstract class RequestView {
  readonly resource = new ResourceView()
  readonly scope = new ScopeView()
  protected bytes: Uint8Array = new Uint8Array(0)
  protected levels = NO_ROWS
  #items = 0
  #resourceRow = -1
  #scopeRow = -1

  /** Puts the view on another request. */
  reset(bytes: Uint8Array, index: RequestIndex): void {
    this.bytes = bytes
    this.levels = index.levels
    this.#items = index.items
    this.#resourceRow = -1
    this.#scopeRow = -1
  }

  get items(): number {
    return this.#items
  }

  /** Moves `view` to a row. */
  protected place(view: MessageView, level: number, row: number): void {
    const rows = this.levels[level]
    view.reset(this.bytes, rows[row * ROW + START], rows[row * ROW + END])
  }

  protected parent(level: number, row: number): number {
    return this.levels[level][row * ROW + PARENT]
  }

  /** Moves resource and scope to those of a scope row. */
  protected placeScope(row: number): void {
    if (row === this.#scopeRow) return
    this.#scopeRow = row
    this.place(this.scope, 1, row)
    const resource = this.parent(1, row)
    if (resource === this.#resourceRow) return
    this.#resourceRow = resource
    this.place(this.resource, 0, resource)
  }
}
