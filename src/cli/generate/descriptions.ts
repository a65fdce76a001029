/** What spans of the invented shop say about themselves: name, kind and attributes, by the semantic conventions. */
import type { Random } from './random.ts'
import { type Backend, type Operation, SERVICES } from './shop.ts'

export type Attributes = Record<string, string | number | boolean | string[]>

/** Span kinds in the API's numbering, one below the protocol's. */
const SERVER = 1
export const CLIENT = 2
const PRODUCER = 3
export const CONSUMER = 4
export interface Described {
  readonly name: string
  readonly kind: number
  readonly attributes: Attributes
}

export function describeServed(random: Random, operation: Operation, failed: boolean): Described {
  const { method, route } = operation
  if (method === 'CONSUME') {
    const attributes = {
      'messaging.system': 'kafka',
      'messaging.destination.name': route,
      'messaging.operation.type': 'process',
      'messaging.kafka.offset': random.below(1_000_000),
    }
    return { name: `process ${route}`, kind: CONSUMER, attributes }
  }
  const attributes = {
    'http.request.method': method,
    'http.route': route,
    'url.path': route.replace(/[:{]\w+}?/, String(random.below(5000))),
    'url.scheme': 'https',
    'http.response.status_code': failed ? random.pick([500, 502, 503]) : 200,
    'client.address': `10.${random.below(255)}.${random.below(255)}.${random.below(255)}`,
    'user_agent.original': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
    'network.protocol.version': '1.1',
    'enduser.plan': random.pick(['free', 'plus', 'business']),
  }
  return { name: `${method} ${route}`, kind: SERVER, attributes }
}

export function describeBackend({ name, attributes }: Backend): Described {
  return { name, kind: CLIENT, attributes: { ...attributes } }
}

export function describeCall(to: string): Described {
  const [service, name] = to.split('/')
  const { method, route } = SERVICES.find(each => each.name === service)!.operations[name]
  if (method === 'CONSUME') {
    const attributes = { 'messaging.system': 'kafka', 'messaging.destination.name': route }
    return { name: `send ${route}`, kind: PRODUCER, attributes }
  }
  const attributes = {
    'http.request.method': method,
    'url.full': `http://${service}.shop.svc:8080${route}`,
    'server.address': `${service}.shop.svc`,
    'server.port': 8080,
  }
  return { name: method, kind: CLIENT, attributes }
}
