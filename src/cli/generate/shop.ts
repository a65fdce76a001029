/** The invented system that the generator pretends to watch: services of a web shop, what they do and whom they call. */

export interface Call {
  /** `service/operation` within the shop, or a key of `BACKENDS`. */
  readonly to: string
  /** 1 = always; below, that share of the time; above, so many times. */
  readonly times: number
}

export interface Operation {
  readonly method: 'GET' | 'POST' | 'DELETE' | 'CONSUME'
  readonly route: string
  /** Own time without calls, median in milliseconds. */
  readonly medianMs: number
  /** Share of requests that fail by the operation's own fault. */
  readonly errorRate: number
  readonly calls: readonly Call[]
}

export interface Service {
  readonly name: string
  readonly version: string
  readonly language: 'nodejs' | 'java' | 'go' | 'python'
  readonly scope: string
  readonly instances: number
  readonly operations: Readonly<Record<string, Operation>>
}

export interface Backend {
  readonly name: string
  readonly attributes: Readonly<Record<string, string | number>>
  readonly medianMs: number
  readonly errorRate: number
}

/** What services call that sends no telemetry itself. */
export const BACKENDS: Readonly<Record<string, Backend>> = {
  'db-read': {
    name: 'SELECT products',
    attributes: {
      'db.system.name': 'postgresql',
      'db.namespace': 'shop',
      'db.query.text': 'SELECT id, name, price FROM products WHERE category = $1 LIMIT $2',
      'server.address': 'postgres-0.db.svc',
      'server.port': 5432,
    },
    medianMs: 2.2,
    errorRate: 0.001,
  },
  'db-write': {
    name: 'INSERT orders',
    attributes: {
      'db.system.name': 'postgresql',
      'db.namespace': 'shop',
      'db.query.text': 'INSERT INTO orders (id, customer, total) VALUES ($1, $2, $3)',
      'server.address': 'postgres-0.db.svc',
      'server.port': 5432,
    },
    medianMs: 4.5,
    errorRate: 0.003,
  },
  cache: {
    name: 'GET',
    attributes: {
      'db.system.name': 'redis',
      'db.operation.name': 'GET',
      'server.address': 'redis.cache.svc',
      'server.port': 6379,
    },
    medianMs: 0.4,
    errorRate: 0.0005,
  },
  bank: {
    name: 'POST',
    attributes: {
      'http.request.method': 'POST',
      'url.full': 'https://api.bank.example/v2/charges',
      'server.address': 'api.bank.example',
      'server.port': 443,
    },
    medianMs: 85,
    errorRate: 0.02,
  },
}

function operation(
  method: Operation['method'],
  route: string,
  medianMs: number,
  errorRate: number,
  calls: Readonly<Record<string, number>>,
): Operation {
  const list = Object.entries(calls).map(([to, times]) => ({ to, times }))
  return { method, route, medianMs, errorRate, calls: list }
}

export const SERVICES: readonly Service[] = [
  {
    name: 'storefront',
    version: '4.12.0',
    language: 'nodejs',
    scope: '@opentelemetry/instrumentation-http',
    instances: 3,
    operations: {
      home: operation('GET', '/', 3, 0.001, { 'catalog/list': 1, 'cart/get': 0.6 }),
      product: operation('GET', '/products/:id', 2.5, 0.002, { 'catalog/get': 1, cache: 1 }),
      checkout: operation('POST', '/checkout', 6, 0.004, { 'cart/get': 1, 'orders/place': 1 }),
    },
  },
  {
    name: 'catalog',
    version: '2.3.1',
    language: 'go',
    scope: 'go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp',
    instances: 2,
    operations: {
      list: operation('GET', '/api/products', 1.2, 0.001, { cache: 1, 'db-read': 0.3 }),
      get: operation('GET', '/api/products/:id', 0.8, 0.001, { cache: 1, 'db-read': 0.2 }),
    },
  },
  {
    name: 'cart',
    version: '1.9.4',
    language: 'python',
    scope: 'opentelemetry.instrumentation.fastapi',
    instances: 2,
    operations: {
      get: operation('GET', '/carts/{customer}', 2, 0.002, { cache: 2 }),
    },
  },
  {
    name: 'orders',
    version: '3.0.0-rc.2',
    language: 'java',
    scope: 'io.opentelemetry.spring-webmvc-6.0',
    instances: 2,
    operations: {
      place: operation('POST', '/orders', 5, 0.005, {
        'db-write': 2,
        'payment/charge': 1,
        'shipping/schedule': 1,
      }),
    },
  },
  {
    name: 'payment',
    version: '1.4.7',
    language: 'java',
    scope: 'io.opentelemetry.spring-webmvc-6.0',
    instances: 2,
    operations: {
      charge: operation('POST', '/charges', 3, 0.01, { bank: 1, 'db-write': 1 }),
    },
  },
  {
    name: 'shipping',
    version: '0.8.2',
    language: 'go',
    scope: 'go.opentelemetry.io/contrib/instrumentation/github.com/segmentio/kafka-go',
    instances: 1,
    operations: {
      schedule: operation('CONSUME', 'shipments', 8, 0.003, { 'db-write': 1 }),
    },
  },
]

/** Where requests of people begin, and how often compared with each other. */
export const ENTRIES: readonly { readonly to: string; readonly weight: number }[] = [
  { to: 'storefront/home', weight: 5 },
  { to: 'storefront/product', weight: 8 },
  { to: 'storefront/checkout', weight: 2 },
]

export const REGIONS: readonly string[] = ['eu-central-1', 'us-east-1', 'ap-southeast-2']
