/** How kafkajs is set up for a consumer: what the options of the receiver are called there, and what is switched off in it. */
import type * as Kafkajs from 'kafkajs'
import type { KafkaConsumerOptions } from '../client.ts'
import { splitAddress } from '../cluster.ts'
import { loadKafkajs } from './internals.ts'
import { saslOptions, socketFactory } from './link.ts'
import { selectTopics } from './messages.ts'

/** A member that works on its partitions may hold up a rebalance for so long. */
const REBALANCE_TIMEOUT_MS = 60_000
const RETRY = { retries: 3, initialRetryTime: 250, maxRetryTime: 2_000 }

export function createClient(options: KafkaConsumerOptions): Kafkajs.Kafka {
  const { kafkajs } = loadKafkajs()
  const { clientId, connectTimeoutMs, requestTimeoutMs, sasl, tls, log } = options
  const open = socketFactory(tls)
  // kafkajs cuts addresses at the first colon, so v6 ones go by another name.
  const aliases = new Map<string, string>()
  const brokers = options.brokers.map((address, i) => {
    const [host, port] = splitAddress(address)
    if (!host.includes(':')) return address
    aliases.set(`seed-${i}`, host)
    return `seed-${i}:${port}`
  })
  return new kafkajs.Kafka({
    ...{ brokers, clientId, requestTimeout: requestTimeoutMs },
    connectionTimeout: connectTimeoutMs,
    ...(sasl !== null && { sasl: saslOptions(sasl) as Kafkajs.SASLOptions }),
    ssl: tls !== null,
    socketFactory: place => open({ ...place, host: aliases.get(place.host) ?? place.host }),
    retry: { ...RETRY, restartOnFailure: async () => false },
    logCreator: () => entry => {
      if (entry.level <= kafkajs.logLevel.WARN) log.debug('kafkajs', { ...entry.log })
    },
  })
}

export function createConsumer(
  kafka: Kafkajs.Kafka,
  options: KafkaConsumerOptions,
  partitionAssigners: Kafkajs.PartitionAssigner[],
): Kafkajs.Consumer {
  return kafka.consumer({
    groupId: options.groupId,
    partitionAssigners,
    sessionTimeout: options.sessionTimeoutMs,
    heartbeatInterval: options.heartbeatIntervalMs,
    rebalanceTimeout: REBALANCE_TIMEOUT_MS,
    metadataMaxAge: options.metadataMaxAgeMs,
    minBytes: options.minFetchBytes,
    maxBytes: options.maxFetchBytes,
    maxBytesPerPartition: options.maxPartitionFetchBytes,
    // It says between two fetches only that it lives: a longer wait would cost it its place in the group.
    maxWaitTimeInMs: Math.min(options.maxFetchWaitMs, options.heartbeatIntervalMs),
    allowAutoTopicCreation: false,
    rackId: options.rackId,
    retry: { ...RETRY, restartOnFailure: async () => false },
  })
}

/** Those that exist and are wanted. */
export async function findTopics(
  kafka: Kafkajs.Kafka,
  options: KafkaConsumerOptions,
): Promise<readonly string[]> {
  const admin = kafka.admin()
  try {
    await admin.connect()
    return selectTopics(await admin.listTopics(), options)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
