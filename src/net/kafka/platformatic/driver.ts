/**
 * `@platformatic/kafka` as a client for producing: its connections, our own encoding and queues. Its consumers hand out single
 * messages of all partitions in one stream, which cannot rest one partition and read it again from a place: receivers use kafkajs.
 */
import { MillraceError } from '../../../errors.ts'
import type { KafkaDriver } from '../client.ts'
import { Cluster } from '../cluster.ts'
import { BatchingProducer } from '../producer.ts'
import { loadPlatformatic } from './library.ts'
import { PlatformaticLink } from './link.ts'

export const driver = createPlatformaticDriver(loadPlatformatic)

export function createPlatformaticDriver(load: typeof loadPlatformatic): KafkaDriver {
  return {
    producer(options) {
      const cluster = new Cluster(options, async () => {
        const library = await load()
        return (host, port) => new PlatformaticLink(library, host, port, options)
      })
      return new BatchingProducer(options, cluster)
    },
    consumer() {
      const message = 'receivers need the driver kafkajs; platformatic is for exporters.'
      throw new MillraceError('MILLRACE_START_FAILED', message)
    },
  }
}
