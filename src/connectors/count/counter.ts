/** Walks over one part with each section of its signal and tells the tally what is to be counted. */
import type { Part, RequestContext } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import { type Cursor, RESOURCE } from '../../rules/contexts/cursor.ts'
import { materialise } from '../../rules/contexts/materialise.ts'
import { PartEditor } from '../../rules/contexts/part-editor.ts'
import type { Value } from '../../rules/value.ts'
import type { CountedMetric, Section } from './sections.ts'
import type { CountedValue, Tally } from './tally.ts'

/** Of Resource. */
const ATTRIBUTES = 1

export class Counter {
  readonly #sections: readonly Section[]
  readonly #editor: PartEditor

  constructor(signal: Signal, sections: readonly Section[]) {
    this.#sections = sections.filter(each => each.signal === signal && each.metrics.length > 0)
    this.#editor = new PartEditor(signal)
  }

  /** Throws EvaluationError when a condition fails. */
  count(given: Part, request: RequestContext, tally: Tally): void {
    const part = materialise(given)
    tally.nextPart()
    try {
      this.#editor.open(part, request)
      for (const section of this.#sections) this.#countSection(section, part, tally)
    } finally {
      this.#editor.close()
      if (part !== given) part.payload.release()
    }
  }

  #countSection(section: Section, { payload, index }: Part, tally: Tally): void {
    const { metrics, predicates } = section
    predicates?.scan(payload.bytes, index)
    let row = -1
    let here: Cursor | null = null
    const resource = (): Uint8Array => resourceOf(here as Cursor)
    const times = new Times(section)
    try {
      this.#editor.each(section.context, cursor => {
        const at = cursor.space.rows[0]
        here = cursor
        if (at !== row) {
          tally.setTimes(row, section, times.start, times.end)
          row = at
          times.reset()
        }
        times.add(cursor)
        for (let metric = 0; metric < metrics.length; metric++) {
          const values = valuesOf(metrics[metric], section, cursor)
          if (values === null || !matches(metrics[metric], section, cursor)) continue
          tally.add(row, section, metric, values, resource)
        }
      })
      tally.setTimes(row, section, times.start, times.end)
    } finally {
      predicates?.close()
    }
  }
}

/** The earliest and the latest time that items of one resource carry. */
class Times {
  start = 0n
  end = 0n
  readonly #getters: Section['times']

  constructor(section: Section) {
    this.#getters = section.times
  }

  reset(): void {
    this.start = this.end = 0n
  }

  add(cursor: Cursor): void {
    for (const get of this.#getters) {
      const time = get(cursor)
      if (typeof time !== 'bigint' || time <= 0n) continue
      if (this.start === 0n || time < this.start) this.start = time
      if (time > this.end) this.end = time
    }
  }
}

const NO_VALUES: readonly CountedValue[] = []

/** Null when one of the attributes is absent and has no default. */
function valuesOf(
  { attributes }: CountedMetric,
  { places }: Section,
  cursor: Cursor,
): readonly CountedValue[] | null {
  if (attributes.length === 0) return NO_VALUES
  const values: CountedValue[] = []
  for (const { key, fallback } of attributes) {
    let found: Value | undefined
    for (let i = 0; i < places.length && found === undefined; i++) {
      found = places[i].getKey(cursor, key)
    }
    const value = found === undefined ? fallback : counted(found)
    if (value === undefined) return null
    values.push(value)
  }
  return values
}

/** Upstream tells texts and numbers apart; all else is the empty text. */
function counted(value: Value): CountedValue {
  return typeof value === 'string' || typeof value === 'bigint' || typeof value === 'number'
    ? value
    : ''
}

function matches({ conditions }: CountedMetric, { predicates }: Section, cursor: Cursor): boolean {
  if (predicates === undefined || conditions.length === 0) return true
  const row = cursor.space.rows[predicates.rowLevel]
  for (const condition of conditions) if (predicates.test(condition, row, cursor)) return true
  return false
}

/** Its attributes as whole fields. */
function resourceOf(cursor: Cursor): Uint8Array {
  const resource = cursor.places[RESOURCE]
  const fields: Uint8Array[] = []
  const { count } = resource
  for (let i = resource.next(ATTRIBUTES, 0); i < count; i = resource.next(ATTRIBUTES, i + 1)) {
    fields.push(resource.bytes.subarray(resource.tagAt(i), resource.endOf(i)))
  }
  return Buffer.concat(fields)
}
