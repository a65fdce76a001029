/** Kafka's error codes and what each means for a record: try again, or give it up. One table for all drivers. */
import type { KafkaFailure } from './client.ts'

/** Names by code, as the protocol guide has them. */
const NAMES: Readonly<Record<number, string>> = {
  [-1]: 'UNKNOWN_SERVER_ERROR',
  2: 'CORRUPT_MESSAGE',
  3: 'UNKNOWN_TOPIC_OR_PARTITION',
  5: 'LEADER_NOT_AVAILABLE',
  6: 'NOT_LEADER_OR_FOLLOWER',
  7: 'REQUEST_TIMED_OUT',
  8: 'BROKER_NOT_AVAILABLE',
  9: 'REPLICA_NOT_AVAILABLE',
  10: 'MESSAGE_TOO_LARGE',
  13: 'NETWORK_EXCEPTION',
  14: 'COORDINATOR_LOAD_IN_PROGRESS',
  15: 'COORDINATOR_NOT_AVAILABLE',
  16: 'NOT_COORDINATOR',
  17: 'INVALID_TOPIC_EXCEPTION',
  18: 'RECORD_LIST_TOO_LARGE',
  19: 'NOT_ENOUGH_REPLICAS',
  20: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  21: 'INVALID_REQUIRED_ACKS',
  22: 'ILLEGAL_GENERATION',
  25: 'UNKNOWN_MEMBER_ID',
  27: 'REBALANCE_IN_PROGRESS',
  29: 'TOPIC_AUTHORIZATION_FAILED',
  30: 'GROUP_AUTHORIZATION_FAILED',
  31: 'CLUSTER_AUTHORIZATION_FAILED',
  32: 'INVALID_TIMESTAMP',
  33: 'UNSUPPORTED_SASL_MECHANISM',
  34: 'ILLEGAL_SASL_STATE',
  35: 'UNSUPPORTED_VERSION',
  41: 'NOT_CONTROLLER',
  42: 'INVALID_REQUEST',
  43: 'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  44: 'POLICY_VIOLATION',
  45: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  46: 'DUPLICATE_SEQUENCE_NUMBER',
  47: 'INVALID_PRODUCER_EPOCH',
  56: 'KAFKA_STORAGE_ERROR',
  58: 'SASL_AUTHENTICATION_FAILED',
  59: 'UNKNOWN_PRODUCER_ID',
  74: 'FENCED_LEADER_EPOCH',
  75: 'UNKNOWN_LEADER_EPOCH',
  76: 'UNSUPPORTED_COMPRESSION_TYPE',
  82: 'FENCED_INSTANCE_ID',
  87: 'INVALID_RECORD',
  89: 'THROTTLING_QUOTA_EXCEEDED',
}

export const DUPLICATE_SEQUENCE_NUMBER = 46

/** Never taken, however often it is sent; by what the counters call it. All others may pass. */
const FINAL: ReadonlyMap<number, string> = new Map([
  [10, 'too_large'],
  [17, 'bad_topic'],
  [18, 'too_large'],
  [21, 'unimplemented'],
  [22, 'not_owner'],
  [25, 'not_owner'],
  [29, 'permission_denied'],
  [30, 'permission_denied'],
  [31, 'permission_denied'],
  [32, 'bad_data'],
  [35, 'unimplemented'],
  [42, 'rejected'],
  [43, 'unimplemented'],
  [44, 'rejected'],
  [76, 'unimplemented'],
  [82, 'not_owner'],
  [87, 'bad_data'],
])

/** The leader is another one by now, or there is none: who leads has to be asked again. */
const STALE: ReadonlySet<number> = new Set([3, 5, 6, 8, 9, 13, 56, 74, 75])

/** The producer's number is not known any more, or its count has a gap: it takes a new one. */
const LOST_IDENTITY: ReadonlySet<number> = new Set([45, 47, 59])

export function nameOfCode(code: number): string {
  return NAMES[code] ?? `error ${code}`
}

export function codeOfName(name: string): number | undefined {
  return CODES.get(name)
}

const CODES = new Map(Object.entries(NAMES).map(([code, name]) => [name, Number(code)]))

export function isStaleLeader(code: number): boolean {
  return STALE.has(code)
}

export function isLostIdentity(code: number): boolean {
  return LOST_IDENTITY.has(code)
}

/** `said` is the broker's own text, or empty; `where` says which topic or request. */
export function failureOfCode(code: number, where: string, said = ''): KafkaFailure {
  const name = nameOfCode(code)
  const message = `${where}: ${name}${said === '' ? '' : ` (${said})`}`
  const reason = FINAL.get(code)
  if (reason === undefined) return { kind: 'retry', reason: 'unavailable', message, code: name }
  return { kind: 'drop', reason, message, code: name }
}

export function retryLater(message: string, reason = 'unavailable'): KafkaFailure {
  return { kind: 'retry', reason, message, code: '' }
}
