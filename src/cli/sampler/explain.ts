/** `millrace sampler explain`: why a trace was kept or not, as the running collector has noted it. */
import type { SamplerDecision } from '../../core/sampler-control.ts'
import { askOrTell, type SocketOptions } from '../admin-client.ts'
import { type CliIo, EXIT } from '../io.ts'

export async function explainTrace(
  traceId: string,
  options: SocketOptions,
  io: CliIo,
): Promise<void> {
  const path = `/api/v1/sampler/explain?trace_id=${encodeURIComponent(traceId)}`
  const reply = await askOrTell(options, io, 'GET', path)
  if (reply === undefined) return
  const decisions = reply.body.decisions as readonly (SamplerDecision & { readonly id: string })[]
  if (decisions.length === 0) {
    io.stdout.write(
      'nothing is noted about this trace: it is not decided yet, or too long ago (decisions.size)\n',
    )
    io.setExitCode(EXIT.failed)
  }
  for (const decision of decisions) io.stdout.write(showDecision(decision))
}

function showDecision(decision: SamplerDecision & { readonly id: string }): string {
  const { atMs, id, kept, reason, tenant, spans, bytes, early, evidence } = decision
  const verdict = kept ? `kept it for ${reason}` : 'did not keep it'
  const lines = [
    `${new Date(atMs).toISOString()} ${id} ${verdict} (${spans} spans, ${bytes} bytes, of ${tenant})`,
    `    lane         ${reason}`,
    `    score        ${decision.score.toFixed(3)} by ${decision.model}`,
    `    probability  ${showProbability(decision)}`,
  ]
  const dropped = kept ? undefined : DROPPED[reason]
  if (dropped !== undefined) lines.push(`    dropped by   ${dropped}`)
  if (decision.threshold !== '') lines.push(`    threshold    ot=th:${decision.threshold}`)
  if (evidence === null) lines.push('    top key      none: nothing in it is out of the ordinary')
  else {
    lines.push(`    top key      ${evidence.key}`)
    lines.push(`    surprise     ${evidence.surprise.toFixed(2)}`)
    lines.push(`    shift        ${evidence.shift.toFixed(2)}`)
  }
  if (early)
    lines.push('    early        decided before its time: memory or its spans were too many')
  return `${lines.join('\n')}\n`
}

/** What must have dropped a trace of these lanes; in the others it is chance. */
const DROPPED: Readonly<Record<string, string>> = {
  none: 'a condition of never_keep',
  rule: 'the hard limit on spans or bytes a second, which goes before always_keep',
}

/** With the count that a kept trace stands for. */
function showProbability({ kept, probability }: SamplerDecision): string {
  if (!(probability > 0)) return kept ? 'unknown' : '0'
  if (!kept) return probability.toPrecision(4)
  const standsFor = (1 / probability).toFixed(probability === 1 ? 0 : 1)
  return `${probability.toPrecision(4)} (stands for ${standsFor} such traces)`
}
