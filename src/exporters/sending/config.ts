/** The part of every exporter's configuration that `sending/` answers for. Keys, defaults and checks are upstream's. */
import { z } from 'zod'
import {
  byteSize,
  duration,
  extensionReference,
  integer,
  optionalSection,
  section,
} from '../../config/fields.ts'
import type { ConfigProblem } from '../../core/factory.ts'

export type Sizer = 'requests' | 'items' | 'bytes'

const batchFields = {
  flush_timeout: duration('200ms', { positive: true }).describe(
    'A batch is sent after so long even if it is small.',
  ),
  min_size: integer(8192).describe('A batch is sent once it has this size; 0 sends at once.'),
  max_size: integer(0).describe('Larger batches are split; 0 never splits.'),
  sizer: z.enum(['items', 'bytes']).default('items').describe('Unit of min_size and max_size.'),
  partition: section({
    metadata_keys: z
      .array(z.string())
      .default([])
      .describe('Only requests with the same values of these metadata keys are joined.'),
  }).describe('What must be equal in requests that are joined.'),
}

const queueFields = {
  enabled: z
    .boolean()
    .default(true)
    .describe('Without a queue the sender of the data waits until it is delivered.'),
  num_consumers: integer(10, { min: 1 }).describe(
    'Most requests in flight for each signal; tenants share them by weight.',
  ),
  queue_size: integer(1000, { min: 1 }).describe(
    "Bound of each tenant's queue, in units of sizer: waiting, in flight, parked for a retry, on disk.",
  ),
  sizer: z.enum(['requests', 'items', 'bytes']).default('requests').describe('Unit of queue_size.'),
  block_on_overflow: z
    .boolean()
    .default(false)
    .describe('Lets senders wait when the queue is full, instead of telling them to come back.'),
  wait_for_result: z
    .boolean()
    .default(false)
    .describe('Answers the sender of the data only after delivery.'),
  storage: extensionReference()
    .optional()
    .describe('Extension that keeps the queue on disk, such as file_storage; absent is in memory.'),
  batch: optionalSection(batchFields).describe(
    'Joins requests before they are sent; absent sends them as they came.',
  ),
}

const retryFields = {
  enabled: z.boolean().default(true).describe('Tries again after failures that may pass.'),
  initial_interval: duration('5s').describe('Wait after the first failure.'),
  randomization_factor: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Spread of each wait: 0.5 is from half to one and a half of it.'),
  multiplier: z
    .number()
    .min(0)
    .default(1.5)
    .describe('Growth of the wait from failure to failure.'),
  max_interval: duration('30s').describe('Longest wait, unless the destination asks for more.'),
  max_elapsed_time: duration('5m').describe('Gives up so long after the first attempt; 0 never.'),
}

/** Of a breaker for each tenant, and of one for each endpoint of a pool. */
export function breakerFields(
  presets: { readonly consecutive: number; readonly ratio: number; readonly requests: number },
  enabled: string,
) {
  return {
    enabled: z.boolean().default(true).describe(enabled),
    consecutive_failures: integer(presets.consecutive, { min: 1 }).describe(
      'Opens after so many failures in a row.',
    ),
    failure_ratio: z
      .number()
      .gt(0)
      .max(1)
      .default(presets.ratio)
      .describe('Opens when at least this share of the attempts in the window failed.'),
    min_requests: integer(presets.requests, { min: 1 }).describe(
      'failure_ratio counts from so many attempts on.',
    ),
    window: duration('10s', { positive: true }).describe('What failure_ratio looks at.'),
    open_interval: duration('5s', { positive: true }).describe(
      'After so long one request tries; each time it fails doubles the wait.',
    ),
    max_open_interval: duration('30s', { positive: true }).describe(
      'Longest wait between such tries.',
    ),
  }
}

const retryBudgetFields = {
  enabled: z
    .boolean()
    .default(true)
    .describe('Bounds how many attempts may be repetitions, for each tenant apart.'),
  ratio: z
    .number()
    .min(0)
    .default(0.2)
    .describe('Repetitions for each fresh request; every success allows two more.'),
  min_per_second: z
    .number()
    .gt(0)
    .default(10)
    .describe('Repetitions that are allowed in any case.'),
  burst: integer(100, { min: 1 }).describe('Most repetitions that can be saved up.'),
}

/** For exporters that have no queue unless the section is there. */
export const optionalSendingQueue = optionalSection(queueFields)

/** For those who try again only when the section is there. */
export const optionalRetry = optionalSection(retryFields)

/** Zod pieces for an exporter's schema; `timeoutText` is the default of one attempt. */
export function sendingFields(timeoutText = '5s') {
  return {
    timeout: duration(timeoutText).describe('Longest time for one attempt; 0 is without end.'),
    sending_queue: section(queueFields).describe('What is kept while the destination is busy.'),
    retry_on_failure: section(retryFields).describe('When to try again, and when to give up.'),
    circuit_breaker: section(
      breakerFields(
        { consecutive: 20, ratio: 0.9, requests: 50 },
        'Leaves the destination alone for a while when it fails, for each tenant apart.',
      ),
    ).describe('When to stop trying for a while; ours, on by default.'),
    retry_budget: section(retryBudgetFields).describe(
      'How many attempts may be repetitions; ours, on by default.',
    ),
    max_request_bytes: byteSize(0).describe(
      'Larger requests are split before compression; 0 splits only when the destination refuses the size.',
    ),
  }
}

type Fields = ReturnType<typeof sendingFields>
export type SendingConfig = { readonly [K in keyof Fields]: z.output<Fields[K]> }
export type QueueConfig = SendingConfig['sending_queue']
export type RetryConfig = SendingConfig['retry_on_failure']
export type BreakerConfig = SendingConfig['circuit_breaker']
export type RetryBudgetConfig = SendingConfig['retry_budget']
export type BatchConfig = NonNullable<QueueConfig['batch']>

/** The rules between keys; for the `check` of an exporter's configuration. */
export function checkSending(config: SendingConfig): ConfigProblem[] {
  return [
    ...checkQueue(config.sending_queue),
    ...checkRetry(config.retry_on_failure),
    ...checkBreaker(config.circuit_breaker),
  ]
}

function checkQueue(queue: QueueConfig): ConfigProblem[] {
  if (!queue.enabled) return []
  const problems: ConfigProblem[] = []
  const fault = (key: readonly string[], message: string, expected: string): void => {
    problems.push({ path: ['sending_queue', ...key], message, expected })
  }
  const { batch } = queue
  if (queue.wait_for_result && queue.storage !== undefined) {
    fault(['wait_for_result'], 'does not go together with storage', 'one of them')
  }
  if (batch === undefined) return problems
  if (queue.wait_for_result) {
    fault(['wait_for_result'], 'does not go together with batch', 'one of them')
  }
  if (batch.max_size > 0 && batch.max_size < batch.min_size) {
    fault(['batch', 'max_size'], 'is smaller than min_size', `0, or at least ${batch.min_size}`)
  }
  if (batch.sizer === queue.sizer && batch.min_size > queue.queue_size) {
    fault(
      ['batch', 'min_size'],
      'is larger than queue_size, so a batch could never fill',
      `at most ${queue.queue_size}`,
    )
  }
  return problems
}

function checkBreaker(breaker: BreakerConfig): ConfigProblem[] {
  if (!breaker.enabled || breaker.max_open_interval >= breaker.open_interval) return []
  return [
    {
      path: ['circuit_breaker', 'max_open_interval'],
      message: 'is less than open_interval',
      expected: `at least ${breaker.open_interval}ms`,
    },
  ]
}

function checkRetry(retry: RetryConfig): ConfigProblem[] {
  if (!retry.enabled || retry.max_elapsed_time === 0) return []
  const problems: ConfigProblem[] = []
  for (const key of ['initial_interval', 'max_interval'] as const) {
    if (retry.max_elapsed_time >= retry[key]) continue
    problems.push({
      path: ['retry_on_failure', 'max_elapsed_time'],
      message: `is less than ${key}`,
      expected: `0, or at least ${retry[key]}ms`,
    })
  }
  return problems
}
