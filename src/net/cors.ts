/**
 * Cross-origin requests of browsers (https://fetch.spec.whatwg.org/#http-cors-protocol), with the answers of the library
 * that the Go collector uses, so that the same settings let the same pages in.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'

/** The keys of a configuration's `cors` section. */
export interface CorsSettings {
  readonly allowed_origins: readonly string[]
  readonly allowed_headers: readonly string[]
  readonly exposed_headers: readonly string[]
  /** Seconds; 0 leaves it to the browser. */
  readonly max_age: number
}

const ALWAYS_ALLOWED = ['accept', 'content-type', 'x-requested-with', 'origin']
const PREFLIGHT_VARY = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'

export class Cors {
  readonly #any: boolean
  readonly #exact: ReadonlySet<string>
  /** Origins with one or more `*`, each standing for any text. */
  readonly #patterns: readonly RegExp[]
  readonly #anyHeader: boolean
  readonly #headers: ReadonlySet<string>
  readonly #exposed: string
  readonly #maxAge: number

  constructor(settings: CorsSettings) {
    const origins = settings.allowed_origins.map(o => o.toLowerCase())
    this.#any = origins.includes('*')
    this.#exact = new Set(origins.filter(o => !o.includes('*')))
    this.#patterns = origins.filter(o => o.includes('*') && o !== '*').map(toPattern)
    const headers = settings.allowed_headers.map(h => h.toLowerCase())
    this.#anyHeader = headers.includes('*')
    this.#headers = new Set([...ALWAYS_ALLOWED, ...headers])
    this.#exposed = settings.exposed_headers.join(', ')
    this.#maxAge = settings.max_age
  }

  /** Headers to add to the answer of a request from this origin; always with `vary`. */
  headers(origin: string | undefined): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = { vary: 'Origin' }
    if (origin === undefined || !this.#allows(origin)) return headers
    this.#addOrigin(headers, origin)
    if (this.#exposed !== '') headers['access-control-expose-headers'] = this.#exposed
    return headers
  }

  /** Headers of the 204 that answers a preflight; without permission if something is not allowed. */
  preflight(request: IncomingHttpHeaders): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = { vary: PREFLIGHT_VARY }
    const wanted = request['access-control-request-headers'] ?? ''
    const { origin } = request
    if (origin === undefined || !this.#allows(origin)) return headers
    if (request['access-control-request-method']?.toUpperCase() !== 'POST') return headers
    if (!this.#allowsHeaders(wanted)) return headers
    this.#addOrigin(headers, origin)
    headers['access-control-allow-methods'] = 'POST'
    if (wanted !== '') headers['access-control-allow-headers'] = wanted
    if (this.#maxAge > 0) headers['access-control-max-age'] = String(this.#maxAge)
    return headers
  }

  #addOrigin(headers: OutgoingHttpHeaders, origin: string): void {
    headers['access-control-allow-origin'] = this.#any ? '*' : origin
    headers['access-control-allow-credentials'] = 'true'
  }

  #allows(origin: string): boolean {
    const lower = origin.toLowerCase()
    return this.#any || this.#exact.has(lower) || this.#patterns.some(p => p.test(lower))
  }

  #allowsHeaders(wanted: string): boolean {
    if (this.#anyHeader || wanted.trim() === '') return true
    return wanted.split(',').every(name => this.#headers.has(name.trim().toLowerCase()))
  }
}

/** Linear in the length of what it is held against: each star is a lazy run without nesting. */
function toPattern(origin: string): RegExp {
  const parts = origin.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^\\s]*')}$`)
}
