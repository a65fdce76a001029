/** `millrace sampler status`: budgets, totals, memory and the model in charge of a running collector. */
import type { SamplerView } from '../../core/sampler-control.ts'
import { askOrTell, type SocketOptions } from '../admin-client.ts'
import type { CliIo } from '../io.ts'

export async function showSamplers(options: SocketOptions, io: CliIo): Promise<void> {
  const reply = await askOrTell(options, io, 'GET', '/api/v1/sampler')
  if (reply === undefined) return
  const samplers = reply.body.samplers as readonly SamplerView[]
  if (samplers.length === 0) io.stdout.write('no sampler learns here\n')
  for (const sampler of samplers) io.stdout.write(showSampler(sampler))
}

function showSampler(view: SamplerView): string {
  const { tracesDecided, tracesKept, savedAtMs, feedback } = view
  const share = tracesDecided > 0 ? (tracesKept / tracesDecided) * 100 : 0
  const reasons = Object.entries(view.keptByReason).map(([reason, kept]) => `${reason} ${kept}`)
  const rows: readonly (readonly [string, string])[] = [
    ['model', `${view.model} ${view.modelVersion}${view.warmingUp ? ', warming up' : ''}`],
    ['budget', `${(view.ratio * 100).toFixed(2)} % of traces`],
    ['decided', `${tracesDecided} traces, ${view.decidedEarly} of them early`],
    ['kept', `${tracesKept} traces (${share.toFixed(2)} %), ${view.spansKept} spans`],
    ['reasons', reasons.join(', ') || 'none yet'],
    ['flagged above', view.scoreThreshold.toFixed(3)],
    ['held', `${view.tracesHeld} traces, ${view.spansHeld} spans, ${view.bytesHeld} bytes`],
    ['feedback', `${feedback.useful} useful, ${feedback.noise} noise`],
    ['saved', savedAtMs > 0 ? new Date(savedAtMs).toISOString() : 'never'],
  ]
  const lines = rows.map(([name, value]) => `  ${name.padEnd(15)}${value}`)
  return `${view.id}:\n${lines.join('\n')}\n`
}
