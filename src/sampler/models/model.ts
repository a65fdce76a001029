/** What every model of the sampler is to its callers: vectors in, scores out. Models keep their columns by name. */

export interface Model {
  /** As configured: `heuristic`, `network`, `isolation_forest`. */
  readonly name: string
  /** Of what was learned; for models without weights, of the code. */
  readonly version: string
  /**
   * Writes to `out[0 .. count - 1]` how much each trace matters: 0 to 1, never NaN, comparable within one model only.
   * `vectors` holds `count` rows of the layout's width, one after the other. Allocates nothing that grows with time.
   */
  score(vectors: Float32Array, count: number, out: Float32Array): void
}

/** Learns from the traffic itself, unlabelled. Callers score first and let it learn from the same vectors afterwards. */
export interface OnlineModel extends Model {
  learn(vectors: Float32Array, count: number): void
  snapshot(): Uint8Array
  /** False, and nothing changed, if the bytes are not a snapshot of such a model over such a layout. */
  restore(bytes: Uint8Array): boolean
}

export function isOnline(model: Model): model is OnlineModel {
  return 'learn' in model
}

/** Names of a vector's columns, in their order. The observer has one; models look their inputs up in it. */
export type VectorLayout = readonly string[]

/** Columns of `names` in `layout`; what is not there is listed in `missing`. */
export function findColumns(
  layout: VectorLayout,
  names: readonly string[],
): { readonly columns: Int32Array; readonly missing: readonly string[] } {
  const columns = Int32Array.from(names, name => layout.indexOf(name))
  return { columns, missing: names.filter(name => !layout.includes(name)) }
}
