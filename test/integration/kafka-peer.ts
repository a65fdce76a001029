/**
 * Real Kafka brokers in KRaft mode, from Maven Central: one or several, in the clear, with SASL and with TLS, that can be killed and
 * started again with what they had on disk. `message.max.bytes` keeps its default of 1 MiB.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { freePorts } from '../harness/ports.ts'
import { fetched, needJava, run } from './peer-cache.ts'
import { PeerProcess, type Scope, temporaryFolder } from './peer-process.ts'

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>peers</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.1.1</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
`
const JAVA = ['-Xmx512m', '-XX:+UseSerialGC', '-Xshare:auto']
const FORMAT_MS = 120_000
const LISTENERS = ['PLAINTEXT', 'SASL', 'SSL', 'SASLSSL'] as const
/** Of each broker: the listeners, and one among themselves. */
const PORTS = LISTENERS.length + 1
const USER_ID_BYTES = 16

/** Whom the listeners with SASL know, for PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512; OAUTHBEARER takes unsigned tokens. */
export const KAFKA_USER = { username: 'alice', password: 'alice-secret' } as const

/** Folder of its jars; downloads them when they are not there. */
export function kafkaJars(): string {
  needJava('kafka')
  return fetched({
    peer: 'kafka',
    path: join('kafka', 'lib'),
    needs: 'mvn with Maven Central, and java 17',
    make: target => {
      const pom = `${target}.xml`
      writeFileSync(pom, POM)
      const options = [`-DoutputDirectory=${target}`, '-f', pom]
      run('mvn', ['-q', '-B', 'dependency:copy-dependencies', ...options])
      if (!readdirSync(target).some(name => name.startsWith('kafka-clients'))) {
        throw new Error('maven left no jars')
      }
    },
  })
}

export interface KafkaOptions {
  /** The first is the controller too, and must live. */
  readonly brokers?: number
  /** Listeners with SASL, and with TLS by a certificate for localhost (needs openssl). */
  readonly sasl?: boolean
  readonly tls?: boolean
  /** More lines of server.properties, the same for all brokers. */
  readonly properties?: Readonly<Record<string, string>>
}

export class KafkaPeer {
  readonly #nodes: readonly Node[]
  readonly #folder: string
  /** A certificate (PEM) that clients of the listeners with TLS must trust; a file that is there with `tls` alone. */
  readonly caFile: string

  private constructor(nodes: readonly Node[], folder: string) {
    this.#nodes = nodes
    this.#folder = folder
    this.caFile = join(folder, 'ca.pem')
  }

  static async start(t: Scope, options: KafkaOptions = {}): Promise<KafkaPeer> {
    const folder = temporaryFolder(t)
    const { brokers = 1, tls = false } = options
    const ports = await freePorts(brokers * PORTS)
    if (tls) makeCertificate(folder)
    const nodes = Array.from({ length: brokers }, (_, i) => {
      const own = ports.slice(i * PORTS, (i + 1) * PORTS)
      return new Node({ id: i + 1, ports: own, controller: ports[PORTS - 1], folder, options })
    })
    const kafka = new KafkaPeer(nodes, folder)
    t.after(() => kafka.stop())
    const cluster = randomBytes(USER_ID_BYTES).toString('base64url')
    for (const node of nodes) node.format(cluster)
    await Promise.all(nodes.map(node => node.process.start()))
    return kafka
  }

  /** Addresses of the listeners in the clear. */
  get brokers(): string[] {
    return this.#addresses('PLAINTEXT')
  }

  get saslBrokers(): string[] {
    return this.#addresses('SASL')
  }

  get tlsBrokers(): string[] {
    return this.#addresses('SSL')
  }

  get saslTlsBrokers(): string[] {
    return this.#addresses('SASLSSL')
  }

  /** A client of its own, of the library that the product uses; for making topics and looking at them. */
  client(): Kafka {
    return new Kafka({ brokers: this.brokers, logLevel: logLevel.NOTHING })
  }

  createTopic(
    topic: string,
    partitions = 1,
    config: Readonly<Record<string, string>> = {},
    replicas = 1,
  ): Promise<void> {
    return this.createTopics([topic], partitions, config, replicas)
  }

  async createTopics(
    topics: readonly string[],
    numPartitions = 1,
    config: Readonly<Record<string, string>> = {},
    replicationFactor = 1,
  ): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    const wanted = topics.map(topic => ({ topic, numPartitions, replicationFactor, configEntries }))
    const admin = this.client().admin()
    await admin.connect()
    try {
      await admin.createTopics({ waitForLeaders: true, topics: wanted })
    } finally {
      await admin.disconnect()
    }
  }

  /** Records of a topic, whoever has read them: the distances of the ends of its partitions. */
  async records(topic: string): Promise<number> {
    const admin = this.client().admin()
    await admin.connect()
    try {
      const offsets = await admin.fetchTopicOffsets(topic)
      return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
    } finally {
      await admin.disconnect()
    }
  }

  /** What a group has committed of a topic, by partition; -1 where it has nothing. */
  async committed(groupId: string, topic: string): Promise<Map<number, number>> {
    const admin = this.client().admin()
    await admin.connect()
    try {
      const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] })
      return new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]))
    } finally {
      await admin.disconnect()
    }
  }

  /** Where a broker keeps the beginning of a partition on its disk. */
  logFile(topic: string, partition = 0, broker = 0): string {
    const folder = join(this.#folder, `data-${broker + 1}`, `${topic}-${partition}`)
    return join(folder, '00000000000000000000.log')
  }

  /** SIGKILL to one broker, counted from 0; its data stays. */
  kill(broker = 0): Promise<void> {
    return this.#nodes[broker].process.kill()
  }

  /** Starts a broker again that was killed or stopped, on its ports with its data. */
  restart(broker = 0): Promise<void> {
    return this.#nodes[broker].process.start()
  }

  /** SIGTERM to one broker, which hands its partitions over. */
  async stopBroker(broker: number): Promise<void> {
    await this.#nodes[broker].process.stop()
  }

  /** Of the first broker, for a bench. */
  get pid(): number | undefined {
    return this.#nodes[0].process.pid
  }

  /** Ends all of them. */
  async stop(): Promise<void> {
    // Nobody is left to hand anything over to, which a graceful stop would wait for.
    await Promise.all(this.#nodes.map(({ process }) => process.kill()))
  }

  #addresses(listener: (typeof LISTENERS)[number]): string[] {
    return this.#nodes.map(node => `127.0.0.1:${node.ports[LISTENERS.indexOf(listener)]}`)
  }
}

interface NodeOptions {
  readonly id: number
  readonly ports: readonly number[]
  readonly controller: number
  readonly folder: string
  readonly options: KafkaOptions
}

class Node {
  readonly ports: readonly number[]
  readonly process: PeerProcess
  readonly #file: string
  readonly #isController: boolean
  readonly #hasSasl: boolean

  constructor(node: NodeOptions) {
    const { id, folder, ports, options } = node
    this.ports = ports
    this.#isController = id === 1
    this.#hasSasl = options.sasl ?? false
    this.#file = join(folder, `server-${id}.properties`)
    const lines = Object.entries({ ...propertiesOf(node), ...options.properties })
    writeFileSync(this.#file, lines.map(([key, value]) => `${key}=${value}\n`).join(''))
    this.process = new PeerProcess({
      command: 'java',
      args: [...JAVA, '-cp', classPath(), 'kafka.Kafka', this.#file],
      isReady: output => output.includes('Kafka Server started'),
    })
  }

  format(cluster: string): void {
    const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap(mechanism => [
      '--add-scram',
      `${mechanism}=[name=${KAFKA_USER.username},password=${KAFKA_USER.password}]`,
    ])
    const kind = this.#isController ? ['--standalone'] : ['--no-initial-controllers']
    const more = this.#isController && this.#hasSasl ? users : []
    const command = ['format', ...kind, `--cluster-id=${cluster}`, '-c', this.#file, ...more]
    const java = [...JAVA, '-XX:TieredStopAtLevel=1', '-cp', classPath(), 'kafka.tools.StorageTool']
    execFileSync('java', [...java, ...command], { stdio: 'pipe', timeout: FORMAT_MS })
  }
}

function classPath(): string {
  return join(kafkaJars(), '*')
}

function propertiesOf({ id, ports, controller, folder, options }: NodeOptions): object {
  const { brokers = 1, sasl = false, tls = false } = options
  const replicas = String(Math.min(brokers, 3))
  const shown = LISTENERS.filter(
    name => (sasl || !name.startsWith('SASL')) && (tls || !name.endsWith('SSL')),
  )
  const at = shown.map(name => `${name}://127.0.0.1:${ports[LISTENERS.indexOf(name)]}`)
  const isController = id === 1
  return {
    'process.roles': isController ? 'broker,controller' : 'broker',
    'node.id': id,
    listeners: [...at, ...(isController ? [`CONTROLLER://127.0.0.1:${controller}`] : [])].join(','),
    'advertised.listeners': at.join(','),
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controller}`,
    'listener.security.protocol.map':
      'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,SSL:SSL,SASLSSL:SASL_SSL',
    'log.dirs': join(folder, `data-${id}`),
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.num.partitions': '4',
    'transaction.state.log.min.isr': '1',
    // Three seconds are waited for more members by default, at each first join.
    'group.initial.rebalance.delay.ms': '0',
    // A broker that was killed is known to be gone after this.
    'broker.session.timeout.ms': '6000',
    ...(sasl ? saslProperties(shown) : {}),
    ...(tls ? tlsProperties(folder) : {}),
  }
}

function saslProperties(listeners: readonly string[]): object {
  const common = 'org.apache.kafka.common.security'
  const { username, password } = KAFKA_USER
  const modules = {
    plain: `${common}.plain.PlainLoginModule required user_${username}="${password}";`,
    'scram-sha-256': `${common}.scram.ScramLoginModule required;`,
    'scram-sha-512': `${common}.scram.ScramLoginModule required;`,
    oauthbearer: `${common}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="admin";`,
  }
  const own = listeners
    .filter(name => name.startsWith('SASL'))
    .flatMap(name =>
      Object.entries(modules).map(([mechanism, module]) => [
        `listener.name.${name.toLowerCase()}.${mechanism}.sasl.jaas.config`,
        module,
      ]),
    )
  return {
    'sasl.enabled.mechanisms': Object.keys(modules)
      .map(name => name.toUpperCase())
      .join(','),
    ...Object.fromEntries(own),
  }
}

function tlsProperties(folder: string): object {
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': join(folder, 'server.pem'),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': join(folder, 'ca.pem'),
    'ssl.client.auth': 'requested',
  }
}

/** One certificate for localhost that is its own authority: `ca.pem`, with its key in `key.pem`, both in `server.pem`. */
function makeCertificate(folder: string): void {
  if (existsSync(join(folder, 'ca.pem'))) return
  mkdirSync(folder, { recursive: true })
  const args = [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-days', '2', '-subj', '/CN=localhost', '-keyout', 'key.pem', '-out', 'ca.pem'],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
  ]
  run('openssl', args, { cwd: folder })
  const both = ['key.pem', 'ca.pem'].map(name => readFileSync(join(folder, name), 'utf8'))
  writeFileSync(join(folder, 'server.pem'), both.join(''))
}

export function startKafka(t: Scope, options: KafkaOptions = {}): Promise<KafkaPeer> {
  return KafkaPeer.start(t, options)
}
