/**
 * The public keys of one issuer: from a file, or fetched and fetched again. The last good set stays in use while the issuer
 * cannot be reached, and nobody can make us fetch more often than once in a while by showing tokens with made-up key ids.
 */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { JSONWebKeySet } from 'jose'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { type ClientTls, clientTls } from '../../net/tls.ts'

const MAX_SET_BYTES = 1024 * 1024
const MAX_KEYS = 1000
/** Between fetches that a token with an unknown key asks for. */
const COOLDOWN_MS = 30_000
const FIRST_RETRY_MS = 1000

export interface KeySetServices {
  readonly clock: Clock
  readonly log: Logger
}

export interface FetchedFrom {
  readonly jwks_url: string
  readonly refresh_interval: number
  readonly timeout: number
}

/** Rejects what is no set of keys; a text from outside is never quoted. */
export function parseKeySet(text: string): JSONWebKeySet {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    throw new Error('not JSON')
  }
  const { keys } = (set ?? {}) as { keys?: unknown }
  if (!Array.isArray(keys) || keys.length > MAX_KEYS || !keys.every(isKey)) {
    throw new Error('not a JWK set')
  }
  return { keys }
}

function isKey(key: unknown): key is JSONWebKeySet['keys'][number] {
  return (
    typeof key === 'object' && key !== null && typeof (key as { kty?: unknown }).kty === 'string'
  )
}

/** Follows the keys at a URL. `changed` is called with each set that differs from the one before. */
export class FetchedKeys {
  readonly #from: FetchedFrom
  readonly #services: KeySetServices
  readonly #changed: (set: JSONWebKeySet) => void
  #tls: ClientTls | null = null
  #timer: Timer | null = null
  #running: Promise<void> | null = null
  #askedMs = Number.NEGATIVE_INFINITY
  #retryMs = FIRST_RETRY_MS
  #text = ''
  #isStopped = false

  constructor(from: FetchedFrom, services: KeySetServices, changed: (set: JSONWebKeySet) => void) {
    this.#from = from
    this.#services = services
    this.#changed = changed
  }

  /** Resolves after the first fetch, whether it worked or not. */
  async start(): Promise<void> {
    const { protocol, hostname } = new URL(this.#from.jwks_url)
    if (protocol === 'https:') this.#tls = await clientTls({}, this.#services)
    else if (!/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)) {
      this.#services.log.warn('jwks_without_tls', { url: shownUrl(this.#from.jwks_url) })
    }
    await this.#fetch()
  }

  /** A key that is not in the set was asked for. False when it is too early to look again. */
  async lookAgain(): Promise<boolean> {
    const nowMs = this.#services.clock.monotonic()
    if (this.#running === null) {
      if (nowMs - this.#askedMs < COOLDOWN_MS) return false
      this.#askedMs = nowMs
    }
    await this.#fetch()
    return true
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#tls?.stop()
  }

  #fetch(): Promise<void> {
    this.#running ??= this.#fetchOnce().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  async #fetchOnce(): Promise<void> {
    const { clock, log } = this.#services
    const { jwks_url, refresh_interval } = this.#from
    this.#timer?.cancel()
    let nextMs = refresh_interval
    try {
      const text = await fetchText(this.#from, this.#tls, clock)
      const set = parseKeySet(text)
      this.#retryMs = FIRST_RETRY_MS
      if (text !== this.#text) {
        this.#text = text
        this.#changed(set)
        log.info('jwks_fetched', { url: shownUrl(jwks_url), keys: set.keys.length })
      }
    } catch (error) {
      const { message } = error as Error
      log.warn('jwks_not_fetched', { url: shownUrl(jwks_url), error: message })
      nextMs = Math.min(this.#retryMs, refresh_interval)
      this.#retryMs *= 2
    }
    if (!this.#isStopped) this.#timer = clock.after(nextMs, () => void this.#fetch())
  }
}

function fetchText(from: FetchedFrom, tls: ClientTls | null, clock: Clock): Promise<string> {
  return new Promise((resolve, reject) => {
    const url = new URL(from.jwks_url)
    const options = { headers: { accept: 'application/json' }, agent: false as const }
    const call =
      tls === null
        ? requestHttp(url, options)
        : requestHttps(url, { ...options, ...tls.connectOptions() })
    const fail = (error: Error): void => {
      timer.cancel()
      reject(error)
      call.destroy()
    }
    const timer = clock.after(from.timeout, () => fail(new Error('no answer in time')))
    call.on('error', fail)
    call.on('response', response => {
      response.on('error', fail)
      // Redirects are not followed: who answers there was not configured.
      if (response.statusCode !== 200) fail(new Error(`HTTP ${response.statusCode}`))
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > MAX_SET_BYTES) fail(new Error('the answer is too long'))
        else chunks.push(chunk)
      })
      response.on('end', () => {
        timer.cancel()
        resolve(Buffer.concat(chunks).toString('utf8'))
      })
    })
    call.end()
  })
}

/** User, password and query may be secrets. */
function shownUrl(text: string): string {
  const { origin, pathname } = new URL(text)
  return origin + pathname
}
