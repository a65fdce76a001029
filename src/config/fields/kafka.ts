/** What the Kafka exporter and the Kafka receiver share in their configuration: how to reach a cluster. Keys are upstream's. */
import { z } from 'zod'
import type { ConfigProblem } from '../../core/factory.ts'
import {
  duration,
  extensionReference,
  idle,
  integer,
  optionalSection,
  secret,
  section,
} from './basic.ts'
import { tlsClient } from './transport.ts'

const SASL_MECHANISMS = [
  'PLAIN',
  'SCRAM-SHA-256',
  'SCRAM-SHA-512',
  'OAUTHBEARER',
  'AWS_MSK_IAM_OAUTHBEARER',
] as const

const sasl = optionalSection({
  username: z.string().default('').describe('User of PLAIN and SCRAM.'),
  password: secret().optional().describe('Password of PLAIN and SCRAM.'),
  mechanism: z.enum(SASL_MECHANISMS).describe('How to show who we are.'),
  version: idle(
    integer(0, { max: 1 }).describe('Accepted for compatibility; the handshake is negotiated.'),
  ),
  oauthbearer_token_source: extensionReference()
    .optional()
    .describe('Extension that has the token for OAUTHBEARER, such as bearertokenauth.'),
  aws_msk: optionalSection({
    region: z.string().default('').describe('Region of the cluster.'),
  }).describe('For AWS_MSK_IAM_OAUTHBEARER, which is not supported.'),
})

const auth = section({
  sasl: sasl.describe('SASL authentication.'),
  plain_text: optionalSection({
    username: z.string().describe('User.'),
    password: secret().describe('Password.'),
  }).describe("Upstream's older name of sasl with the mechanism PLAIN."),
  tls: tlsClient.describe("Upstream's older place of tls."),
  kerberos: z.unknown().optional().describe('Kerberos, which is not supported.'),
})

/** The keys that are the same for producers and consumers. */
export const kafkaClientFields = {
  brokers: z
    .array(z.string())
    .default(['localhost:9092'])
    .describe('host:port of brokers to begin with; the others are learned from them.'),
  client_id: z.string().default('otel-collector').describe('Name shown to the brokers.'),
  driver: z
    .enum(['kafkajs', 'platformatic'])
    .default('kafkajs')
    .describe('Client library; platformatic needs the package @platformatic/kafka.'),
  protocol_version: idle(
    z
      .string()
      .default('')
      .describe('Accepted for compatibility; versions are negotiated with each broker.'),
  ),
  resolve_canonical_bootstrap_servers_only: idle(
    z.boolean().default(false).describe('Accepted for compatibility; names are used as given.'),
  ),
  rack_id: z.string().default('').describe('Rack of this client, for reading from near replicas.'),
  use_leader_epoch: idle(
    z.boolean().default(true).describe('Accepted for compatibility; epochs are not sent.'),
  ),
  conn_idle_timeout: duration('9m', { positive: true }).describe(
    'Closes connections that were not used for so long.',
  ),
  tls: tlsClient.describe('TLS towards the brokers; absent is without.'),
  auth: auth.describe('How to show who we are.'),
  metadata: section({
    full: idle(
      z
        .boolean()
        .default(true)
        .describe('Accepted for compatibility; only topics in use are asked for.'),
    ),
    refresh_interval: duration('10m', { positive: true }).describe(
      'Age at which the lists of brokers and leaders are read again.',
    ),
    retry: section({
      max: integer(3).describe('Further attempts while a partition has no leader.'),
      backoff: duration('250ms', { positive: true }).describe('Pause between them.'),
    }).describe('What to do while a leader is being elected.'),
  }).describe('How the state of the cluster is learned.'),
} as const

export type KafkaClientConfig = Readonly<z.output<z.ZodObject<typeof kafkaClientFields>>>

/** The rules between keys; for the `check` of a component's configuration. */
export function checkKafkaClient(config: KafkaClientConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const fault = (path: readonly string[], message: string, expected: string): void => {
    problems.push({ path, message, expected })
  }
  if (config.brokers.length === 0) fault(['brokers'], 'is empty', 'at least one host:port')
  for (const broker of config.brokers) {
    const port = Number(BROKER.exec(broker)?.[2] ?? 0)
    if (port > 0 && port <= 65_535) continue
    fault(['brokers'], `has ${JSON.stringify(broker)}, which is no address`, 'host:port')
  }
  const { auth } = config
  if (auth.kerberos !== undefined) {
    fault(['auth', 'kerberos'], 'is not supported', 'sasl with PLAIN, SCRAM or OAUTHBEARER')
  }
  if (auth.sasl !== undefined && auth.plain_text !== undefined) {
    fault(['auth', 'plain_text'], 'does not go together with sasl', 'one of them')
  }
  if (auth.sasl !== undefined) checkSasl(auth.sasl, fault)
  return problems
}

const BROKER = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]/]+):(\d{1,5})$/

function checkSasl(
  sasl: NonNullable<KafkaClientConfig['auth']['sasl']>,
  fault: (path: readonly string[], message: string, expected: string) => void,
): void {
  const path = ['auth', 'sasl']
  if (sasl.mechanism === 'AWS_MSK_IAM_OAUTHBEARER') {
    fault([...path, 'mechanism'], 'is not supported', 'PLAIN, SCRAM-SHA-256/512 or OAUTHBEARER')
  } else if (sasl.mechanism === 'OAUTHBEARER') {
    if (sasl.oauthbearer_token_source !== undefined) return
    fault([...path, 'oauthbearer_token_source'], 'is missing', 'an extension that has the token')
  } else {
    if (sasl.username === '') fault([...path, 'username'], 'is missing', 'a user name')
    if (sasl.password === undefined || sasl.password.reveal() === '') {
      fault([...path, 'password'], 'is missing', 'a password')
    }
  }
}
