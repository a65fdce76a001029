/** Sampling of log records: the marks stand in attributes, and so may what is hashed and the percentage. */
import type { Part } from '../../core/batch.ts'
import type { AnyValue } from '../../otlp/any-value.ts'
import type { AttributesView } from '../../otlp/attributes-view.ts'
import { LogsView } from '../../otlp/logs-view.ts'
import { END, ROW } from '../../otlp/request-index.ts'
import type { Edits } from '../../otlp/splice.ts'
import { Writer } from '../../otlp/wire-writer.ts'
import { asString } from '../../rules/as-string.ts'
import {
  formatRandomness,
  formatThreshold,
  parseRandomness,
  parseThreshold,
  probabilityToThreshold,
} from '../../sampler/threshold.ts'
import type { ProbabilisticSamplerConfig } from './config.ts'
import { type Carrier, Decision, type Priority } from './decision.ts'
import type { ItemSampler } from './item-sampler.ts'
import { Rate } from './rate.ts'
import { presentId } from './spans.ts'

const THRESHOLD = 'sampling.threshold'
const RANDOMNESS = 'sampling.randomness'
const ATTRIBUTES = 6
const NO_BYTES = new Uint8Array(0)

export class LogSampler implements ItemSampler {
  readonly #config: ProbabilisticSamplerConfig
  readonly #decision: Decision
  readonly #view = new LogsView()
  #part: Part | null = null

  constructor(config: ProbabilisticSamplerConfig) {
    this.#config = config
    this.#decision = new Decision(new Rate(config), config.hash_seed, config.fail_closed, false)
  }

  get policy(): string {
    return this.#decision.policy
  }

  open(part: Part): void {
    this.#part = part
    this.#view.reset(part.payload.bytes, part.index)
  }

  keeps(item: number, edits: Edits): boolean {
    const record = this.#view.moveTo(item)
    const { attributes } = record
    const marks = RecordMarks.read(attributes)
    const traceId = presentId(record.traceIdBytes)
    const source = { traceId, ...this.#hashed(traceId, attributes) }
    const isKept = this.#decision.decide(marks, source, this.#priority(attributes))
    if (isKept && this.#decision.carrier !== null) {
      marks!.write(attributes, this.#part!.index.levels[2][item * ROW + END], edits)
    }
    return isKept
  }

  #hashed(traceId: Uint8Array, attributes: AttributesView) {
    const { attribute_source: source, from_attribute: key } = this.#config
    if (source === 'traceID' && traceId.length > 0) {
      return { hashed: traceId, hashedPolicy: 'trace_id_hash' }
    }
    const value = key === '' ? undefined : attributes.get(key)
    const bytes = value instanceof Uint8Array ? value : Buffer.from(asString(value ?? null))
    return { hashed: bytes.length > 0 ? bytes : null, hashedPolicy: key }
  }

  #priority(attributes: AttributesView): Priority | null {
    const { sampling_priority: key, sampling_precision: precision } = this.#config
    const value = key === '' ? undefined : attributes.get(key)
    if (typeof value !== 'bigint' && typeof value !== 'number') return null
    const threshold = probabilityToThreshold(Number(value) / 100, precision)
    return threshold === undefined ? null : { threshold }
  }
}

class RecordMarks implements Carrier {
  randomness: bigint | null
  threshold: bigint | null
  #hasNewRandomness = false
  #hasNewThreshold = false
  #isCleared = false

  private constructor(randomness: bigint | null, threshold: bigint | null) {
    this.randomness = randomness
    this.threshold = threshold
  }

  /** Null when one of them is no valid mark. */
  static read(attributes: AttributesView): RecordMarks | null {
    const threshold = readMark(attributes.get(THRESHOLD), parseThreshold)
    const randomness = readMark(attributes.get(RANDOMNESS), parseRandomness)
    if (threshold === undefined || randomness === undefined) return null
    return new RecordMarks(randomness, threshold)
  }

  setRandomness(randomness: bigint): void {
    this.randomness = randomness
    this.#hasNewRandomness = true
  }

  setThreshold(threshold: bigint): void {
    this.threshold = threshold
    this.#hasNewThreshold = true
  }

  clearThreshold(): void {
    this.threshold = null
    this.#isCleared = true
  }

  /** `end` is where the record's content ends. */
  write(attributes: AttributesView, end: number, edits: Edits): void {
    if (this.#hasNewRandomness) {
      put(attributes, end, edits, RANDOMNESS, formatRandomness(this.randomness!), false)
    }
    if (this.#hasNewThreshold) {
      put(attributes, end, edits, THRESHOLD, formatThreshold(this.threshold!), this.#isCleared)
    }
  }
}

/** Null where there is no text. */
function readMark(
  value: AnyValue | undefined,
  parse: (text: string) => bigint | undefined,
): bigint | null | undefined {
  return typeof value === 'string' && value !== '' ? parse(value) : null
}

/** In the place of the pair that has this key, or at the end. */
function put(
  attributes: AttributesView,
  end: number,
  edits: Edits,
  key: string,
  text: string,
  movesToEnd: boolean,
): void {
  const pair = new Writer(64).begin(ATTRIBUTES).string(1, key).begin(2).string(1, text).end().end()
  const bytes = pair.finish()
  if (!attributes.find(key)) edits.add(end, end, bytes)
  else if (movesToEnd) {
    edits.add(attributes.fieldStart, attributes.fieldEnd, NO_BYTES)
    edits.add(end, end, bytes)
  } else edits.add(attributes.fieldStart, attributes.fieldEnd, bytes)
}
