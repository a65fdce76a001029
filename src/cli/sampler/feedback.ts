/** `millrace sampler feedback`: tells the running collector what a trace was worth, for it to learn. */
import type { SamplerFeedback } from '../../core/sampler-control.ts'
import { askOrTell, type SocketOptions } from '../admin-client.ts'
import type { CliIo } from '../io.ts'

interface FeedbackResult {
  readonly id: string
  readonly problem: string | null
}

export async function giveFeedback(
  traceId: string,
  verdict: SamplerFeedback,
  { id, ...options }: SocketOptions & { readonly id?: string },
  io: CliIo,
): Promise<void> {
  const told = { trace_id: traceId, verdict, id }
  const reply = await askOrTell(options, io, 'POST', '/api/v1/sampler/feedback', told)
  for (const { id: sampler, problem } of (reply?.body.results ?? []) as readonly FeedbackResult[]) {
    if (problem === null) io.stdout.write(`${sampler}: noted as ${verdict}\n`)
    else io.stderr.write(`${sampler}: ${problem}\n`)
  }
}
