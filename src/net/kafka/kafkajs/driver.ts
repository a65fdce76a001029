/** kafkajs as a client: its connections and its consumer groups, our own encoding and queues for producing. */
import type { KafkaDriver } from '../client.ts'
import { Cluster } from '../cluster.ts'
import { BatchingProducer } from '../producer.ts'
import { KafkajsConsumer } from './consumer.ts'
import { loadKafkajs } from './internals.ts'
import { KafkajsLink } from './link.ts'

export const driver: KafkaDriver = {
  producer(options) {
    const cluster = new Cluster(options, async () => {
      loadKafkajs()
      return (host, port) => new KafkajsLink(host, port, options)
    })
    return new BatchingProducer(options, cluster)
  },
  consumer: options => new KafkajsConsumer(options),
}
