/** The rules between the keys of `endpoints` and `balancing`, which a schema cannot express. */
import type { ConfigProblem } from '../../../core/factory.ts'
import type { SendingConfig } from '../config.ts'
import type { BalancingConfig, EndpointsConfig } from './config.ts'
import type { EndpointKind } from './place.ts'

/** The rules between keys. `single` are the keys that name one destination each; the first is said to be missing. */
export function checkEndpoints<K extends string>(
  config: EndpointsConfig &
    Pick<SendingConfig, 'sending_queue'> & { readonly [key in K]?: unknown },
  kind: EndpointKind,
  single: readonly K[],
): ConfigProblem[] {
  const { endpoints, balancing } = config
  const set = single.filter(key => config[key] !== undefined)
  if (endpoints === undefined) {
    const problems: ConfigProblem[] = []
    if (set.length === 0) problems.push(missing(single))
    if (balancing !== undefined) {
      const message = 'has no effect without endpoints'
      problems.push({ path: ['balancing'], message, expected: 'endpoints' })
    }
    return problems
  }
  const problems: ConfigProblem[] = set.map(key => ({
    path: [key],
    message: 'does not go together with endpoints',
    expected: 'one of them',
  }))
  const seen = new Set<string>()
  endpoints.forEach(({ endpoint }, i) => {
    if (seen.has(endpoint)) problems.push({ path: ['endpoints', i], message: 'is listed twice' })
    seen.add(endpoint)
  })
  const { strategy = 'round_robin' } = balancing ?? {}
  endpoints.forEach(({ weight }, i) => {
    if (weight === 1 || strategy !== 'round_robin') return
    const message = 'has no effect with the strategy round_robin'
    problems.push({ path: ['endpoints', i, 'weight'], message, expected: 'strategy: weighted' })
  })
  if (balancing === undefined) return problems
  return [
    ...problems,
    ...checkBalancing(balancing, kind),
    ...checkKey(balancing, config.sending_queue),
  ]
}

function missing(keys: readonly string[]): ConfigProblem {
  const one = keys.length === 1
  const message = one ? 'is missing' : 'is missing; at least one endpoint must be specified'
  const expected = `${one ? keys[0] : keys.join(', ')} or endpoints`
  return { path: [keys[0]], message, expected }
}

function checkBalancing(balancing: BalancingConfig, kind: EndpointKind): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const fault = (path: string[], message: string, expected: string): void => {
    problems.push({ path: ['balancing', ...path], message, expected })
  }
  const { circuit_breaker: breaker, outlier_ejection: ejection } = balancing
  if (breaker.enabled && breaker.max_open_interval < breaker.open_interval) {
    const path = ['circuit_breaker', 'max_open_interval']
    fault(path, 'is less than open_interval', `at least ${breaker.open_interval}ms`)
  }
  if (ejection !== undefined && ejection.max_ejection_time < ejection.base_ejection_time) {
    const path = ['outlier_ejection', 'max_ejection_time']
    fault(path, 'is less than base_ejection_time', `at least ${ejection.base_ejection_time}ms`)
  }
  const { adaptive_concurrency: concurrency, health_check: check } = balancing
  if (concurrency !== undefined) {
    const { min, max, initial } = concurrency
    const path = ['adaptive_concurrency', max < min ? 'max' : 'initial']
    if (max < min) fault(path, 'is less than min', `at least ${min}`)
    else if (initial < min || initial > max)
      fault(path, 'is not between min and max', `${min} to ${max}`)
  }
  if (check?.protocol === 'grpc' && kind === 'http' && check.port === 0) {
    fault(
      ['health_check', 'protocol'],
      'is not what an HTTP endpoint speaks',
      'http or tcp, or a port',
    )
  }
  return problems
}

/** What requests are told apart by must still be known when they are sent. */
function checkKey(
  balancing: BalancingConfig,
  queue: SendingConfig['sending_queue'],
): ConfigProblem[] {
  const { strategy, hash_on, hash_metadata_key: key } = balancing
  const isHash = strategy === 'consistent_hash'
  if (isHash && hash_on === 'metadata' && key === '') {
    return [
      {
        path: ['balancing', 'hash_metadata_key'],
        message: 'is missing',
        expected: 'a metadata key',
      },
    ]
  }
  if (!isHash && (hash_on !== 'tenant' || key !== '')) {
    const path = ['balancing', hash_on === 'tenant' ? 'hash_metadata_key' : 'hash_on']
    return [
      {
        path,
        message: `has no effect with the strategy ${strategy}`,
        expected: 'strategy: consistent_hash',
      },
    ]
  }
  const { batch } = queue
  if (!queue.enabled || batch === undefined) return []
  if (strategy === 'ip_hash' || (isHash && hash_on === 'peer')) {
    const message =
      'does not go together with sending_queue.batch, which joins requests of many peers'
    return [
      { path: ['balancing', isHash ? 'hash_on' : 'strategy'], message, expected: 'another key' },
    ]
  }
  const keys = batch.partition.metadata_keys.map(name => name.toLowerCase())
  if (!isHash || hash_on !== 'metadata' || keys.includes(key.toLowerCase())) return []
  const message =
    'is not in sending_queue.batch.partition.metadata_keys, so requests with other values are joined'
  return [{ path: ['balancing', 'hash_metadata_key'], message, expected: keys.join(', ') || key }]
}
