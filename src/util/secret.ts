/** A text that must not be seen in logs, status pages or printed configurations; only `reveal` gives it away. */
import { inspect } from 'node:util'

export const REDACTED = '[REDACTED]'

export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The text itself, for the one place that must send or use it. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}
