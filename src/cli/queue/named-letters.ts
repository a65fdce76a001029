/** Which letters of a running collector a command means, and in portions that one request may name. */
import type { CliIo } from '../io.ts'
import type { LetterOptions } from './filters.ts'
import { askLetters } from './letters-ls.ts'

/** Letters that one command means at most: what one answer of the collector names. */
const MAX_LETTERS = 10_000
/** Named in one request. */
const MAX_NAMED = 200

export interface NamedLetters {
  /** Undefined: the only one. */
  readonly storage?: string
  readonly ids: readonly string[]
}

/** Those given, or all that the filters leave; undefined when everything is said already. */
export async function namedLetters(
  ids: readonly string[],
  options: LetterOptions,
  io: CliIo,
): Promise<readonly NamedLetters[] | undefined> {
  if (ids.length > 0) return [{ storage: options.storage, ids }]
  const found = await askLetters({ ...options, json: false }, MAX_LETTERS, io)
  if (found === undefined) return undefined
  if (found.letters.length === MAX_LETTERS) {
    io.stderr.write(`only the oldest ${MAX_LETTERS} letters are meant; run it again for the rest\n`)
  }
  return found.storages.map(({ id: storage }) => ({
    storage,
    ids: found.letters.filter(letter => letter.storage === storage).map(({ id }) => id),
  }))
}

export function* chunksOf(named: readonly NamedLetters[]): Iterable<NamedLetters> {
  for (const { storage, ids } of named) {
    for (let at = 0; at < ids.length; at += MAX_NAMED) {
      yield { storage, ids: ids.slice(at, at + MAX_NAMED) }
    }
  }
}
