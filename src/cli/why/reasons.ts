/** What the short words of ledger and gate mean, and what helps. Words that are not here are told as they are. */
import type { AuthReason } from '../../core/identity.ts'
import type { BusyCause, RefusalCode } from '../../core/outcome.ts'

/** Requests turned away at the door, or items that were refused behind it. */
const REFUSED = {
  no_credentials: 'they showed no credentials',
  malformed_credentials: 'their credentials could not be read',
  unknown_credentials: 'their credentials are not known here',
  expired: 'their credentials had expired; `millrace tenants key rotate` makes new ones',
  not_yet_valid: 'their credentials are not valid yet',
  revoked: 'their key is revoked',
  bad_signature: 'the signature of their token is wrong',
  wrong_issuer: 'their token is from another issuer',
  wrong_audience: 'their token is meant for somebody else',
  no_tenant: 'nothing in their credentials names a tenant',
  unknown_tenant: 'the tenant is not configured',
  untrusted_proxy:
    'they named their tenant in a header from an address that is not trusted with it',
  address_denied: 'their address is not allowed',
  signal_not_allowed: 'they may not send this signal',
  too_many_failures: 'there were too many wrong guesses from their address',
  verifier_unavailable: 'credentials could not be checked at that time',
  unidentified:
    'too much came at that time from senders whose credentials were still being checked',
  too_many_tenants: 'as many tenants as may be were active',
  concurrent_requests: 'it had as many requests open as its limit allows',
  connections: 'it had as many connections open as its limit allows',
  memory: 'its share of the memory was in use',
  rate_items: 'it sent more items a second than its limit allows',
  rate_bytes: 'it sent more bytes a second than its limit allows',
  daily_items: 'its items of the day were used up',
  daily_bytes: 'its bytes of the day were used up',
  quota: 'it sent more than its limits allow',
  overloaded: 'memory or a queue was full, and it was told to come again',
  disk_share:
    'its share of the disk was in use, and it was told to come again; `disk_bytes` of the tenant or `max_bytes_per_tenant` of the storage sets it',
  unavailable: 'the way ahead was closed, and it was told to come again',
  bad_data: 'they were not valid',
  too_large: 'they were too large',
  unreadable: 'they came in an encoding that is not read here',
  unimplemented: 'the destination does not take this signal, or not in this compression',
  rejected: 'a later stage or the destination refused them for good',
  unauthenticated: 'the destination did not know us',
  permission_denied: 'the destination did not allow it',
} satisfies Readonly<Record<AuthReason | RefusalCode | BusyCause, string>> &
  Readonly<Record<string, string>>

/** Items that were let go after they had been accepted. */
const DROPPED: Readonly<Record<string, string>> = {
  filtered: 'its condition matched',
  dropped: 'as its configuration says',
  over_limit: 'they came late, and more than the limit allows',
  pending_at_shutdown:
    'their trace was undecided when the process ended, and `drop_pending_traces_on_shutdown` is on',
  not_sampled: 'the trace was not sampled',
  no_route: 'no route matched, and there is no default one',
  counted: 'they were counted, as configured',
  redacted: 'they were redacted, as configured',
  aggregated: 'they were put together with others',
  purged: 'an operator purged the queue',
  saved: 'they are in the saved state, and the next process goes on with them',
  retries_exhausted: 'retries went on for as long as `retry_on_failure.max_elapsed_time` allows',
  send_failed: 'an attempt failed, and retries are off',
  queue_full: 'its queue was full while others had taken theirs',
  invalid_ids: 'the destination knows spans by ids, and they had none that are valid',
  rejected_by_destination: 'the destination took the request without them',
  bad_data: 'the destination says that they are not valid',
  item_too_large: 'one item alone is larger than the destination takes',
  too_large: 'they are larger than the destination takes',
  response_too_large: 'the answer of the destination was too large to be read',
  unimplemented: 'the destination does not take this signal, or not in this compression',
  unauthenticated: 'the destination did not know us; see `auth` of the exporter',
  permission_denied: 'the destination did not allow it',
  rejected: 'the destination refused them for good',
  internal_error: 'the exporter failed on them; its log has the stack',
  storage_full: 'the disk or its quota was full, and `overflow` says that the newest is lost then',
  storage_evicted:
    'the disk or its quota was full, and `overflow` says that the oldest is lost then',
  storage_damaged: 'their bytes on disk were not those that had been written',
  crash_suspect: 'the process had ended three times while they were sent',
  num_traces: 'more traces were open at once than `num_traces` allows',
  bad_topic: 'the name of the topic that was worked out for them is not valid',
  unencodable: 'the encoding that the exporter is set to has no form for them',
  not_owner: 'the destination gave the work to another process meanwhile',
  encode_failed: 'they could not be put into the format of the file; the log has the error',
  write_failed: 'the file could not be written',
  shutdown_deadline: 'they could not be written before the deadline of a shutdown',
  invalid_tenant: 'the tenant that they name cannot be the name of one',
  damaged: 'their bytes were damaged where they were read from',
  malformed: 'they could not be read',
  unknown: 'nothing in them says what they are',
  refused: 'a later stage refused them for good',
  unsupported_temporality: 'they have no temporality, or are the delta of a sum that may fall',
  out_of_order: 'they are older than what had come before',
  misaligned_delta: 'they begin before the end of what had come before',
  type_conflict: 'another metric has their name, and another type',
  invalid_name: 'nothing is left of their name that Prometheus takes',
  unsupported_scale: 'their exponential histogram is coarser than Prometheus knows',
  too_many_series: 'as many series as `max_series` allows were there',
  out_of_memory: 'there was no memory for one more series',
  no_edge: 'they are of a kind that makes no edge of the graph',
  no_service_name: 'their resource has no `service.name`',
  too_many_edges: 'as many edges as may be were waiting for their other end',
  mirror_busy: 'the second destination had no room; the first has them',
  mirror_refused: 'the second destination refused them; the first has them',
  shutdown: 'they could not be delivered before the deadline of a shutdown',
}

/** Counted in place of reasons when there are too many different ones. */
const OTHER: Readonly<Record<string, string>> = {
  other: 'for reasons that were too many to be counted apart',
}

export function explainRefusal(reason: string): string {
  return explain(reason, [REFUSED, OTHER])
}

/** What a later stage refused for good was let go by the one before it, with the same word. */
export function explainDrop(reason: string): string {
  return explain(reason, [DROPPED, REFUSED, OTHER])
}

function explain(reason: string, tables: readonly Readonly<Record<string, string>>[]): string {
  const texts = tables.find(table => Object.hasOwn(table, reason))
  return texts === undefined ? reason : `${texts[reason]} (${reason})`
}
