/**
 * What was decided lately, in rings of numbers: kept traces and dropped ones apart, so that the many dropped ones do not push
 * the kept ones out. With each its vector, for feedback to learn from. Asked rarely, so it is searched from end to end.
 */

const ID_WORDS = 4

/** One decision, filled by its owner before `add` and by `find`. */
export class LoggedDecision {
  readonly id = new Int32Array(ID_WORDS)
  atMs = 0
  tenant = 0
  isKept = false
  reason = 0
  isEarly = false
  isErased = false
  score = 0
  probability = 1
  thresholdHigh = 0
  thresholdLow = 0
  spans = 0
  bytes = 0
  /** Number of the kind of what stood out, and the operations that it is about; -1: none. */
  why = -1
  operation = -1
  callee = -1
  surprise = 0
  shift = 0
  /** Number of the model that scored it. */
  model = 0
}

const INTS = 10
const FLOATS = 6

export class DecisionRing {
  readonly #size: number
  readonly #width: number
  readonly #ids: Int32Array
  readonly #ints: Int32Array
  readonly #floats: Float64Array
  readonly #vectors: Float32Array
  #count = 0
  #next = 0

  /** `width`: numbers of a vector. */
  constructor(size: number, width: number) {
    this.#size = size
    this.#width = width
    this.#ids = new Int32Array(size * ID_WORDS)
    this.#ints = new Int32Array(size * INTS)
    this.#floats = new Float64Array(size * FLOATS)
    this.#vectors = new Float32Array(size * width)
  }

  get count(): number {
    return this.#count
  }

  /** `vector` stands at `at` in `vectors`. */
  add(decision: LoggedDecision, vectors: Float32Array, at: number): void {
    const row = this.#next
    this.#next = (row + 1) % this.#size
    if (this.#count < this.#size) this.#count++
    const { id } = decision
    const ids = row * ID_WORDS
    for (let word = 0; word < ID_WORDS; word++) this.#ids[ids + word] = id[word]
    this.#writeNumbers(decision, row)
    const to = row * this.#width
    for (let i = 0; i < this.#width; i++) this.#vectors[to + i] = vectors[at + i]
  }

  /** Rows of a trace, latest first. */
  rowsOf(id: Int32Array): number[] {
    const found: number[] = []
    for (let back = 1; back <= this.#count; back++) {
      const row = (this.#next - back + this.#size) % this.#size
      if (this.#isAt(row, id)) found.push(row)
    }
    return found
  }

  vector(row: number): Float32Array {
    return this.#vectors.slice(row * this.#width, (row + 1) * this.#width)
  }

  read(row: number): LoggedDecision {
    const decision = new LoggedDecision()
    const ints = row * INTS
    const floats = row * FLOATS
    decision.id.set(this.#ids.subarray(row * ID_WORDS, (row + 1) * ID_WORDS))
    decision.tenant = this.#ints[ints]
    const bits = this.#ints[ints + 1]
    decision.isKept = (bits & 1) !== 0
    decision.isEarly = (bits & 2) !== 0
    decision.isErased = (bits & 4) !== 0
    decision.reason = this.#ints[ints + 2]
    decision.thresholdHigh = this.#ints[ints + 3]
    decision.thresholdLow = this.#ints[ints + 4]
    decision.spans = this.#ints[ints + 5]
    decision.why = this.#ints[ints + 6]
    decision.operation = this.#ints[ints + 7]
    decision.callee = this.#ints[ints + 8]
    decision.model = this.#ints[ints + 9]
    decision.atMs = this.#floats[floats]
    decision.score = this.#floats[floats + 1]
    decision.probability = this.#floats[floats + 2]
    decision.bytes = this.#floats[floats + 3]
    decision.surprise = this.#floats[floats + 4]
    decision.shift = this.#floats[floats + 5]
    return decision
  }

  #writeNumbers(decision: LoggedDecision, row: number): void {
    const ints = row * INTS
    const floats = row * FLOATS
    const { isKept, isEarly, isErased } = decision
    this.#ints[ints] = decision.tenant
    this.#ints[ints + 1] = (isKept ? 1 : 0) | (isEarly ? 2 : 0) | (isErased ? 4 : 0)
    this.#ints[ints + 2] = decision.reason
    this.#ints[ints + 3] = decision.thresholdHigh
    this.#ints[ints + 4] = decision.thresholdLow
    this.#ints[ints + 5] = decision.spans
    this.#ints[ints + 6] = decision.why
    this.#ints[ints + 7] = decision.operation
    this.#ints[ints + 8] = decision.callee
    this.#ints[ints + 9] = decision.model
    this.#floats[floats] = decision.atMs
    this.#floats[floats + 1] = decision.score
    this.#floats[floats + 2] = decision.probability
    this.#floats[floats + 3] = decision.bytes
    this.#floats[floats + 4] = decision.surprise
    this.#floats[floats + 5] = decision.shift
  }

  #isAt(row: number, id: Int32Array): boolean {
    const ids = this.#ids
    const at = row * ID_WORDS
    return (
      ids[at] === id[0] && ids[at + 1] === id[1] && ids[at + 2] === id[2] && ids[at + 3] === id[3]
    )
  }
}
