/**
 * The W3C `tracestate` with OpenTelemetry's own entry in it, `ot=rv:...;th:...`: read, changed and written so that the
 * entries of other vendors and other keys of `ot` survive.
 * https://www.w3.org/TR/trace-context-2/#tracestate-header
 */
import { formatRandomness, formatThreshold, parseRandomness, parseThreshold } from './threshold.ts'

const MAX_LENGTH = 1024
const MAX_OT_LENGTH = 256
const MAX_KEY_LENGTH = 256
const MAX_TENANT_LENGTH = 241
const MAX_SYSTEM_LENGTH = 14
/** The reference counts from one and refuses the 32nd. */
const MAX_ENTRIES = 31

const KEY = /^(?:[a-z][a-z0-9_\-*/]*|[a-z0-9][a-z0-9_\-*/]*@[a-z][a-z0-9_\-*/]*)$/
const VALUE = /^[ -+\--<>-~]{0,255}[!-+\--<>-~]$/
const OT_MEMBER = /^([a-z][a-z0-9]*):([a-zA-Z0-9._-]*)$/

export class TraceState {
  /** What `rv` says; null without one, or if there are several. */
  randomness: bigint | null = null
  /** What `th` says; null without one, or if it is not known. */
  threshold: bigint | null = null
  /** The keys of `ot` must be unique, and `th` or `rv` is not, or stands in one of several `ot`. */
  isDoubled = false
  #isThresholdLost = false
  /** How often they stand there. */
  #entries = 0
  #thresholds = 0
  #randomnesses = 0
  #thresholdText = ''
  #randomnessText = ''
  /** Other keys of `ot`, `key:value` each. */
  readonly #ot: string[] = []
  /** Entries of others, `key=value` each. */
  readonly #others: string[] = []

  /** Undefined for text that is not a valid tracestate, or whose `ot` entry is not. */
  static parse(text: string): TraceState | undefined {
    const state = new TraceState()
    if (text !== '' && !state.#read(text)) return undefined
    state.#settleDoubled()
    return state
  }

  /** Without effect once it was lost: another threshold on top of an unknown one gives no known probability. */
  setThreshold(threshold: bigint): void {
    if (this.#isThresholdLost) return
    this.threshold = threshold
    this.#thresholdText = formatThreshold(threshold)
  }

  clearThreshold(): void {
    this.threshold = null
    this.#thresholdText = ''
  }

  /** There was a threshold, and nobody can tell which. */
  loseThreshold(): void {
    this.clearThreshold()
    this.#isThresholdLost = true
  }

  setRandomness(randomness: bigint): void {
    this.randomness = randomness
    this.#randomnessText = formatRandomness(randomness)
  }

  toString(): string {
    const ot = [...this.#ot]
    if (this.#thresholdText !== '') ot.unshift(`th:${this.#thresholdText}`)
    if (this.#randomnessText !== '') ot.unshift(`rv:${this.#randomnessText}`)
    if (ot.length === 0) return this.#others.join(',')
    return [`ot=${ot.join(';')}`, ...this.#others].join(',')
  }

  #read(text: string): boolean {
    if (text.length > MAX_LENGTH) return false
    const entries = text.split(',')
    // A comma at the end opens no further entry.
    if (entries[entries.length - 1] === '') entries.pop()
    if (entries.length > MAX_ENTRIES) return false
    return entries.every(entry => this.#readEntry(entry.replace(/^[ \t]+|[ \t]+$/g, '')))
  }

  #readEntry(entry: string): boolean {
    if (entry === '') return true
    const at = entry.indexOf('=')
    const key = entry.slice(0, Math.max(at, 0))
    const value = entry.slice(at + 1)
    if (!isKey(key) || !VALUE.test(value)) return false
    if (key === 'ot') return this.#readOt(value)
    this.#others.push(entry)
    return true
  }

  /** Of several, nobody knows which one counts; a threshold is lost then, and the last one's other members stay. */
  #settleDoubled(): void {
    const most = this.#entries > 1 ? 0 : 1
    const hasThresholds = this.#thresholds > most
    const hasRandomnesses = this.#randomnesses > most
    if (hasThresholds) this.loseThreshold()
    if (hasRandomnesses) {
      this.randomness = null
      this.#randomnessText = ''
    }
    this.isDoubled = hasThresholds || hasRandomnesses
  }

  #readOt(value: string): boolean {
    this.#entries++
    this.#ot.length = 0
    return (
      value.length <= MAX_OT_LENGTH && value.split(';').every(member => this.#readMember(member))
    )
  }

  #readMember(member: string): boolean {
    const found = OT_MEMBER.exec(member)
    if (found === null) return false
    const [, key, value] = found
    if (key === 'th') {
      this.#thresholds++
      this.threshold = parseThreshold(value) ?? null
      this.#thresholdText = value
      return this.threshold !== null
    }
    if (key === 'rv') {
      this.#randomnesses++
      this.randomness = parseRandomness(value) ?? null
      this.#randomnessText = value
      return this.randomness !== null
    }
    this.#ot.push(member)
    return true
  }
}

function isKey(key: string): boolean {
  if (key.length > MAX_KEY_LENGTH || !KEY.test(key)) return false
  const at = key.indexOf('@')
  return at < 0 || (at <= MAX_TENANT_LENGTH && key.length - at - 1 <= MAX_SYSTEM_LENGTH)
}
