/** Asks the running collector for the facts and tells what they say. */
import type { WhyFacts } from '../../core/why.ts'
import { askOrTell } from '../admin-client.ts'
import { type CliIo, EXIT } from '../io.ts'
import { readSince } from '../since.ts'
import type { Finding } from './finding.ts'
import { findWhereItemsWent } from './tenant-findings.ts'
import { findWhatBecameOfTrace } from './trace-findings.ts'

export interface WhyOptions {
  readonly tenant: string
  readonly trace?: string
  readonly since: string
  readonly socket?: string
  readonly json: boolean
}

/** Ends with 1 when the question is about a trace of which nothing is known. */
export async function answerWhy(options: WhyOptions, io: CliIo): Promise<void> {
  const { tenant, trace = '', since, socket, json } = options
  const query = new URLSearchParams({ tenant, since: String(readSince(since, Date.now())) })
  if (trace !== '') query.set('trace_id', trace)
  const reply = await askOrTell({ socket, json: false }, io, 'GET', `/api/v1/why?${query}`)
  if (reply === undefined) return
  const facts = reply.body as WhyFacts
  const ofTrace = trace === '' ? [] : findWhatBecameOfTrace(facts)
  const findings = { trace: ofTrace, tenant: findWhereItemsWent(facts) }
  if (ofTrace.some(({ kind }) => kind === 'unknown')) io.setExitCode(EXIT.failed)
  if (json) io.stdout.write(`${JSON.stringify({ ...findings, facts }, null, 2)}\n`)
  else
    io.stdout.write(
      Object.values(findings)
        .filter(each => each.length > 0)
        .map(showFindings)
        .join('\n'),
    )
}

function showFindings(findings: readonly Finding[]): string {
  return findings.map(({ text }) => `${text}\n`).join('')
}
