/** What the call trees of a recording are made of, found once for all rows: entries, calls, and the trees without repeats. */
import { type Recording, SPAN_FIELDS, SPAN_OPERATION, SPAN_PARENT } from './recording.ts'

/** All by call tree. */
export interface Shapes {
  /** Operations that its traces begin with, each once. */
  readonly entries: readonly Int32Array[]
  /** Pairs of caller and callee, numbered from 0 and rising, each once. */
  readonly calls: readonly Int32Array[]
  /** Trees with the same calls have the same number. */
  readonly callSet: Int32Array
  /** Trees that differ in nothing but how often siblings are repeated have the same number. */
  readonly path: Int32Array
}

/** A call tree has the same calls in each of its traces, so that one of them tells. */
export function findShapes(recording: Recording): Shapes {
  const { structures, structure, operations } = recording
  const entries: Int32Array[] = []
  const calls: Int32Array[] = []
  const callSet = new Int32Array(structures)
  const path = new Int32Array(structures)
  const [callNumbers, sets, paths] = [new Numbers(), new Numbers(), new Numbers()]
  for (let trace = 0; trace < recording.traces && entries.length < structures; trace++) {
    const id = structure[trace]
    // Call trees are numbered in the order in which they are seen first.
    if (id < entries.length) continue
    const tree = new Tree(recording, trace)
    const keys = tree.calls.map(([caller, callee]) => caller * operations.length + callee)
    entries.push(rising(tree.roots.map(root => tree.operation(root))))
    calls.push(rising(keys.map(key => callNumbers.of(key))))
    callSet[id] = sets.of(calls[id].join())
    path[id] = paths.of(tree.withoutRepeats(paths))
  }
  return { entries, calls, callSet, path }
}

/** Numbers from 0 for whatever is seen. */
class Numbers {
  readonly #known = new Map<string | number, number>()

  of(key: string | number): number {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    this.#known.set(key, this.#known.size)
    return this.#known.size - 1
  }
}

/** One trace of a recording; rows are its spans. */
class Tree {
  readonly roots: number[] = []
  /** Operations of caller and callee. */
  readonly calls: (readonly [number, number])[] = []
  readonly #recording: Recording
  readonly #from: number
  readonly #children: number[][]

  constructor(recording: Recording, trace: number) {
    const { first, spans } = recording
    this.#recording = recording
    this.#from = first[trace]
    const length = first[trace + 1] - this.#from
    this.#children = Array.from({ length }, () => [])
    for (let row = 0; row < length; row++) {
      const parent = spans[(this.#from + row) * SPAN_FIELDS + SPAN_PARENT]
      if (parent < 0) this.roots.push(row)
      else {
        this.#children[parent].push(row)
        this.calls.push([this.operation(parent), this.operation(row)])
      }
    }
  }

  operation(row: number): number {
    return this.#recording.spans[(this.#from + row) * SPAN_FIELDS + SPAN_OPERATION]
  }

  /** The tree as a text in which siblings that look the same stand once. What hangs on no root is left out. */
  withoutRepeats(names: Numbers): string {
    const rows = [...this.roots]
    for (let at = 0; at < rows.length; at++)
      for (const row of this.#children[rows[at]]) rows.push(row)
    const nameOf = new Int32Array(this.#children.length)
    // Children stand behind their parents: from the end on, theirs are known.
    for (const row of rows.reverse()) {
      const below = this.#children[row].map(child => nameOf[child])
      nameOf[row] = names.of(`${this.operation(row)}(${rising(below).join()})`)
    }
    return rising(this.roots.map(root => nameOf[root])).join()
  }
}

/** Each once. */
function rising(numbers: readonly number[]): Int32Array {
  return Int32Array.from(new Set(numbers)).sort()
}
