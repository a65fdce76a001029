/** kafkajs' topics, messages and offsets as the receiver's interface has them. */
import type * as Kafkajs from 'kafkajs'
import type {
  FetchedHeader,
  FetchedRecord,
  KafkaConsumerOptions,
  TopicPartition,
} from '../client.ts'
import type { Damage } from './fetched-batch.ts'

export function selectTopics(
  existing: readonly string[],
  { topics, excludeTopics }: Pick<KafkaConsumerOptions, 'topics' | 'excludeTopics'>,
): readonly string[] {
  const names = new Set(topics.filter(topic => !topic.startsWith('^')))
  const patterns = topics.filter(topic => topic.startsWith('^')).map(text => new RegExp(text))
  const excluded = excludeTopics.map(text => new RegExp(text))
  return existing.filter(topic => {
    if (names.has(topic)) return true
    if (!patterns.some(pattern => pattern.test(topic))) return false
    return !excluded.some(pattern => pattern.test(topic))
  })
}

/** `next` is the offset to go on with: up to there everything is done. */
export function advance(
  next: number,
  messages: readonly Kafkajs.KafkaMessage[],
  resolveOffset: (offset: string) => void,
): void {
  const last = messages[messages.length - 1].offset
  // The very text of the last one, so that kafkajs steps over control records behind it, too.
  if (next > Number(last)) resolveOffset(last)
  else if (next > Number(messages[0].offset)) resolveOffset(String(next - 1))
}

/**
 * Which offsets a batch that cannot be read is taken for. What it says of itself may be as wrong as the rest: it is always
 * one offset at least, so that nobody reads it for ever, and nothing behind the end of the partition.
 */
export function extentOf(
  { from, nextOffset }: Damage,
  fetchedOffset: number,
  highWatermark: number,
): { readonly offset: number; readonly nextOffset: number } {
  const offset = from > fetchedOffset && from < highWatermark ? from : fetchedOffset
  return { offset, nextOffset: Math.max(Math.min(nextOffset, highWatermark), offset + 1) }
}

export function readRecord({
  offset,
  timestamp,
  key,
  value,
  headers,
}: Kafkajs.KafkaMessage): FetchedRecord {
  return {
    offset: Number(offset),
    timestampMs: Number(timestamp),
    key,
    value,
    headers: headers === undefined ? NO_HEADERS : readHeaders(headers),
  }
}

const NO_HEADERS: readonly FetchedHeader[] = []

function readHeaders(headers: Kafkajs.IHeaders): readonly FetchedHeader[] {
  const list: FetchedHeader[] = []
  for (const [key, values] of Object.entries(headers)) {
    for (const value of Array.isArray(values) ? values : [values]) {
      const bytes = typeof value === 'string' ? Buffer.from(value) : (value ?? null)
      list.push({ key, value: bytes })
    }
  }
  return list.length === 0 ? NO_HEADERS : list
}

export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

export function byTopic(
  partitions: readonly TopicPartition[],
): { topic: string; partitions: number[] }[] {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    topics.set(topic, [...(topics.get(topic) ?? []), partition])
  }
  return [...topics].map(([topic, numbers]) => ({ topic, partitions: numbers }))
}
