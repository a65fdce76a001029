/** What happens to UDP packets, which nobody can be told about: counted by why they went no further. */
import type { Counter, Meter, MetricSpec } from '../../core/meter.ts'

/** Why a packet was let go. */
export type DropReason =
  | 'too_large' // more than max_packet_size
  | 'malformed' // not Thrift, or not a batch of spans
  | 'denied' // an address, a signal or a tenant that is not let in
  | 'quota' // the tenant sends too much
  | 'queue_full' // queue_size packets wait already
  | 'memory' // there is no room for it in the budget
  | 'refused' // the pipeline will never take it
  | 'shutdown' // it still waited when time was up

const DROP_REASONS: readonly DropReason[] = [
  'too_large',
  'malformed',
  'denied',
  'quota',
  'queue_full',
  'memory',
  'refused',
  'shutdown',
]

export const DROPPED_PACKETS: MetricSpec = {
  name: 'millrace_receiver_dropped_packets',
  type: 'counter',
  help: 'UDP packets that were let go, by reason; `socket_buffer` are those that the kernel had no room for.',
  labels: ['receiver', 'transport', 'reason'],
}

export const PACKETS: MetricSpec = {
  name: 'millrace_receiver_packets',
  type: 'counter',
  help: 'UDP packets that came.',
  labels: ['receiver', 'transport'],
}

export const QUEUED_PACKETS: MetricSpec = {
  name: 'millrace_receiver_queued_packets',
  type: 'gauge',
  help: 'UDP packets that wait because the pipeline is busy.',
  labels: ['receiver', 'transport'],
}

export interface PacketCounters {
  readonly came: Counter
  readonly dropped: Readonly<Record<DropReason, Counter>>
}

export function countPackets(meter: Meter, receiver: string, transport: string): PacketCounters {
  const labels = { receiver, transport }
  const count = (reason: DropReason) => [
    reason,
    meter.counter(DROPPED_PACKETS, { ...labels, reason }),
  ]
  return {
    came: meter.counter(PACKETS, labels),
    dropped: Object.fromEntries(DROP_REASONS.map(count)) as Record<DropReason, Counter>,
  }
}
