/** A registry of invented components that do nothing, so that configuration is tested apart from what it configures. */
import { z } from 'zod'
import {
  authField,
  compressionField,
  duration,
  extensionReference,
  grpcEndpoint,
  headersMap,
  integer,
  keepaliveServer,
  listenEndpoint,
  optionalSection,
  section,
  tlsClient,
  tlsServer,
} from '../../src/config/fields.ts'
import {
  type ConfigProblem,
  defineFactory,
  type Factory,
  type Kind,
} from '../../src/core/factory.ts'
import { Registry } from '../../src/core/registry.ts'
import { SIGNALS, type Signal } from '../../src/core/signal.ts'

interface Invented {
  readonly kind: Kind
  readonly id: string
  readonly schema: z.ZodType
  readonly signals?: readonly Signal[]
  readonly aliases?: readonly string[]
  readonly connects?: readonly { from: Signal; to: Signal }[]
  readonly check?: (config: never) => readonly ConfigProblem[]
}

export function inventFactory(invented: Invented): Factory {
  const { kind, id, schema, signals = SIGNALS, aliases, connects, check } = invented
  return defineFactory({
    kind,
    meta: {
      id,
      aliases,
      connects,
      summary: `Invented ${kind}.`,
      stability: Object.fromEntries(signals.map(signal => [signal, 'stable'])),
      mutates: false,
      metrics: [],
    },
    config: { schema, check: check as (config: unknown) => readonly ConfigProblem[] },
    create: () => {
      throw new Error('never created')
    },
  })
}

const receiver = section({
  protocols: section({
    grpc: optionalSection({
      endpoint: listenEndpoint('localhost:4317').describe('Address.'),
      max_recv_msg_size_mib: integer(64).describe('Largest message.'),
      tls: tlsServer.describe('TLS.'),
      keepalive: keepaliveServer.describe('Keepalive.'),
      include_metadata: z.boolean().default(false).describe('Keeps headers.'),
      auth: authField.describe('Who may send.'),
    }).describe('gRPC.'),
    http: optionalSection({
      endpoint: listenEndpoint('localhost:4318').describe('Address.'),
    }).describe('HTTP.'),
  }).describe('Protocols.'),
})

const exporter = section({
  endpoint: grpcEndpoint().describe('Where to send.'),
  timeout: duration('5s').describe('Longest time for one attempt.'),
  compression: compressionField().describe('Compression.'),
  headers: headersMap.describe('Headers.'),
  tls: tlsClient.describe('TLS.'),
  note: z.string().optional().describe('Any text.'),
  sending_queue: section({
    queue_size: integer(1000, { min: 1 }).describe('Bound.'),
    storage: extensionReference().optional().describe('Storage.'),
  }).describe('Queue.'),
})

const batch = section({
  timeout: duration('200ms').describe('Longest wait.'),
  send_batch_size: integer(8192).describe('Size that sends.'),
  send_batch_max_size: integer(0).describe('Largest size.'),
})

export function smallRegistry(more: readonly Factory[] = []): Registry {
  const all = SIGNALS.map(signal => ({ from: signal, to: signal }))
  return new Registry([
    ...more,
    inventFactory({ kind: 'receiver', id: 'otlp', schema: receiver }),
    inventFactory({ kind: 'processor', id: 'batch', schema: batch, check: checkBatch }),
    inventFactory({
      kind: 'processor',
      id: 'spans_only',
      schema: section({}),
      signals: ['traces'],
    }),
    inventFactory({ kind: 'connector', id: 'forward', schema: section({}), connects: all }),
    inventFactory({
      kind: 'connector',
      id: 'count',
      schema: section({}),
      connects: [{ from: 'traces', to: 'metrics' }],
    }),
    inventFactory({ kind: 'exporter', id: 'otlp_grpc', schema: exporter, aliases: ['otlp'] }),
    inventFactory({ kind: 'exporter', id: 'nop', schema: section({}) }),
    inventFactory({
      kind: 'extension',
      id: 'health_check',
      schema: section({ endpoint: listenEndpoint('localhost:13133').describe('Address.') }),
      signals: [],
    }),
  ])
}

function checkBatch(config: z.output<typeof batch>): readonly ConfigProblem[] {
  const { send_batch_size: size, send_batch_max_size: max } = config
  if (max === 0 || max >= size) return []
  const expected = `0, or at least ${size}`
  return [{ path: ['send_batch_max_size'], message: 'is less than send_batch_size', expected }]
}

/** A configuration that is right, one line a key where it matters. */
export const GOOD = `receivers:
  otlp:
    protocols:
      grpc:
processors:
  batch:
exporters:
  otlp:
    endpoint: backend:4317
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch]
      exporters: [otlp]
`
