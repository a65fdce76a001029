/** Every suite, in the order in which they run. */
import type { Suite } from '../suite.ts'
import { collectorConfigs } from './collector-configs.ts'
import { exporterBehaviours } from './exporter-behaviours.ts'
import { jaegerReceiver, zipkinReceiver } from './foreign-receivers.ts'
import { httpBehaviours } from './http-behaviours.ts'
import { identityMetrics, identityTraces } from './identity.ts'
import { jaeger } from './jaeger.ts'
import { jsonScalars } from './json-scalars.ts'
import { ottlCases } from './ottl.ts'
import { protoInvalid } from './proto-invalid.ts'
import { captures, examples, goldenMetrics, goldenTraces } from './requests.ts'
import { routing } from './routing.ts'
import { tailSampling } from './tail-sampling.ts'
import { zipkinCaptures, zipkinTranslator } from './zipkin.ts'

export const SUITES: readonly Suite[] = [
  protoInvalid,
  jsonScalars,
  httpBehaviours,
  exporterBehaviours,
  examples,
  goldenTraces,
  goldenMetrics,
  identityTraces,
  identityMetrics,
  captures,
  collectorConfigs,
  ottlCases,
  routing,
  tailSampling,
  zipkinCaptures,
  zipkinTranslator,
  zipkinReceiver,
  jaeger,
  jaegerReceiver,
]
