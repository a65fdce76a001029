/** Watches what a new rule set does in its first moments; when it drops or fails too much, or too little, it is told. */

export interface GuardLimits {
  /** How long after a swap. */
  readonly windowMs: number
  /** Shares of fewer items mean nothing. */
  readonly minItems: number
  /** Band of the share of items that rules drop. */
  readonly minDropRatio: number
  readonly maxDropRatio: number
  /** Of failed expressions to items. */
  readonly maxErrorRatio: number
}

export class Guard {
  readonly #limits: GuardLimits
  #untilMs = 0
  #items = 0
  #drops = 0
  #errors = 0

  constructor(limits: GuardLimits) {
    this.#limits = limits
  }

  /** A new set has gone live. */
  arm(nowMs: number): void {
    this.#untilMs = nowMs + this.#limits.windowMs
    this.#items = 0
    this.#drops = 0
    this.#errors = 0
  }

  disarm(): void {
    this.#untilMs = 0
  }

  isArmed(nowMs: number): boolean {
    return nowMs < this.#untilMs
  }

  count(items: number, drops: number, errors: number): void {
    this.#items += items
    this.#drops += drops
    this.#errors += errors
  }

  /** What is out of its band; null when all is well, or there is too little to say. */
  verdict(): string | null {
    const { minItems, minDropRatio, maxDropRatio, maxErrorRatio } = this.#limits
    if (this.#items < minItems || this.#items === 0) return null
    const drops = this.#drops / this.#items
    const errors = this.#errors / this.#items
    if (drops > maxDropRatio)
      return `drops ${percent(drops)} of the items, more than ${percent(maxDropRatio)}`
    if (drops < minDropRatio)
      return `drops ${percent(drops)} of the items, less than ${percent(minDropRatio)}`
    if (errors > maxErrorRatio)
      return `fails on ${percent(errors)} of the items, more than ${percent(maxErrorRatio)}`
    return null
  }
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10}%`
}
