/**
 * The built-in components; the only file that names component folders. A component is loaded when a configuration names
 * it: those with rules bring an engine along that costs 100 ms of start and 14 MB.
 */
import type { Factory, Kind } from './core/factory.ts'
import type { Declared } from './core/registry.ts'

export const BUILTINS: readonly Declared[] = [
  declare('receiver', ['jaeger'], () => import('./receivers/jaeger/factory.ts')),
  declare('receiver', ['kafka'], () => import('./receivers/kafka/factory.ts')),
  declare('receiver', ['nop'], () => import('./receivers/nop/factory.ts')),
  declare('receiver', ['otlp'], () => import('./receivers/otlp/factory.ts')),
  declare(
    'receiver',
    ['otlp_json_file', 'otlpjsonfile'],
    () => import('./receivers/otlp-json-file/factory.ts'),
  ),
  declare('receiver', ['zipkin'], () => import('./receivers/zipkin/factory.ts')),
  declare(
    'processor',
    ['adaptive_sampler'],
    () => import('./processors/adaptive-sampler/factory.ts'),
  ),
  declare('processor', ['attributes'], () => import('./processors/attributes/factory.ts')),
  declare('processor', ['batch'], () => import('./processors/batch/factory.ts')),
  declare('processor', ['filter'], () => import('./processors/filter/factory.ts')),
  declare('processor', ['groupbytrace'], () => import('./processors/groupbytrace/factory.ts')),
  declare('processor', ['memory_limiter'], () => import('./processors/memory-limiter/factory.ts')),
  declare('processor', ['redaction'], () => import('./processors/redaction/factory.ts')),
  declare('processor', ['resource'], () => import('./processors/resource/factory.ts')),
  declare('processor', ['rules'], () => import('./processors/rules/factory.ts')),
  declare('processor', ['tail_sampling'], () => import('./processors/tail-sampling/factory.ts')),
  declare('processor', ['transform'], () => import('./processors/transform/factory.ts')),
  declare(
    'processor',
    ['probabilistic_sampler'],
    () => import('./processors/probabilistic-sampler/factory.ts'),
  ),
  declare('connector', ['count'], () => import('./connectors/count/factory.ts')),
  declare('connector', ['failover'], () => import('./connectors/failover/factory.ts')),
  declare('connector', ['forward'], () => import('./connectors/forward/factory.ts')),
  declare(
    'connector',
    ['roundrobin', 'round_robin'],
    () => import('./connectors/roundrobin/factory.ts'),
  ),
  declare('connector', ['routing'], () => import('./connectors/routing/factory.ts')),
  declare(
    'connector',
    ['servicegraph', 'service_graph'],
    () => import('./connectors/servicegraph/factory.ts'),
  ),
  declare(
    'connector',
    ['spanmetrics', 'span_metrics'],
    () => import('./connectors/spanmetrics/factory.ts'),
  ),
  declare('exporter', ['debug'], () => import('./exporters/debug/factory.ts')),
  declare('exporter', ['file'], () => import('./exporters/file/factory.ts')),
  declare('exporter', ['jaeger'], () => import('./exporters/jaeger/factory.ts')),
  declare('exporter', ['kafka'], () => import('./exporters/kafka/factory.ts')),
  declare(
    'exporter',
    ['loadbalancing', 'load_balancing'],
    () => import('./exporters/loadbalancing/factory.ts'),
  ),
  declare('exporter', ['nop'], () => import('./exporters/nop/factory.ts')),
  declare('exporter', ['otlp_grpc', 'otlp'], () => import('./exporters/otlp-grpc/factory.ts')),
  declare('exporter', ['otlp_http', 'otlphttp'], () => import('./exporters/otlp-http/factory.ts')),
  declare('exporter', ['prometheus'], () => import('./exporters/prometheus/factory.ts')),
  declare('exporter', ['zipkin'], () => import('./exporters/zipkin/factory.ts')),
  declare('extension', ['basicauth'], () => import('./extensions/basicauth/factory.ts')),
  declare(
    'extension',
    ['bearertokenauth'],
    () => import('./extensions/bearertokenauth/factory.ts'),
  ),
  declare('extension', ['file_storage'], () => import('./extensions/file-storage/factory.ts')),
  declare('extension', ['headers_setter'], () => import('./extensions/headers-setter/factory.ts')),
  declare('extension', ['health_check'], () => import('./extensions/health-check/factory.ts')),
  declare('extension', ['pprof'], () => import('./extensions/pprof/factory.ts')),
  declare('extension', ['tenants'], () => import('./extensions/tenants/factory.ts')),
  declare('extension', ['zpages'], () => import('./extensions/zpages/factory.ts')),
]

/** All of them, for those who want to see everything. */
export function loadBuiltins(): Promise<Factory[]> {
  return Promise.all(BUILTINS.map(({ load }) => load()))
}

/** `types` are the id and its aliases, as the factory has them. */
function declare(
  kind: Kind,
  types: readonly string[],
  load: () => Promise<{ readonly factory: Factory }>,
): Declared {
  return { kind, types, load: async () => (await load()).factory }
}
