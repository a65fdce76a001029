/**
 * What of a fetched part may be handed over at a time: the records before a batch that cannot be read, or that one alone.
 * The place of such a batch is remembered until it is reached, because the next fetch may begin in the middle of it.
 */
import type * as Kafkajs from 'kafkajs'
import type { Damage, FetchedMessage } from './fetched-batch.ts'
import { extentOf, keyOf } from './messages.ts'
import { type FetchedPart, putInPlace } from './misplaced.ts'

/** Either a damage alone, with one message at the last offset of it, or records. */
export interface Portion {
  readonly messages: readonly Kafkajs.KafkaMessage[]
  readonly damage:
    | (Pick<Damage, 'message' | 'bytes'> & { readonly offset: number; readonly nextOffset: number })
    | null
}

export class DamageAhead {
  /** By `topic/partition`, one at most: what was fetched with it is forgotten. */
  readonly #known = new Map<string, Damage>()

  portion(batch: FetchedPart): Portion {
    const key = keyOf(batch)
    const known = this.#known.get(key)
    this.#known.delete(key)
    if (known !== undefined && known.from === Number(batch.fetchedOffset)) return only(batch, known)
    const messages = putInPlace(batch)
    const at = messages.findIndex(message => damageOf(message) !== undefined)
    if (at < 0) return { messages, damage: null }
    const damage = damageOf(messages[at])!
    if (at === 0) return only(batch, damage)
    this.#known.set(key, damage)
    return { messages: messages.slice(0, at), damage: null }
  }

  /** Partitions may be somebody else's now. */
  clear(): void {
    this.#known.clear()
  }
}

function only(batch: FetchedPart, damage: Damage): Portion {
  const { fetchedOffset, highWatermark, messages } = batch
  const { offset, nextOffset } = extentOf(damage, Number(fetchedOffset), Number(highWatermark))
  const { message, bytes } = damage
  return {
    messages: [{ ...messages[0], offset: String(nextOffset - 1) }],
    damage: { message, bytes, offset, nextOffset },
  }
}

function damageOf(message: Kafkajs.KafkaMessage): Damage | undefined {
  return (message as unknown as FetchedMessage).damage
}
