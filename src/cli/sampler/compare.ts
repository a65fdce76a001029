/** `millrace sampler compare`: the models of a running collector side by side, and what the test says so far. */
import type { SamplerArmView, SamplerComparison } from '../../core/sampler-control.ts'
import { askOrTell, type SocketOptions } from '../admin-client.ts'
import type { CliIo } from '../io.ts'

export async function compareModels(options: SocketOptions, io: CliIo): Promise<void> {
  const reply = await askOrTell(options, io, 'GET', '/api/v1/sampler/compare')
  if (reply === undefined) return
  const samplers = reply.body.samplers as readonly SamplerComparison[]
  if (samplers.length === 0) io.stdout.write('no sampler learns here\n')
  for (const sampler of samplers) io.stdout.write(showComparison(sampler))
}

const COLUMNS = ['role', 'traces', 'kept', 'coverage', 'flagged', 'µs/trace']

function showComparison({ id, arms, verdicts }: SamplerComparison): string {
  const width = Math.max(5, ...arms.map(({ model, version }) => model.length + version.length + 1))
  const row = (name: string, cells: readonly (string | number)[]): string =>
    `  ${name.padEnd(width)}${cells.map(cell => String(cell).padStart(11)).join('')}`
  const lines = [`${id}:`, row('model', COLUMNS)]
  for (const arm of arms) lines.push(row(`${arm.model} ${arm.version}`, cellsOf(arm)))
  for (const { challenger, outcome, difference, low, high } of verdicts) {
    const [middle, from, to] = [difference, low, high].map(value => `${(value * 100).toFixed(1)} %`)
    lines.push(`  ${challenger}: ${outcome}, coverage differs by ${middle} (${from} to ${to})`)
  }
  return `${lines.join('\n')}\n`
}

function cellsOf(arm: SamplerArmView): (string | number)[] {
  const clean = arm.traces - arm.symptomatic
  return [
    ...[arm.role, arm.traces, share(arm.kept, arm.traces)],
    ...[share(arm.symptomaticKept, arm.symptomatic), share(arm.flagged, clean)],
    arm.scoreMicros.toFixed(2),
  ]
}

function share(part: number, whole: number): string {
  return whole > 0 ? `${((part / whole) * 100).toFixed(1)} %` : '-'
}
