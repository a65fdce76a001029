/** `millrace rules status | reload | rollback | why`: asks the collector that runs. */
import type { RuleDecision, RuleSetView, RulesView } from '../../core/rule-control.ts'
import { askOrTell, type SocketOptions } from '../admin-client.ts'
import type { CliIo } from '../io.ts'
import { plural } from './rule-files.ts'

interface Result {
  readonly id: string
  readonly signal: string
  readonly hash: string
  readonly problems: readonly string[]
}

export async function showStatus(options: SocketOptions, io: CliIo): Promise<void> {
  const reply = await askOrTell(options, io, 'GET', '/api/v1/rules')
  if (reply === undefined) return
  const views = reply.body.rules as readonly RulesView[]
  if (views.length === 0) io.stdout.write('no processor runs rules\n')
  for (const view of views) io.stdout.write(showView(view))
}

export async function changeRules(
  action: 'reload' | 'rollback',
  { id, hash, ...options }: SocketOptions & { readonly id?: string; readonly hash?: string },
  io: CliIo,
): Promise<void> {
  const reply = await askOrTell(options, io, 'POST', `/api/v1/rules/${action}`, { id, hash })
  for (const result of (reply?.body.results ?? []) as readonly Result[]) {
    io.stdout.write(`${result.id} (${result.signal}): live is ${result.hash}\n`)
    for (const problem of result.problems) io.stderr.write(`  ${problem}\n`)
  }
}

export async function showWhy(traceId: string, options: SocketOptions, io: CliIo): Promise<void> {
  const path = `/api/v1/rules/why?trace_id=${encodeURIComponent(traceId)}`
  const reply = await askOrTell(options, io, 'GET', path)
  if (reply === undefined) return
  const decisions = reply.body.decisions as readonly (RuleDecision & { readonly id: string })[]
  if (decisions.length === 0) {
    io.stdout.write(
      'nothing is noted about this trace: no rule dropped or sent it, or it is not in the sample (decisions.sample_rate)\n',
    )
  }
  for (const { atMs, tenant, signal, rule, action, because, id } of decisions) {
    const time = new Date(atMs).toISOString()
    io.stdout.write(`${time} ${signal} of ${tenant}: rule ${rule} (${id}) ${action} because\n`)
    for (const part of because) io.stdout.write(`    ${part}\n`)
  }
}

function showView({ id, signal, live, kept, refusal, guarded, rules }: RulesView): string {
  const lines = [
    `${id} (${signal}): ${plural(rules.length, 'rule')} live`,
    `  ${showSet(live)}${guarded ? ', guarded' : ''}`,
    ...kept.map(set => `  kept ${showSet(set)}`),
  ]
  if (refusal !== null) {
    lines.push(`  refused at ${new Date(refusal.atMs).toISOString()} (${refusal.origin}):`)
    lines.push(...refusal.problems.map(problem => `    ${problem}`))
  }
  const width = Math.max(4, ...rules.map(rule => rule.name.length))
  const row = (name: string, cells: readonly (number | string)[]): string =>
    `  ${name.padEnd(width)}${cells.map(cell => String(cell).padStart(12)).join('')}`
  if (rules.length > 0) lines.push(row('rule', ['hits', 'drops', 'routes', 'errors']))
  for (const { name, hits, drops, routes, errors } of rules) {
    lines.push(row(name, [hits, drops, routes, errors]))
  }
  return `${lines.join('\n')}\n`
}

function showSet({ hash, files, sinceMs, origin }: RuleSetView): string {
  return `${hash} since ${new Date(sinceMs).toISOString()} by ${origin}, from ${files.join(', ')}`
}
