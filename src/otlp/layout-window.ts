/**
 * Which rows of each level a narrow selection can touch, so that encoding one piece of a large request costs what the
 * piece is, not what the request is. It changes nothing about the outcome: without it the walk sees every row.
 *
 * ```
 * level 0   A-----------------A   B-------------------------B   C------C
 * level 1   a1----a1  a2-----a2   b1-------b1  b2---b2  b3-b3   c1----c1
 * items     1 2 3 4   5 6 [7  8   9 10 11  12  13 14]   15 16   17 ...
 *                 window: start = A, a2, 7  end = after B, b2, 14;  leftParent = request, A, a2;  rightParent = request, B
 * ```
 */
import type { RequestIndex } from './request-index.ts'
import { findAncestors, type RequestShape, shapeOf } from './request-shape.ts'
import type { Selection } from './selection.ts'

export interface LayoutWindow {
  readonly shape: RequestShape
  /** By level: first row of the window, and the row after its last. */
  readonly start: Int32Array
  readonly end: Int32Array
  /** By level: the parent row that has rows of this level before (after) the window; -1 = none. */
  readonly leftParent: Int32Array
  readonly rightParent: Int32Array
}

/** A selection that leaves out less than this many items at its ends is walked as a whole. */
const MIN_SAVED = 64

/** Null when there is little to gain, or when the request needs the whole walk. */
export function openWindow(index: RequestIndex, selection: Selection): LayoutWindow | null {
  const { from, to } = selection
  if (to <= from || from + index.items - to < MIN_SAVED) return null
  const shape = shapeOf(index)
  if (shape.hasMergedData) return null
  const { levels } = index
  const depth = levels.length
  const start = new Int32Array(depth)
  const end = new Int32Array(depth)
  const leftParent = new Int32Array(depth).fill(-1)
  const rightParent = new Int32Array(depth).fill(-1)
  findAncestors(levels, from, start)
  findAncestors(levels, to - 1, end)
  for (let level = 0; level < depth; level++) {
    const parent = level === 0 ? 0 : start[level - 1]
    const before = level === 0 ? 0 : shape.itemsBefore(level - 1, parent)
    if (before < from) leftParent[level] = parent
    else start[level] = level === 0 ? 0 : shape.firstChild(level, parent)
  }
  for (let level = 0; level < depth; level++) {
    const parent = level === 0 ? 0 : end[level - 1] - 1
    const after = level === 0 ? index.items : shape.itemsBefore(level - 1, parent + 1)
    end[level]++
    if (after > to) rightParent[level] = parent
  }
  return { shape, start, end, leftParent, rightParent }
}
