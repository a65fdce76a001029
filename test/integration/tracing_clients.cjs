/**
 * Sends spans as programs of before OpenTelemetry do, and prints them as JSON: `node tracing_clients.cjs WAY PORT COUNT`.
 * Ways: jaeger-udp, jaeger-http (the client for Node.js), zipkin-v1, zipkin-v2. Libraries are found by NODE_PATH.
 */
const [way, port, count] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
const sent = []
const done = () => console.log(JSON.stringify(sent))

if (way.startsWith('jaeger')) {
  const { initTracer } = require('jaeger-client')
  const target =
    way === 'jaeger-udp'
      ? { agentHost: '127.0.0.1', agentPort: port }
      : { collectorEndpoint: `http://127.0.0.1:${port}/api/traces` }
  const tracer = initTracer(
    {
      serviceName: way,
      sampler: { type: 'const', param: 1 },
      reporter: { ...target, flushIntervalMs: 50 },
      traceId128bit: true,
    },
    { tags: { version: '1.0' }, logger: { info() {}, error: console.error } },
  )
  for (let i = 0; i < count; i++) {
    const span = tracer.startSpan(`step ${i}`, { tags: { 'span.kind': 'server', i } })
    span.log({ event: 'half', i })
    span.finish()
    const { traceIdStr, spanIdStr } = span.context()
    sent.push({ traceId: traceIdStr, spanId: spanIdStr, name: `step ${i}` })
  }
  // It loses the span at the border of two packets, and posts that are under way when it is closed.
  setTimeout(() => tracer.close(done), 500)
} else {
  const { Annotation, BatchRecorder, ExplicitContext, jsonEncoder, Tracer } = require('zipkin')
  const { HttpLogger } = require('zipkin-transport-http')
  const version = way.slice('zipkin-'.length)
  const logger = new HttpLogger({
    endpoint: `http://127.0.0.1:${port}/api/${version}/spans`,
    jsonEncoder: version === 'v1' ? jsonEncoder.JSON_V1 : jsonEncoder.JSON_V2,
  })
  logger.on('error', console.error)
  logger.on('success', done)
  const tracer = new Tracer({
    ctxImpl: new ExplicitContext(),
    recorder: new BatchRecorder({ logger }),
    localServiceName: way,
    traceId128Bit: true,
  })
  for (let i = 0; i < count; i++) {
    tracer.scoped(() => {
      const id = tracer.createRootId()
      tracer.setId(id)
      tracer.recordRpc(`step ${i}`)
      tracer.recordAnnotation(new Annotation.ServerRecv())
      tracer.recordBinary('i', String(i))
      tracer.recordAnnotation(new Annotation.ServerSend())
      sent.push({ traceId: id.traceId, spanId: id.spanId, name: `step ${i}` })
    })
  }
  logger.processQueue(logger.fetchImplementation)
}
