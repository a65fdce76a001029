/** Configuration of `loadbalancing`. Keys, defaults and checks are upstream's; what is ours is said in the README. */
import { z } from 'zod'
import {
  duration,
  idle,
  optionalSection,
  scalarField,
  section,
  textList,
  wrong,
} from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import {
  breakerFields,
  checkSending,
  optionalRetry,
  optionalSendingQueue,
  type SendingConfig,
  sendingFields,
} from '../sending/config.ts'
import { otlpGrpcFields } from '../sending/otlp-grpc-config.ts'
import { MAX_BACKENDS } from './endpoint.ts'
import { ROUTING_KEYS } from './keys/keys.ts'

const otlp = section({
  endpoint: idle(
    z.string().default('').describe('Accepted for compatibility; the resolver says where to send.'),
  ),
  ...otlpGrpcFields,
})

const staticFields = {
  hostnames: textList().describe('Backends as host or host:port; without a port it is 4317.'),
}

const dnsFields = {
  hostname: z.string().default('').describe('Name whose addresses are the backends.'),
  port: portField().describe('Port of the backends; absent is 4317.'),
  interval: duration('5s', { positive: true }).describe('How often to ask.'),
  timeout: duration('1s', { positive: true }).describe('Longest time for one answer.'),
}

const k8sFields = {
  service: z
    .string()
    .default('')
    .describe('Service as name or name.namespace; the namespace is that of the pod if not said.'),
  ports: z
    .array(z.number().int().min(1).max(65_535))
    .default([])
    .describe('Ports of the backends; each is a backend of its own. None is 4317.'),
  timeout: duration('1m', { positive: true }).describe(
    'Longest time for one list or watch; then it is begun again.',
  ),
  return_hostnames: z
    .boolean()
    .default(false)
    .describe('Uses host names of pods instead of addresses, for a StatefulSet.'),
  only_ready: z
    .boolean()
    .default(false)
    .describe('Leaves out pods that are not ready; ours. Upstream takes all.'),
  api_server: optionalSection({
    endpoint: z.string().describe('URL of the API server.'),
    token_file: z.string().optional().describe('File with a bearer token, read for each request.'),
    ca_file: z.string().optional().describe('File with the certificates to trust.'),
  }).describe('How to reach the API server; ours. Absent is as pods do, by their service account.'),
}

const schema = section({
  protocol: section({
    otlp: otlp.describe('How to send to each backend: keys and defaults of otlp_grpc.'),
  }).describe('The protocol of the backends.'),
  resolver: section({
    static: optionalSection(staticFields).describe('A fixed list of backends.'),
    dns: optionalSection(dnsFields).describe('The addresses of a name.'),
    k8s: optionalSection(k8sFields).describe('The endpoints of a Kubernetes service.'),
    aws_cloud_map: z.unknown().optional().describe('Not available in Millrace.'),
  }).describe('Where the list of backends comes from; exactly one.'),
  routing_key: z
    .enum(['', ...ROUTING_KEYS])
    .default('')
    .describe('What decides about the backend; empty is traceID for traces, service for others.'),
  routing_attributes: textList().describe('With routing_key attributes: their names, in order.'),
  timeout: duration('5s').describe(
    'How long the rest of a request is offered again when some backends have taken their share.',
  ),
  sending_queue: optionalSendingQueue.describe(
    'A queue in front of all backends; there is none if absent. Each backend has its own too.',
  ),
  retry_on_failure: optionalRetry.describe(
    'Whether what a backend gives back is routed and tried again; not if absent.',
  ),
  reroute: section({
    ...breakerFields(
      { consecutive: 5, ratio: 0.5, requests: 20 },
      'Sends what belongs to a failing backend to the next one on the ring.',
    ),
    enabled: z
      .boolean()
      .default(false)
      .describe('Sends what belongs to a failing backend to the next one on the ring.'),
  }).describe('When a backend counts as failing, and when it is tried again; ours.'),
  drain_timeout: duration('30s').describe(
    'A backend that is gone from the list gets so long to take its queue; the rest is routed anew.',
  ),
})

export type LoadBalancingConfig = z.output<typeof schema>
export type DnsConfig = NonNullable<LoadBalancingConfig['resolver']['dns']>
export type K8sConfig = NonNullable<LoadBalancingConfig['resolver']['k8s']>

export const config: ConfigSpec<LoadBalancingConfig> = { schema, check }

/** A number, or the text of one as in upstream's examples; empty when absent. */
function portField(): z.ZodType<string> {
  return scalarField(
    value => {
      const text = String(value ?? '')
      if (text === '' || (/^\d{1,5}$/.test(text) && Number(text) <= 65_535)) return text
      return wrong('is not a port', 'a number up to 65535')
    },
    { type: ['string', 'integer'] },
  ).prefault('' as never) as unknown as z.ZodType<string>
}

const PLAIN: SendingConfig = section(sendingFields()).parse({
  sending_queue: { enabled: false },
  retry_on_failure: { enabled: false },
  circuit_breaker: { enabled: false },
  retry_budget: { enabled: false },
})

/** What stands in front of all backends, as an exporter's. */
export function outerSending({
  sending_queue = PLAIN.sending_queue,
  retry_on_failure,
}: LoadBalancingConfig): SendingConfig {
  const isStored = sending_queue.enabled && sending_queue.storage !== undefined
  // What is on disk is there to be tried again.
  const retry = retry_on_failure ?? {
    ...PLAIN.retry_on_failure,
    enabled: isStored,
  }
  return { ...PLAIN, timeout: 0, sending_queue, retry_on_failure: retry }
}

function check(config: LoadBalancingConfig): ConfigProblem[] {
  const { protocol, sending_queue } = config
  const problems = [...checkResolver(config), ...checkKey(config)]
  for (const { path, ...problem } of checkSending(protocol.otlp)) {
    problems.push({ path: ['protocol', 'otlp', ...path], ...problem })
  }
  if (sending_queue?.enabled || config.retry_on_failure?.enabled) {
    problems.push(...checkSending(outerSending(config)))
  }
  if (protocol.otlp.sending_queue.storage !== undefined) {
    problems.push({
      path: ['protocol', 'otlp', 'sending_queue', 'storage'],
      message: 'cannot be shared by all backends',
      expected: 'storage in the sending_queue of the exporter itself',
    })
  }
  return problems
}

function checkKey({ routing_key, routing_attributes }: LoadBalancingConfig): ConfigProblem[] {
  const byAttributes = routing_key === 'attributes'
  if (byAttributes === routing_attributes.length > 0) return []
  return [
    byAttributes
      ? { path: ['routing_attributes'], message: 'is empty', expected: 'names of attributes' }
      : {
          path: ['routing_attributes'],
          message: `has no effect with routing_key ${routing_key || 'absent'}`,
          expected: 'routing_key: attributes, or no routing_attributes',
        },
  ]
}

function checkResolver({ resolver }: LoadBalancingConfig): ConfigProblem[] {
  const { static: fixed, dns, k8s } = resolver
  const path = ['resolver']
  if (resolver.aws_cloud_map !== undefined) {
    const expected = 'static, dns or k8s'
    return [{ path: [...path, 'aws_cloud_map'], message: 'is not available in Millrace', expected }]
  }
  const count = [fixed, dns, k8s].filter(each => each !== undefined).length
  if (count !== 1) {
    const message = count === 0 ? 'names no resolver' : 'names more than one resolver'
    return [{ path, message, expected: 'one of static, dns and k8s' }]
  }
  const problems: ConfigProblem[] = []
  const fault = (where: readonly string[], message: string, expected: string): void => {
    problems.push({ path: [...path, ...where], message, expected })
  }
  if (fixed !== undefined) checkHostnames(fixed.hostnames, fault)
  if (dns?.hostname === '') fault(['dns', 'hostname'], 'is missing', 'a name to ask for')
  if (k8s !== undefined) checkService(k8s, fault)
  return problems
}

type Fault = (where: readonly string[], message: string, expected: string) => void

function checkHostnames(hostnames: readonly string[], fault: Fault): void {
  const where = ['static', 'hostnames']
  if (hostnames.length === 0) fault(where, 'is empty', 'at least one host or host:port')
  if (hostnames.length > MAX_BACKENDS) fault(where, 'is too long', `at most ${MAX_BACKENDS}`)
  for (const each of hostnames) {
    if (each === '' || /\s/.test(each)) {
      fault(where, `holds ${JSON.stringify(each)}, which is no address`, 'host or host:port')
    }
  }
}

function checkService({ service, api_server }: K8sConfig, fault: Fault): void {
  const [name, namespace, third, fourth] = service.split('.')
  const where = ['k8s', 'service']
  const expected = 'name, name.namespace or name.namespace.svc.cluster-domain'
  if (name === '') fault(where, 'is missing', expected)
  else if (third !== undefined && (namespace === '' || third !== 'svc' || fourth === undefined)) {
    fault(where, 'is not the name of a service', expected)
  }
  if (api_server === undefined) return
  const { endpoint, token_file } = api_server
  const place = ['k8s', 'api_server', 'endpoint']
  if (!/^https?:\/\/./.test(endpoint) || !URL.canParse(endpoint)) {
    fault(place, 'is not a URL', 'https://host:port')
  } else if (token_file !== undefined && !isSafe(new URL(endpoint))) {
    fault(place, 'would show the token to everybody on the way', 'https://, or no token_file')
  }
}

/** Others cannot read what goes there. */
function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}
