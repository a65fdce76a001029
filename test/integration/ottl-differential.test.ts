/**
 * OTTL against the reference itself: generated expressions and statements over generated telemetry of every context,
 * put to the Go collector's own implementation (the `ottl-oracle` binary beside the other peers) and to ours.
 * `OTTL_DIFFERENTIAL_SEED` and `OTTL_DIFFERENTIAL_COUNT` choose another run.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../src/cli/generate/random.ts'
import type { Signal } from '../../src/otlp/signal.ts'
import type { ContextName } from '../../src/rules/context.ts'
import { standardFunctions } from '../../src/rules/functions/index.ts'
import { type Answer, askOurs, askReference, type Question } from '../rules/generate/ask.ts'
import { differenceOf } from '../rules/generate/differences.ts'
import { damaged, ExpressionMaker } from '../rules/generate/expressions.ts'
import { reasonOf } from '../rules/generate/known-differences.ts'
import { type Json, pick, telemetryJson } from '../rules/generate/telemetry.ts'
import { ottlOracle } from './peers.ts'

const SEED = Number(process.env.OTTL_DIFFERENTIAL_SEED ?? 20_260_101)
const COUNT = Number(process.env.OTTL_DIFFERENTIAL_COUNT ?? 21_000)
const CHUNK = 1_000
/** Requests to choose from, per signal. */
const REQUESTS = 150
/** Shown before the rest is only counted. */
const MAX_SHOWN = Number(process.env.OTTL_DIFFERENTIAL_SHOWN ?? 40)

const SIGNAL_OF: Readonly<Partial<Record<ContextName, readonly Signal[]>>> = {
  resource: ['traces', 'metrics', 'logs'],
  scope: ['traces', 'metrics', 'logs'],
  span: ['traces'],
  spanevent: ['traces'],
  metric: ['metrics'],
  datapoint: ['metrics'],
  log: ['logs'],
}
const CONTEXTS = Object.keys(SIGNAL_OF) as ContextName[]

interface Asked extends Question {
  readonly used: ReadonlySet<string>
}

function makeQuestions(): Asked[] {
  const random = new Random(SEED)
  const requests = new Map<Signal, Json[]>()
  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    requests.set(
      signal,
      Array.from({ length: REQUESTS }, () => telemetryJson(random, signal)),
    )
  }
  return Array.from({ length: COUNT }, (_, id): Asked => {
    const context = CONTEXTS[id % CONTEXTS.length]
    const signal = pick(random, SIGNAL_OF[context] ?? [])
    const maker = new ExpressionMaker(random, context)
    const kind = pick(random, ['value', 'condition', 'statement', 'statement'] as const)
    const whole =
      kind === 'statement'
        ? maker.statement()
        : kind === 'condition'
          ? maker.condition(3)
          : maker.value('string', 3)
    const expr = random.chance(0.1) ? damaged(random, whole) : whole
    const input = pick(random, requests.get(signal) ?? [])
    const all = kind !== 'value' && random.chance(0.3)
    return { id, context, kind, expr, input, signal, all, used: maker.used }
  })
}

interface Tally {
  readonly verdicts: Map<string, number>
  readonly known: Map<string, number>
  readonly unknown: string[]
  /** By function: questions with it that both answered with a value or telemetry. */
  readonly done: Map<string, number>
}

test(`${COUNT} generated texts mean to us what they mean to the reference`, t => {
  const binary = ottlOracle()
  if (binary === undefined) return t.skip('there is no source to build the reference from')
  const questions = makeQuestions()
  const tally: Tally = { verdicts: new Map(), known: new Map(), unknown: [], done: new Map() }
  for (let from = 0; from < questions.length; from += CHUNK) {
    const chunk = questions.slice(from, from + CHUNK)
    const answers = askReference(binary, chunk)
    for (const [i, question] of chunk.entries()) compareOne(question, answers[i], tally)
  }
  for (const [verdict, count] of tally.verdicts) t.diagnostic(`${verdict}: ${count}`)
  for (const [reason, count] of tally.known) t.diagnostic(`known: ${count} × ${reason}`)
  const rare = standardFunctions.filter(({ name }) => (tally.done.get(name) ?? 0) < 5)
  t.diagnostic(`seldom done: ${rare.map(({ name }) => `${name} ${tally.done.get(name) ?? 0}`)}`)
  const shown = tally.unknown.slice(0, MAX_SHOWN).join('\n\n')
  assert.equal(tally.unknown.length, 0, `${tally.unknown.length} disagree:\n\n${shown}`)
  return undefined
})

function compareOne(question: Asked, reference: Answer, tally: Tally): void {
  count(tally.verdicts, reference.verdict)
  let difference: string | undefined
  try {
    difference = differenceOf(reference, askOurs(question))
  } catch (error) {
    difference = `ours threw ${(error as Error).stack}`
  }
  if (difference === undefined) {
    if (reference.verdict === 'done') for (const name of question.used) count(tally.done, name)
    return
  }
  const reason = reasonOf(question, reference, difference)
  if (reason !== undefined) {
    count(tally.known, reason)
    return
  }
  const { id, context, kind, expr } = question
  tally.unknown.push(`#${id} ${context} ${kind}: ${expr}\n${difference.slice(0, 1500)}`)
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1)
}
