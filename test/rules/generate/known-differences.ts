/** Where ours differs from the reference on purpose, each with its reason; the run prints how often each was met. */
import type { Answer, Question } from './ask.ts'

interface Known {
  readonly reason: string
  readonly applies: (question: Question, reference: Answer, difference: string) => boolean
}

/** Go's own types of lists and maps, which the reference's functions do not all take from each other. */
const GO_TYPES = /<Invalid value type (?:\[\](?:string|int64|float64|bool)|pcommon\.(?:Slice|Map))>/
const SHUFFLED = /\b(?:URL|UserAgent|Extract(?:Grok)?Patterns|Parse(?:JSON|KeyValue|CSV))\(/
const IN_ORDER = /\b(?:ToKeyValueString|Keys|Values|MapEach|Reduce|Find|limit|flatten)\(/

const KNOWN: readonly Known[] = [
  {
    reason: 'the reference does not take a list or map of its own other types',
    applies: (_, { verdict, message }) => verdict !== 'done' && GO_TYPES.test(message),
  },
  {
    reason: 'the reference makes the map in random order',
    applies: ({ expr }, { verdict }) =>
      verdict === 'done' && SHUFFLED.test(expr) && IN_ORDER.test(expr),
  },
  {
    reason: 'text that is not UTF-8 is not kept byte for byte',
    applies: ({ expr }) => /Decode\(/.test(expr),
  },
  {
    reason: "the reference's globs of one character take the empty text too",
    applies: ({ expr }, { verdict }) =>
      verdict === 'done' && /^replace_(?:all_)?match(?:es)?\(.*"(?:\?|\[!a\])"/.test(expr),
  },
  {
    reason: 'the reference changes a map while it copies it from itself',
    applies: ({ expr }) =>
      /^set\(([\w.]+)\[.*\], \1\)/.test(expr) || /^merge_maps\(([\w.]+), \1[,)]/.test(expr),
  },
  {
    reason: 'times hundreds of millions of years away',
    applies: ({ expr }) => /Unix\(.*(?:9223372036854775807|FNV|_nano)/.test(expr),
  },
  {
    reason: 'Format shows the inside of Go types',
    applies: ({ expr }, { verdict }) => verdict === 'done' && expr.includes('Format('),
  },
  {
    reason: 'the reference panics',
    applies: (_, { message }) => message.startsWith('panic: '),
  },
]

export function reasonOf(
  question: Question,
  reference: Answer,
  difference: string,
): string | undefined {
  return KNOWN.find(({ applies }) => applies(question, reference, difference))?.reason
}
