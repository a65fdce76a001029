/** How a leading member shares the partitions out, with the names that other clients know, so that they meet in one group. */
import type * as Kafkajs from 'kafkajs'
import type { RebalanceStrategy } from '../client.ts'
import type { JoinHook } from './internals.ts'

/** A member's share: partitions by topic. */
export type Share = Record<string, number[]>

export interface Member {
  readonly id: string
  readonly topics: readonly string[]
}

type Assign = (
  members: readonly Member[],
  partitions: ReadonlyMap<string, number>,
) => ReadonlyMap<string, Share>

const STRATEGIES: ReadonlyMap<RebalanceStrategy, Assign> = new Map([
  ['range', assignRange],
  ['roundrobin', assignRoundRobin],
])

/** `wanted` as far as this driver has it, and `range` at last. */
export function createAssigners(
  kafkajs: typeof Kafkajs,
  wanted: readonly RebalanceStrategy[],
  hook: JoinHook,
): Kafkajs.PartitionAssigner[] {
  const names = [...new Set<RebalanceStrategy>([...wanted, 'range'])]
  return names
    .filter(name => STRATEGIES.has(name))
    .map(name => createAssigner(kafkajs, name, STRATEGIES.get(name)!, hook))
}

function createAssigner(
  { AssignerProtocol }: typeof Kafkajs,
  name: string,
  share: Assign,
  hook: JoinHook,
): Kafkajs.PartitionAssigner {
  const { MemberMetadata, MemberAssignment } = AssignerProtocol
  return ({ cluster }) => ({
    name,
    version: 0,
    ...hook,
    protocol({ topics }) {
      const metadata = MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) })
      return { name, metadata }
    },
    async assign({ members }) {
      const all = members.map(({ memberId, memberMetadata }) => {
        const { topics = [] } = MemberMetadata.decode(memberMetadata) ?? {}
        return { id: memberId, topics }
      })
      const topics = [...new Set(all.flatMap(member => member.topics))]
      await learnTopics(cluster, topics)
      const counts = new Map(topics.map(topic => [topic, partitionsOf(cluster, topic)]))
      const shares = share(all, counts)
      return all.map(({ id }) => {
        const assignment = shares.get(id) ?? {}
        const encoded = { version: 0, assignment, userData: Buffer.alloc(0) }
        return { memberId: id, memberAssignment: MemberAssignment.encode(encoded) }
      })
    },
  })
}

/**
 * A leader knows the partitions of its own topics only; without this nobody would be given those that only others read, such as
 * the topics of the other signals of one receiver. A topic that is not there must not hide the rest.
 */
async function learnTopics(cluster: Kafkajs.Cluster, topics: readonly string[]): Promise<void> {
  try {
    await cluster.addMultipleTargetTopics([...topics])
  } catch {
    for (const topic of topics) await cluster.addTargetTopic(topic).catch(() => {})
  }
}

/** None of a topic that is not there. */
function partitionsOf(cluster: Kafkajs.Cluster, topic: string): number {
  try {
    return cluster.findTopicPartitionMetadata(topic).length
  } catch {
    return 0
  }
}

/** For each topic apart: neighbouring partitions to each member, the first ones get one more. */
export function assignRange(
  members: readonly Member[],
  partitions: ReadonlyMap<string, number>,
): ReadonlyMap<string, Share> {
  const shares = emptyShares(members)
  for (const [topic, count] of partitions) {
    const readers = readersOf(members, topic)
    const each = Math.floor(count / Math.max(readers.length, 1))
    const rest = readers.length === 0 ? 0 : count % readers.length
    let from = 0
    for (const [i, { id }] of readers.entries()) {
      const to = from + each + (i < rest ? 1 : 0)
      const own: number[] = []
      while (from < to) own.push(from++)
      if (own.length > 0) shares.get(id)![topic] = own
    }
  }
  return shares
}

/** All partitions of all topics in turn, past members that do not read the topic. */
export function assignRoundRobin(
  members: readonly Member[],
  partitions: ReadonlyMap<string, number>,
): ReadonlyMap<string, Share> {
  const shares = emptyShares(members)
  const all = [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
  let turn = 0
  for (const topic of [...partitions.keys()].sort()) {
    if (readersOf(members, topic).length === 0) continue
    for (let partition = 0; partition < partitions.get(topic)!; partition++) {
      while (!all[turn % all.length].topics.includes(topic)) turn++
      const share = shares.get(all[turn++ % all.length].id)!
      share[topic] = [...(share[topic] ?? []), partition]
    }
  }
  return shares
}

function readersOf(members: readonly Member[], topic: string): Member[] {
  return members
    .filter(({ topics }) => topics.includes(topic))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

function emptyShares(members: readonly Member[]): Map<string, Share> {
  return new Map(members.map(({ id }) => [id, {}]))
}
