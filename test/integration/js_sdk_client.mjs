// Sends spans, log records and a counter through NodeSDK, which is set up by the OTEL_* environment; prints what it sent as JSON.
import { metrics, trace } from '@opentelemetry/api'
import { logs, SeverityNumber } from '@opentelemetry/api-logs'
import { NodeSDK } from '@opentelemetry/sdk-node'

const wanted = Number(process.argv[2])
const sdk = new NodeSDK({ serviceName: 'js-app', autoDetectResources: false })
sdk.start()

const tracer = trace.getTracer('app', '1.0')
const counter = metrics.getMeter('app').createCounter('work.done')
const logger = logs.getLogger('app')
let spans = 0
let records = 0
while (spans < wanted) {
  tracer.startActiveSpan('work', span => {
    tracer.startActiveSpan('step', step => step.end())
    span.setAttribute('n', spans)
    span.end()
  })
  counter.add(1)
  spans += 2
  if (spans % 100 === 0) {
    logger.emit({ severityNumber: SeverityNumber.INFO, body: `done ${spans}` })
    records++
  }
  // Lets the batch processors send before their queues are full.
  if (spans % 500 === 0) await new Promise(resolve => setImmediate(resolve))
}
await sdk.shutdown()
console.log(JSON.stringify({ spans, logs: records }))
