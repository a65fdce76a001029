/** Declares the `debug` exporter. */
import { type CreateContext, defineFactory } from '../../core/factory.ts'
import { type QueueConfig, sendingFields } from '../sending/config.ts'
import { createSendingExporter } from '../sending/exporter.ts'
import { SENDING_METRICS } from '../sending/metrics.ts'
import { config, type DebugConfig } from './config.ts'
import { DebugExporter, DebugSender } from './exporter.ts'

export const factory = defineFactory({
  kind: 'exporter',
  meta: {
    id: 'debug',
    summary: 'Prints what arrives: counts, one line per item, or every field.',
    stability: { traces: 'stable', metrics: 'stable', logs: 'stable' },
    mutates: false,
    metrics: SENDING_METRICS,
  },
  config,
  create: context =>
    context.config.sending_queue === undefined
      ? new DebugExporter(context)
      : createQueued(context, context.config.sending_queue),
})

function createQueued(context: CreateContext<DebugConfig>, sending_queue: QueueConfig) {
  const { timeout, retry_on_failure, circuit_breaker, retry_budget, max_request_bytes } =
    sendingFields('0s')
  const sending = {
    timeout: timeout.parse(undefined),
    retry_on_failure: retry_on_failure.parse(undefined),
    circuit_breaker: circuit_breaker.parse(undefined),
    retry_budget: retry_budget.parse(undefined),
    max_request_bytes: max_request_bytes.parse(undefined),
    sending_queue,
  }
  return createSendingExporter(context, sending, new DebugSender(context))
}
