/** Instrumentation scopes that are to be told as dimensions. */
import { END, ROW, START } from '../../otlp/request-index.ts'
import { ScopeView } from '../../otlp/request-view.ts'

export interface Scope {
  readonly name: string
  readonly version: string
  /** Its part of a series' key: spans of different scopes are counted apart. */
  readonly key: Uint8Array
}

export class ScopeReader {
  readonly #names: ReadonlySet<string>
  readonly #view = new ScopeView()

  constructor(names: readonly string[]) {
    this.#names = new Set(names.filter(name => name !== ''))
  }

  /** Null when the scope is not to be told. */
  read(bytes: Uint8Array, rows: Int32Array, row: number): Scope | null {
    if (this.#names.size === 0) return null
    this.#view.reset(bytes, rows[row * ROW + START], rows[row * ROW + END])
    const { name } = this.#view
    if (!this.#names.has(name)) return null
    const { version } = this.#view
    return { name, version, key: Buffer.from(`${name}\0${version}`) }
  }
}
