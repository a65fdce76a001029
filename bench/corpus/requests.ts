/** The corpus by signal, for benches and tests that run over all three. */
import type { Signal } from '../../src/otlp/signal.ts'
import type { CorpusOptions } from './envelope.ts'
import { logsRequest } from './logs.ts'
import { metricsRequest } from './metrics.ts'
import { tracesRequest } from './traces.ts'

const MAKERS = { traces: tracesRequest, metrics: metricsRequest, logs: logsRequest }

/** A realistic export request; the same options give the same bytes. */
export function corpusRequest(signal: Signal, options: CorpusOptions = {}): Uint8Array {
  return MAKERS[signal](options)
}
