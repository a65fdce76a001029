/** What encoding and splitting work on: a payload, its index, and which of its items are still in, changed how. */
import type { RequestIndex } from './request-index.ts'
import type { Selection } from './selection.ts'
import type { Edits } from './splice.ts'

/** `Part` of `core` fits; what else it carries passes through a split unchanged. */
export interface EncodePart {
  readonly payload: { readonly bytes: Uint8Array }
  readonly index: RequestIndex
  /** Items that are still in; null = all. */
  readonly selection: Selection | null
  /** Changes to be laid out; null = none. */
  readonly edits: Edits | null
  /** Selected items. */
  readonly items: number
}

/** Whether the part encodes to its payload as it stands. */
export function isUntouched(part: EncodePart): boolean {
  const { selection, edits } = part
  return (
    (edits === null || edits.size === 0) &&
    (selection === null || selection.count === selection.length)
  )
}
