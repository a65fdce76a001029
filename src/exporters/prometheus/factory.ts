/** Declares the `prometheus` exporter. */
import { type CreateContext, defineFactory } from '../../core/factory.ts'
import { type QueueConfig, sendingFields } from '../sending/config.ts'
import { createSendingExporter } from '../sending/exporter.ts'
import { SENDING_METRICS } from '../sending/metrics.ts'
import { config, type PrometheusConfig } from './config.ts'
import { PrometheusExporter, PrometheusSender } from './exporter.ts'
import { PROMETHEUS_METRICS } from './metrics.ts'

export const factory = defineFactory({
  kind: 'exporter',
  meta: {
    id: 'prometheus',
    summary: 'Keeps the last value of each series and serves them to Prometheus.',
    stability: { metrics: 'beta' },
    mutates: false,
    metrics: [...new Set([...PROMETHEUS_METRICS, ...SENDING_METRICS])],
  },
  config,
  create: context =>
    context.config.sending_queue === undefined
      ? new PrometheusExporter(context)
      : createQueued(context, context.config.sending_queue),
})

function createQueued(context: CreateContext<PrometheusConfig>, sending_queue: QueueConfig) {
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
  return createSendingExporter(context, sending, new PrometheusSender(context), { isAlone: true })
}
