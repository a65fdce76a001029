/** The built-in components; the only file that names component folders. */
import { factory as forwardConnector } from './connectors/forward/factory.ts'
import { factory as routingConnector } from './connectors/routing/factory.ts'
import type { Factory } from './core/factory.ts'
import { factory as debugExporter } from './exporters/debug/factory.ts'
import { factory as fileExporter } from './exporters/file/factory.ts'
import { factory as nopExporter } from './exporters/nop/factory.ts'
import { factory as otlpGrpcExporter } from './exporters/otlp-grpc/factory.ts'
import { factory as otlpHttpExporter } from './exporters/otlp-http/factory.ts'
import { factory as healthCheckExtension } from './extensions/health-check/factory.ts'
import { factory as pprofExtension } from './extensions/pprof/factory.ts'
import { factory as zpagesExtension } from './extensions/zpages/factory.ts'
import { factory as batchProcessor } from './processors/batch/factory.ts'
import { factory as filterProcessor } from './processors/filter/factory.ts'
import { factory as memoryLimiterProcessor } from './processors/memory-limiter/factory.ts'
import { factory as probabilisticSamplerProcessor } from './processors/probabilistic-sampler/factory.ts'
import { factory as rulesProcessor } from './processors/rules/factory.ts'
import { factory as transformProcessor } from './processors/transform/factory.ts'
import { factory as otlpReceiver } from './receivers/otlp/factory.ts'

export const BUILTINS: readonly Factory[] = [
  otlpReceiver,
  batchProcessor,
  filterProcessor,
  memoryLimiterProcessor,
  rulesProcessor,
  transformProcessor,
  probabilisticSamplerProcessor,
  forwardConnector,
  routingConnector,
  debugExporter,
  fileExporter,
  nopExporter,
  otlpGrpcExporter,
  otlpHttpExporter,
  healthCheckExtension,
  pprofExtension,
  zpagesExtension,
]
