/** The last kept traces with what was decided, found by tenant and 128-bit id; the one not asked for longest makes room. */

const NONE = -1

export class KeptTable {
  readonly #capacity: number
  readonly #mask: number
  /** Four words an entry. */
  readonly #id: Int32Array
  readonly #tenant: Int32Array
  readonly #chains: Int32Array
  readonly #chainNext: Int32Array
  /** Of the list from the latest to the longest unasked. */
  readonly #newer: Int32Array
  readonly #older: Int32Array
  readonly thresholdHigh: Int32Array
  readonly thresholdLow: Int32Array
  readonly erase: Uint8Array
  readonly reason: Uint8Array
  readonly probability: Float64Array
  readonly score: Float64Array
  #newest = NONE
  #oldest = NONE
  #used = 0

  constructor(capacity: number) {
    const chains = 2 ** Math.ceil(Math.log2(Math.max(2, capacity)))
    this.#capacity = Math.max(1, capacity)
    this.#mask = chains - 1
    this.#id = new Int32Array(4 * this.#capacity)
    this.#tenant = new Int32Array(this.#capacity)
    this.#chains = new Int32Array(chains).fill(NONE)
    this.#chainNext = new Int32Array(this.#capacity)
    this.#newer = new Int32Array(this.#capacity)
    this.#older = new Int32Array(this.#capacity)
    this.thresholdHigh = new Int32Array(this.#capacity)
    this.thresholdLow = new Int32Array(this.#capacity)
    this.erase = new Uint8Array(this.#capacity)
    this.reason = new Uint8Array(this.#capacity)
    this.probability = new Float64Array(this.#capacity)
    this.score = new Float64Array(this.#capacity)
  }

  get size(): number {
    return this.#used
  }

  get bytes(): number {
    return 4 * this.#chains.length + this.#capacity * (4 * (4 + 1 + 1 + 2 + 2) + 2 + 16)
  }

  /** The entry of the id, now the latest; -1: not there. */
  find(hash: number, a: number, b: number, c: number, d: number, tenant: number): number {
    for (let at = this.#chains[hash & this.#mask]; at !== NONE; at = this.#chainNext[at]) {
      if (!this.#is(at, a, b, c, d, tenant)) continue
      this.#unlink(at)
      this.#link(at)
      return at
    }
    return NONE
  }

  /** An entry for the id, new or as it was. */
  place(hash: number, a: number, b: number, c: number, d: number, tenant: number): number {
    const found = this.find(hash, a, b, c, d, tenant)
    if (found !== NONE) return found
    const at = this.#used < this.#capacity ? this.#used++ : this.#evict()
    this.#id[4 * at] = a
    this.#id[4 * at + 1] = b
    this.#id[4 * at + 2] = c
    this.#id[4 * at + 3] = d
    this.#tenant[at] = tenant
    this.#chainNext[at] = this.#chains[hash & this.#mask]
    this.#chains[hash & this.#mask] = at
    this.#link(at)
    return at
  }

  #is(at: number, a: number, b: number, c: number, d: number, tenant: number): boolean {
    const id = this.#id
    const from = 4 * at
    return (
      id[from + 3] === (d | 0) &&
      id[from + 2] === (c | 0) &&
      id[from + 1] === (b | 0) &&
      id[from] === (a | 0) &&
      this.#tenant[at] === tenant
    )
  }

  #evict(): number {
    const at = this.#oldest
    this.#unlink(at)
    const from = 4 * at
    const id = this.#id
    const hash = placeOf(id[from], id[from + 1], id[from + 2], id[from + 3], this.#tenant[at])
    const chain = hash & this.#mask
    if (this.#chains[chain] === at) {
      this.#chains[chain] = this.#chainNext[at]
      return at
    }
    let before = this.#chains[chain]
    while (this.#chainNext[before] !== at) before = this.#chainNext[before]
    this.#chainNext[before] = this.#chainNext[at]
    return at
  }

  #link(at: number): void {
    this.#older[at] = this.#newest
    this.#newer[at] = NONE
    if (this.#newest === NONE) this.#oldest = at
    else this.#newer[this.#newest] = at
    this.#newest = at
  }

  #unlink(at: number): void {
    const newer = this.#newer[at]
    const older = this.#older[at]
    if (newer === NONE) this.#newest = older
    else this.#older[newer] = older
    if (older === NONE) this.#oldest = newer
    else this.#newer[older] = newer
  }
}

/** Ids come from outside and may be made to collide; the salt of this process makes that guesswork. */
const SALT = Math.floor(Math.random() * 2 ** 32)

/** Where an id goes in a table. */
export function placeOf(a: number, b: number, c: number, d: number, tenant: number): number {
  return mix(mix(mix(mix(SALT ^ tenant ^ a) ^ b) ^ c) ^ d)
}

/** Another hash of the same, independent of `placeOf`. */
export function printOf(a: number, b: number, c: number, d: number, tenant: number): number {
  return mix(mix(mix(mix((SALT + 0x9e3779b9) ^ d) ^ tenant ^ c) ^ b) ^ a) >>> 7
}

function mix(value: number): number {
  let v = value | 0
  v = Math.imul(v ^ (v >>> 16), 0x85ebca6b)
  v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35)
  return v ^ (v >>> 16)
}
