/** Which partition a record goes to. The hashes are those of other clients, so that equal keys meet in one partition. */
import type { OutgoingRecord, Partitioner } from './client.ts'

export type PartitionerName = 'sarama_compat' | 'murmur2' | 'round_robin' | 'least_backup'

/** Topics of which the chosen partition is remembered; of others it is chosen anew. */
const MAX_TOPICS = 10_000

/** `random` gives a number from 0 to below 1. */
export function createPartitioner(
  name: PartitionerName,
  random: () => number = Math.random,
): Partitioner {
  if (name === 'round_robin') return new RoundRobin()
  if (name === 'least_backup') return new LeastBackup(random)
  return new StickyKey(name === 'murmur2' ? murmur2Partition : saramaPartition, random)
}

/** By key where there is one; otherwise one partition until its batch is full, which makes few and large batches. */
class StickyKey implements Partitioner {
  readonly #hash: (key: Uint8Array, partitions: number) => number
  readonly #random: () => number
  readonly #chosen = new Map<string, number>()

  constructor(hash: (key: Uint8Array, partitions: number) => number, random: () => number) {
    this.#hash = hash
    this.#random = random
  }

  choose({ key, topic }: OutgoingRecord, partitions: number): number {
    if (key !== null) return this.#hash(key, partitions)
    const chosen = this.#chosen.get(topic)
    if (chosen !== undefined && chosen < partitions) return chosen
    const fresh = Math.floor(this.#random() * partitions)
    if (this.#chosen.size < MAX_TOPICS) this.#chosen.set(topic, fresh)
    return fresh
  }

  onNewBatch(topic: string): void {
    this.#chosen.delete(topic)
  }
}

class RoundRobin implements Partitioner {
  readonly #next = new Map<string, number>()

  choose({ topic }: OutgoingRecord, partitions: number): number {
    const chosen = (this.#next.get(topic) ?? 0) % partitions
    if (this.#next.has(topic) || this.#next.size < MAX_TOPICS) this.#next.set(topic, chosen + 1)
    return chosen
  }

  onNewBatch(): void {}
}

class LeastBackup implements Partitioner {
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  choose(_: OutgoingRecord, partitions: number, load: (partition: number) => number): number {
    // From a random one on, so that idle partitions are used alike.
    const from = Math.floor(this.#random() * partitions)
    let best = from
    let least = load(from)
    for (let i = 1; i < partitions && least > 0; i++) {
      const partition = (from + i) % partitions
      const waiting = load(partition)
      if (waiting >= least) continue
      least = waiting
      best = partition
    }
    return best
  }

  onNewBatch(): void {}
}

/** FNV-1a, 32 bits, then Sarama's way to a partition: the remainder of the signed number without its sign. */
export function saramaPartition(key: Uint8Array, partitions: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key[i], 0x01000193)
  return Math.abs((hash | 0) % partitions)
}

/** As the Java client: murmur2 without the sign bit. */
export function murmur2Partition(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

export function murmur2(key: Uint8Array): number {
  const { length } = key
  const m = 0x5bd1e995
  let h = 0x9747b28c ^ length
  let i = 0
  for (; i + 4 <= length; i += 4) {
    let k = key[i] | (key[i + 1] << 8) | (key[i + 2] << 16) | (key[i + 3] << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    h = Math.imul(h, m) ^ Math.imul(k, m)
  }
  const rest = length - i
  if (rest > 2) h ^= key[i + 2] << 16
  if (rest > 1) h ^= key[i + 1] << 8
  if (rest > 0) h = Math.imul(h ^ key[i], m)
  h ^= h >>> 13
  h = Math.imul(h, m)
  return h ^ (h >>> 15)
}
