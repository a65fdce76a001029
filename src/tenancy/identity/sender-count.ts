/** Counts who is let in and who is not, and makes those wait who try credentials. What every authenticator does at the end. */
import type { Services } from '../../core/component.ts'
import type { AuthDenied, AuthMethod, AuthOutcome, AuthReason } from '../../core/identity.ts'
import type { Counter } from '../../core/meter.ts'
import { tryLater } from './answers.ts'
import { GuessLimiter, type GuessLimits } from './guess-limiter.ts'
import { AUTH_DENIED, AUTH_GRANTED } from './metrics.ts'

export interface SenderServices extends Services {
  /** Of the extension, for logs and metrics. */
  readonly id: string
}

export const DEFAULT_GUESSING: GuessLimits = { failures: 20, window: 60_000, max_addresses: 10_000 }

/** What was shown and is wrong, as somebody who tries keys or passwords would show it. */
const GUESSES: ReadonlySet<AuthReason> = new Set<AuthReason>([
  'malformed_credentials',
  'unknown_credentials',
  'bad_signature',
  'wrong_issuer',
  'untrusted_proxy',
])

export class SenderCount {
  readonly #services: SenderServices
  readonly #guesses: GuessLimiter
  readonly #granted = new Map<AuthMethod, Counter>()

  constructor(services: SenderServices, limits: GuessLimits = DEFAULT_GUESSING) {
    this.#services = services
    this.#guesses = new GuessLimiter(limits, services.clock)
  }

  /** Only what is known by heart is looked up for this address now. */
  mustWait(address: string): boolean {
    return this.#guesses.waitMs(address) > 0
  }

  /** What the sender is told. `isShared`: behind this address are many, who must not lock each other out. */
  settle(answer: AuthOutcome, method: AuthMethod, address: string, isShared = false): AuthOutcome {
    if (answer.kind === 'granted') {
      this.#countGranted(answer.identity.method)
      return answer
    }
    const told = isShared ? answer : this.#limit(answer, address)
    const labels = { extension: this.#services.id, method, reason: told.reason }
    this.#services.meter.counter(AUTH_DENIED, labels).value++
    this.#services.log.warn('sender_denied', { method, reason: told.reason, address })
    return told
  }

  /** Who has failed too often learns no more than that. */
  #limit(answer: AuthDenied, address: string): AuthDenied {
    const isGuess = GUESSES.has(answer.reason)
    if (!isGuess && answer.reason !== 'too_many_failures') return answer
    const waitMs = this.#guesses.waitMs(address)
    if (isGuess && waitMs === 0) this.#guesses.failed(address)
    return waitMs > 0 || !isGuess ? tryLater('too_many_failures', Math.max(1, waitMs)) : answer
  }

  #countGranted(method: AuthMethod): void {
    let counter = this.#granted.get(method)
    if (counter === undefined) {
      const labels = { extension: this.#services.id, method }
      counter = this.#services.meter.counter(AUTH_GRANTED, labels)
      this.#granted.set(method, counter)
    }
    counter.value++
  }
}
