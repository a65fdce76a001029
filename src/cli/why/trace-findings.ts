/** What became of one trace: what rules and samplers have noted, where it waits, and in which letters it is. */
import type { QueuedRequest } from '../../core/queue-control.ts'
import type { WhyFacts } from '../../core/why.ts'
import { plain, showAge } from '../queue/table.ts'
import { countOf, type Finding, showItems, showWords } from './finding.ts'
import { explainDrop } from './reasons.ts'

export function findWhatBecameOfTrace(facts: WhyFacts): Finding[] {
  const findings = [
    ...facts.rules.map(byRule),
    ...facts.sampling.map(bySampler),
    ...facts.requests.map(inQueue),
    ...facts.letters.map(inLetter),
  ]
  return findings.length > 0 ? findings : [unknown(facts)]
}

function byRule(decision: WhyFacts['rules'][number]): Finding {
  const { atMs, id, rule, action, because } = decision
  const why = because.length > 0 ? `, because ${because.map(plain).join(' and ')}` : ''
  return trace(`${time(atMs)} The rule ${plain(rule)} (${id}) ${plain(action)}${why}.`, 0)
}

function bySampler(decision: WhyFacts['sampling'][number]): Finding {
  const { atMs, id, kept, reason, spans, score, probability, evidence } = decision
  const odd = evidence === null ? 'nothing in it was out of the ordinary' : plain(evidence.key)
  const chance = `a trace like this is kept with a probability of ${probability.toPrecision(3)}`
  const text = kept
    ? `${time(atMs)} ${id} kept it (${plain(reason)}): score ${score.toFixed(3)}, ${odd}.`
    : `${time(atMs)} ${id} did not keep it: score ${score.toFixed(3)}, ${odd}; ${chance}.`
  return trace(text, spans)
}

function inQueue(request: QueuedRequest): Finding {
  const { exporter, signal, state, items, ageMs, attempts } = request
  const age = ageMs > 0 ? ` for ${showAge(ageMs)}` : ''
  const tried = attempts > 0 ? `, after ${countOf(attempts, 'attempt')}` : ''
  const what = `A request of ${showItems(items, signal)} with some of it`
  return trace(`${what} ${WHERE[state]} ${exporter}${age}${tried}.`, items)
}

const WHERE: Readonly<Record<QueuedRequest['state'], string>> = {
  waiting: 'waits in the queue of',
  in_flight: 'is on the way to',
  parked: 'waits for its next attempt at',
  on_disk: 'waits on disk for',
}

function inLetter(letter: WhyFacts['letters'][number]): Finding {
  const { id, atMs, exporter, signal, items, reason, message } = letter
  const what = `Part of it is in the dead letter ${plain(id)} (${showItems(items, signal)} for ${plain(exporter)})`
  const why = `${explainDrop(plain(reason))}${showWords(message)}`
  const text = `${time(atMs)} ${what}: ${why}. \`millrace queue letters show ${plain(id)}\` shows it.`
  return { kind: 'letters', items, text }
}

/** What is sent leaves no trace of its own, and rules note a sample only. */
function unknown({ traceId, tenant, usage }: WhyFacts): Finding {
  const lost = usage.rows.flatMap(({ dropped }) => dropped).some(drop => !drop.intentional)
  const rest = lost
    ? 'Nobody notes what was delivered; it was delivered, or is among the losses below, or never came.'
    : 'Nobody notes what was delivered, and nothing was lost in this time: it was delivered, or let go on purpose without a note, or never came.'
  const text = `Nothing is noted about the trace ${traceId} of ${plain(tenant)}: no rule, no sampler, no queue and no letter knows it. ${rest}`
  return { kind: 'unknown', items: 0, text }
}

function trace(text: string, items: number): Finding {
  return { kind: 'trace', items, text }
}

function time(atMs: number): string {
  return new Date(atMs).toISOString()
}
