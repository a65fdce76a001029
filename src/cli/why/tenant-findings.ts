/** Where a tenant's items went: from the counts of the book to sentences, what needs attention in the order of the road. */
import type { QueueView } from '../../core/queue-control.ts'
import type { UsageDrop, UsageRow, UsageTurnedAway } from '../../core/tenant-control.ts'
import type { WhyFacts } from '../../core/why.ts'
import { plain, showAge, showBytes } from '../queue/table.ts'
import { countOf, type Finding, showCount, showItems, showLast, showWords } from './finding.ts'
import { explainDrop, explainRefusal } from './reasons.ts'

/** Rule sets of users: their rules have names, which are the reasons. */
const RULES_STAGE = 'rules'
/** Limits of which so much is taken are told. */
const NEARLY_FULL = 0.8

export function findWhereItemsWent(facts: WhyFacts): Finding[] {
  const { rows } = facts.usage
  return [
    ...(rows.length === 0 ? [nothingCame(facts)] : rows.map(row => summary(row, facts))),
    ...turnedAway(facts),
    ...rows.flatMap(row => refusals(row, facts)),
    ...nearLimits(facts),
    ...rows.flatMap(row => drops(row, facts, true)),
    ...rows.flatMap(row => drops(row, facts, false)),
    ...facts.queues.flatMap(queue => inQueue(queue)),
    ...rows.flatMap(row => heldElsewhere(row, facts)),
    ...(facts.traceId === '' ? letters(facts) : []),
    ...faults(facts),
    ...rows.flatMap(row => unaccounted(row, facts)),
  ]
}

function since({ usage }: WhyFacts): string {
  return `since ${new Date(usage.fromMs).toISOString()}`
}

function summary(row: UsageRow, facts: WhyFacts): Finding {
  const { tenant, signal, accepted, copied, sent, kept, dropped, held } = row
  const of = (intentional: boolean): number =>
    sum(dropped.filter(drop => drop.intentional === intentional))
  const parts = [
    `${showCount(sent)} sent`,
    `${showCount(of(true))} let go on purpose`,
    `${showCount(of(false))} lost`,
    ...(kept > 0 ? [`${showCount(kept)} left on disk by an exporter that stopped`] : []),
    `${showCount(held)} held now`,
  ]
  const more = copied > 0 ? ` and ${showCount(copied)} copied for further destinations` : ''
  const text = `${plain(tenant)}, ${since(facts)}: ${showItems(accepted, signal)} accepted${more}; ${parts.join(', ')}.`
  return { kind: 'summary', items: accepted, text }
}

function nothingCame(facts: WhyFacts): Finding {
  const text = `${plain(facts.tenant)}, ${since(facts)}: nothing was accepted. ${whyNothing(facts)}`
  return { kind: 'nothing', items: 0, text }
}

function whyNothing({ limits, limitsKept, nowMs }: WhyFacts): string {
  if (limits !== null) {
    return limits.lastSeenMs > 0
      ? `It was last seen ${showAge(Math.max(0, nowMs - limits.lastSeenMs))} ago.`
      : `It has limits (${plain(limits.policy)}), and has never been seen.`
  }
  const doubt =
    'Nobody of this name has been let in: is it the tenant that the credentials belong to? `millrace tenants usage` shows who sends.'
  return limitsKept
    ? `${doubt} No entry of the extension \`tenants\` is for it; with \`unknown: refuse\` it needs one.`
    : doubt
}

function turnedAway({ usage, unknownSenders, nowMs }: WhyFacts): Finding[] {
  const say = (who: string, { reason, requests, lastMs }: UsageTurnedAway): Finding => ({
    kind: 'turned_away',
    items: 0,
    text: `${countOf(requests, 'request')}${who} turned away at the door${showLast(lastMs, nowMs)}: ${explainRefusal(plain(reason))}.`,
  })
  return [
    ...usage.turnedAway.map(each => say('', each)),
    ...unknownSenders.map(each => say(' of senders that nobody could tell were', each)),
  ]
}

function refusals({ signal, refused }: UsageRow, { nowMs }: WhyFacts): Finding[] {
  return refused.map(({ reason, items, lastMs }) => ({
    kind: 'refused',
    items,
    text: `${showItems(items, signal)} refused, which the sender was told${showLast(lastMs, nowMs)}: ${explainRefusal(plain(reason))}.`,
  }))
}

function nearLimits({ limits }: WhyFacts): Finding[] {
  if (limits === null) return []
  return limits.limits
    .filter(({ limit, used }) => limit > 0 && used >= limit * NEARLY_FULL)
    .map(({ name, limit, used }) => {
      const show = name.includes('bytes') || name.includes('memory') ? showBytes : showCount
      const text = `Its limit ${plain(name)} is taken to ${Math.round((used / limit) * 100)} %: ${show(used)} of ${show(limit)} (${plain(limits.policy)}).`
      return { kind: 'refused', items: 0, text }
    })
}

function drops({ signal, dropped }: UsageRow, facts: WhyFacts, intentional: boolean): Finding[] {
  return dropped
    .filter(drop => drop.intentional === intentional)
    .map(drop => ({
      kind: intentional ? 'filtered' : 'lost',
      items: drop.items,
      text: `${showItems(drop.items, signal)} ${intentional ? 'let go on purpose' : 'lost'} ${whereDropped(drop, facts)}.`,
    }))
}

function whereDropped(drop: UsageDrop, { nowMs }: WhyFacts): string {
  const last = showLast(drop.lastMs, nowMs)
  const [stage, reason] = [plain(drop.stage), plain(drop.reason)]
  if (drop.intentional && stage === RULES_STAGE) return `by the rule ${reason}${last}`
  return `at ${stage}${last}: ${explainDrop(reason)}`
}

function inQueue(queue: QueueView): Finding[] {
  const { exporter, signal, waiting, inFlight, onDisk } = queue
  const items = Math.max(waiting.items, onDisk?.items ?? 0)
  if (items === 0 && inFlight === 0 && queue.lastError === '') return []
  if (items === 0 && inFlight === 0) {
    const text = `Nothing of its ${signal} waits for ${exporter}${whyWaiting(queue)}.`
    return [{ kind: 'fault', items: 0, text }]
  }
  const where = onDisk !== null && onDisk.items > 0 ? ` (${showCount(onDisk.items)} on disk)` : ''
  const age = queue.oldestMs > 0 ? `, the oldest for ${showAge(queue.oldestMs)}` : ''
  const flight = inFlight > 0 ? `; ${countOf(inFlight, 'request')} on the way` : ''
  const verb = items === 1 ? 'waits' : 'wait'
  const text = `${showItems(items, signal)} ${verb} for ${exporter}${where}${age}${flight}${whyWaiting(queue)}.`
  return [{ kind: 'held', items, text }]
}

function whyWaiting(queue: QueueView): string {
  const { breaker, pausedForMs, parked, lastError } = queue
  const reasons: string[] = []
  if (breaker === 'open') reasons.push('its breaker is open after too many failures')
  if (breaker === 'half_open') reasons.push('its breaker lets a few through to try')
  if (pausedForMs > 0) reasons.push(`nothing goes out for another ${showAge(pausedForMs)}`)
  if (parked > 0) reasons.push(`${countOf(parked, 'request')} failed and will be tried again`)
  const because = reasons.length > 0 ? `: ${reasons.join(', ')}` : ''
  return lastError === '' ? because : `${because}; the destination said${showWords(lastError)}`
}

/** Only queues say what they hold; the rest is counted by the book alone. */
function heldElsewhere({ signal, held }: UsageRow, facts: WhyFacts): Finding[] {
  const queued = facts.queues
    .filter(queue => queue.signal === signal)
    .reduce((total, queue) => total + Math.max(queue.waiting.items, queue.onDisk?.items ?? 0), 0)
  const items = held - queued
  if (items <= 0) return []
  const waiting = facts.samplers.filter(({ spansHeld }) => signal === 'traces' && spansHeld > 0)
  const samplers = waiting.map(
    ({ id, tracesHeld }) =>
      ` ${id} waits for the rest of ${countOf(tracesHeld, 'trace')}, those of all tenants counted.`,
  )
  const text = `${showItems(items, signal)} held inside processors, or on the way to a destination.${samplers.join('')}`
  return [{ kind: 'held', items, text }]
}

function letters({ letters: all, moreLetters, tenant, nowMs }: WhyFacts): Finding[] {
  const byCause = new Map<string, { items: number; count: number; last: (typeof all)[number] }>()
  for (const letter of all) {
    const key = `${letter.exporter}\n${letter.signal}\n${letter.reason}`
    const cause = byCause.get(key) ?? { items: 0, count: 0, last: letter }
    byCause.set(key, {
      items: cause.items + letter.items,
      count: cause.count + 1,
      last: letter,
    })
  }
  const findings: Finding[] = [...byCause.values()].map(({ items, count, last }) => ({
    kind: 'letters',
    items,
    text: `${countOf(count, 'dead letter')} with ${showItems(items, last.signal)} for ${plain(last.exporter)}${showLast(last.atMs, nowMs)}: ${explainDrop(plain(last.reason))}${showWords(last.message)}.`,
  }))
  if (findings.length === 0) return []
  const more = moreLetters ? 'There are more; ' : ''
  const command = `\`millrace queue letters ls --tenant ${plain(tenant)}\` shows them, \`requeue\` sends them again.`
  return [...findings, { kind: 'letters', items: 0, text: `${more}${command}` }]
}

function faults({ faults: all }: WhyFacts): Finding[] {
  return all.map(({ kind, id, detail }) => ({
    kind: 'fault',
    items: 0,
    text: `The ${kind} ${id} is not well${showWords(detail)}.`,
  }))
}

/** Only since the start of the process: what was held when a later time began is not known. */
function unaccounted(row: UsageRow, { usage }: WhyFacts): Finding[] {
  const { accepted, copied, sent, kept, held, dropped, signal } = row
  if (!usage.sinceStart) return []
  const items = accepted + copied - sent - kept - held - sum(dropped)
  if (items === 0) return []
  const text = `${showItems(Math.abs(items), signal)} ${items > 0 ? 'between two stages at this moment' : 'counted twice'}; if that stays, it is a fault of the collector.`
  return [{ kind: 'missing', items, text }]
}

function sum(counts: readonly { readonly items: number }[]): number {
  return counts.reduce((total, { items }) => total + items, 0)
}
