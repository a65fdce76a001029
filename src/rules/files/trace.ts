/** Runs parts through an engine and keeps all that happens to each item: for cases, explanations and comparisons. */
import { NO_CONTEXT, type Part, type RequestContext } from '../../core/batch.ts'
import { Payload } from '../../core/payload.ts'
import type { Signal } from '../../core/signal.ts'
import { encodeParts, flatten } from '../../otlp/encode.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault } from '../../otlp/request-index.ts'
import type { ItemOutcome } from './cases/compare.ts'
import { ItemReader } from './cases/describe-item.ts'
import { type Decided, type Engine, PropagatedError } from './engine.ts'
import { type Explain, type ExplainedCondition, explainCondition } from './explain-condition.ts'
import type { Rule, RuleLanguage } from './rule-set.ts'

/** One rule that was asked about an item. */
export interface AskedRule {
  readonly rule: Rule
  /** Null: the rule has no condition. */
  readonly condition: ExplainedCondition | null
}

export interface TracedItem extends ItemOutcome {
  /** In order; empty unless explanations were asked for. */
  readonly asked: readonly AskedRule[]
  readonly before: ItemOutcome['after']
}

/** A part of its own around one request. Throws on bytes that are no request. */
export function partOf(signal: Signal, bytes: Uint8Array): Part {
  const index = indexRequest(signal, bytes)
  if (isWireFault(index)) throw new Error(`${index.fault} at byte ${index.offset}`)
  return { payload: new Payload(bytes), index, selection: null, edits: null, items: index.items }
}

export class Tracer {
  readonly #engine: Engine
  readonly #explains: readonly (Explain | null)[]
  readonly #items = new ItemReader()
  #hits: string[][] = []
  #errors: string[][] = []
  #asked: AskedRule[][] = []

  /** With a language, conditions are explained. */
  constructor(engine: Engine, language?: RuleLanguage) {
    this.#engine = engine
    this.#explains =
      language === undefined ? [] : engine.rules.map(rule => explainer(rule, language))
    const name = (rule: number): string => engine.rules[rule].name
    engine.listener = {
      hit: (rule, item) => {
        const hits = (this.#hits[item] ??= [])
        if (hits[hits.length - 1] !== name(rule)) hits.push(name(rule))
      },
      failed: (rule, item, error) => {
        ;(this.#errors[item] ??= []).push(`${name(rule)}: ${error.message}`)
      },
      ...(language === undefined ? {} : { asked: this.#ask }),
    }
  }

  /** By item of the part, all of which must be selected. */
  run(part: Part, tenant: string, request: RequestContext = NO_CONTEXT): readonly TracedItem[] {
    this.#hits = []
    this.#errors = []
    this.#asked = []
    const decided = this.#decide(part, tenant, request)
    const bytes = decided === null ? part.payload.bytes : flatten(encodeParts([decided.part]))
    const after = partOf(part.index.signal, bytes)
    const unchanged = Buffer.compare(bytes, part.payload.bytes) === 0
    return Array.from({ length: part.index.items }, (_, item) => ({
      ...this.#decision(decided, item),
      hits: this.#hits[item] ?? [],
      errors: this.#errors[item] ?? [],
      asked: this.#asked[item] ?? [],
      unchanged,
      before: this.#items.read(part.payload.bytes, part.index, item),
      after: this.#items.read(bytes, after.index, item),
    }))
  }

  /** Null: an error was propagated, and everything stays as it was. */
  #decide(part: Part, tenant: string, request: RequestContext): Decided | null {
    try {
      return this.#engine.decide(part, tenant, request)
    } catch (error) {
      if (error instanceof PropagatedError) return null
      throw error
    }
  }

  readonly #ask = (number: number, from: number, to: number, scope: unknown): void => {
    const rule = this.#engine.rules[number]
    const asked = { rule, condition: this.#explains[number]?.(scope) ?? null }
    for (let item = from; item < to; item++) (this.#asked[item] ??= []).push(asked)
  }

  #decision(decided: Decided | null, item: number) {
    if (decided === null) return { droppedBy: null, routedTo: [], mirroredTo: [], importance: 0 }
    const { verdicts } = decided
    const dropper = verdicts.droppedBy(item)
    return {
      droppedBy: dropper < 0 ? null : this.#engine.rules[dropper].name,
      routedTo: dropper < 0 ? this.#engine.routes.destinations(verdicts.routes[item]) : [],
      mirroredTo: [...verdicts.mirrors].filter(([, flags]) => flags[item] === 1).map(([to]) => to),
      importance: verdicts.importance?.[item] ?? 0,
    }
  }
}

function explainer({ when, on }: Rule, language: RuleLanguage): Explain | null {
  if (when === null) return null
  return explainCondition(when.text, {
    context: language.context(on),
    functions: language.functions,
  })
}
