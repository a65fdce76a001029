/** The conditions that look at the rows of one level, and the slots that they need. */
import { SLOT, SLOT_A, SLOT_B, SLOT_TYPE } from '../../otlp/kernel/slot-layout.ts'
import { compileSlotTable, SlotRows, type WantedSlot } from '../../otlp/kernel/slots.ts'
import type { RequestIndex } from '../../otlp/request-index.ts'
import type { PlainCondition } from './conditions.ts'
import {
  BooleanTest,
  NumberTest,
  PatternTest,
  SampledFlagTest,
  type SlotTest,
  StateTest,
  StatusTest,
  TextTest,
} from './slot-tests.ts'

export const RESOURCE_LEVEL = 0
export const SPAN_LEVEL = 2
/** Numbers for each span: start and end, in whole milliseconds and the nanoseconds beyond. */
export const TIMES = 4

const NO_BYTES: Uint8Array = new Uint8Array(0)

const STATUS: WantedSlot = { path: ['status', 'code'] }
const FLAGS: WantedSlot = { path: ['flags'] }
const STATE: WantedSlot = { path: ['traceState'] }
const START: WantedSlot = { path: ['startTimeUnixNano'] }
const END: WantedSlot = { path: ['endTimeUnixNano'] }

export class LevelTests {
  /** Conditions that are asked. */
  readonly size: number
  readonly #tests: readonly SlotTest[]
  /** By test: where its slot stands in a row, and the word and the bit of its answer. */
  readonly #offsets: Int32Array
  readonly #words: Int32Array
  readonly #masks: Int32Array
  readonly #rows: SlotRows
  readonly #start: number
  readonly #end: number
  #bytes = NO_BYTES

  constructor(level: number, conditions: readonly PlainCondition[], wantsTimes: boolean) {
    const plan = new Plan(level)
    if (wantsTimes) plan.wantTimes()
    for (const [bit, condition] of conditions.entries()) plan.add(condition, bit)
    const { entries } = plan
    this.size = entries.length
    this.#tests = entries.map(entry => entry.test)
    this.#offsets = Int32Array.from(entries, entry => entry.slot * SLOT)
    this.#words = Int32Array.from(entries, entry => entry.bit >>> 5)
    this.#masks = Int32Array.from(entries, entry => 1 << (entry.bit & 31))
    this.#start = plan.slotOf(START) * SLOT
    this.#end = plan.slotOf(END) * SLOT
    this.#rows = new SlotRows(compileSlotTable('traces', level, plan.wanted))
  }

  open(bytes: Uint8Array, index: RequestIndex): void {
    this.#bytes = bytes
    this.#rows.open(bytes, index)
  }

  close(): void {
    this.#bytes = NO_BYTES
    this.#rows.close()
  }

  // hot: bench/micro/tail-sampling.ts
  test(row: number, out: Uint32Array, at: number): void {
    if (this.size === 0) return
    const rows = this.#rows
    const slots = rows.at(row)
    const { words } = rows
    const bytes = this.#bytes
    for (let i = 0; i < this.#tests.length; i++) {
      const word = at + this.#words[i]
      const mask = this.#masks[i]
      if ((out[word] & mask) !== 0) continue
      if (this.#tests[i].holds(words, slots + this.#offsets[i], bytes)) out[word] |= mask
    }
  }

  times(row: number, out: Float64Array): void {
    const slots = this.#rows.at(row)
    const { words } = this.#rows
    writeTime(words, slots + this.#start, out, row * TIMES)
    writeTime(words, slots + this.#end, out, row * TIMES + 2)
  }
}

/** 2^32 nanoseconds are 4,294 ms and so many nanoseconds. */
const HIGH_MS = 4294
const HIGH_REST = 967_296
const NANOS = 1_000_000

/** Nanoseconds since 1970 do not fit a double; milliseconds and the rest do. */
function writeTime(words: Int32Array, slot: number, out: Float64Array, at: number): void {
  const isThere = words[slot + SLOT_TYPE] !== 0
  const low = isThere ? words[slot + SLOT_A] >>> 0 : 0
  const high = isThere ? words[slot + SLOT_B] >>> 0 : 0
  const rest = high * HIGH_REST + low
  const ms = Math.floor(rest / NANOS)
  out[at] = high * HIGH_MS + ms
  out[at + 1] = rest - ms * NANOS
}

interface Entry {
  readonly slot: number
  readonly bit: number
  readonly test: SlotTest
}

/** Which slots a level's conditions need, each value once. */
class Plan {
  readonly entries: Entry[] = []
  readonly #level: number
  readonly #slots = new Map<string, { slot: number; wanted: WantedSlot; literals: string[] }>()

  constructor(level: number) {
    this.#level = level
  }

  get wanted(): readonly WantedSlot[] {
    return [...this.#slots.values()].map(({ wanted, literals }) => ({ ...wanted, literals }))
  }

  /** 0 for what nobody asked for. */
  slotOf(wanted: WantedSlot): number {
    return this.#slots.get(slotKey(wanted))?.slot ?? 0
  }

  wantTimes(): void {
    this.#want(START)
    this.#want(END)
  }

  add(condition: PlainCondition, bit: number): void {
    if (this.#level === SPAN_LEVEL) this.#addToSpans(condition, bit)
    switch (condition.kind) {
      case 'text': {
        const { slot, literals } = this.#attribute(condition.key)
        for (const value of condition.values) {
          if (!literals.includes(value)) literals.push(value)
        }
        // Numbers of literals that come later are not accepted: reads beyond the end are undefined.
        const accepted = new Uint8Array(literals.length + 1)
        for (const value of condition.values) accepted[literals.indexOf(value) + 1] = 1
        this.entries.push({ slot, bit, test: new TextTest(accepted) })
        break
      }
      case 'pattern': {
        const { slot } = this.#attribute(condition.key)
        const skipsEmpty = this.#level === SPAN_LEVEL
        const test = new PatternTest(condition.patterns, condition.cacheSize, skipsEmpty)
        this.entries.push({ slot, bit, test })
        break
      }
      case 'number': {
        const { slot } = this.#attribute(condition.key)
        this.entries.push({ slot, bit, test: new NumberTest(condition.min, condition.max) })
        break
      }
      case 'boolean': {
        const { slot } = this.#attribute(condition.key)
        this.entries.push({ slot, bit, test: new BooleanTest(condition.value) })
        break
      }
    }
  }

  #addToSpans(condition: PlainCondition, bit: number): void {
    switch (condition.kind) {
      case 'status':
        this.entries.push({
          slot: this.#want(STATUS).slot,
          bit,
          test: new StatusTest(condition.codes),
        })
        break
      case 'sampled flag':
        this.entries.push({ slot: this.#want(FLAGS).slot, bit, test: new SampledFlagTest() })
        break
      case 'state': {
        const test = new StateTest(condition.key, condition.values)
        this.entries.push({ slot: this.#want(STATE).slot, bit, test })
        break
      }
    }
  }

  #attribute(key: string) {
    const path = this.#level === SPAN_LEVEL ? ['attributes'] : ['resource', 'attributes']
    return this.#want({ path, key })
  }

  #want(wanted: WantedSlot) {
    const key = slotKey(wanted)
    let known = this.#slots.get(key)
    if (known === undefined) {
      known = { slot: this.#slots.size, wanted, literals: [] }
      this.#slots.set(key, known)
    }
    return known
  }
}

function slotKey({ path, key }: WantedSlot): string {
  return JSON.stringify([path, key])
}
