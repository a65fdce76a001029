/** Where ours differs from the reference on purpose, each with its reason; the run prints how often each was met. */
import type { Answer, Question } from './ask.ts'

interface Known {
  readonly reason: string
  readonly applies: (question: Question, reference: Answer, difference: string) => boolean
}

/** Go's own types of lists and maps, which the reference's functions do not all take from each other. */
const GO_TYPES =
  /<Invalid value type (?:\[\](?:string|int64|uint64|float64|bool)|pcommon\.(?:Slice|Map))>/
const SHUFFLED = /\b(?:URL|UserAgent|Extract(?:Grok)?Patterns|Parse(?:JSON|KeyValue|CSV))\(/
const IN_ORDER = /\b(?:ToKeyValueString|Keys|Values|MapEach|Reduce|Find|limit|flatten)\(/

const BAD_KEY =
  /ours refused: The expression is not OTTL\. (?:expected "]"|\w+ cannot stand as a key|expected a value)/

/** A list literal with a path in it, turned into text. */
const LIST_TEXT = /(?:String|Concat|IsMatch)\(\[.*\b(?:attributes|body|cache|metadata)\b/
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
    reason: 'append takes no maps, of whatever Go type',
    applies: ({ expr }, _, difference) =>
      expr.startsWith('append(') && difference.includes('ours failed: a list cannot take a map'),
  },
  {
    reason: 'a bad key inside of a list is an error, not a list of its own beside what it follows',
    applies: (_, __, difference) => BAD_KEY.test(difference),
  },
  {
    reason: 'a text is never cut inside of a character',
    applies: ({ expr }) => /^truncate_all\(.*(?:, |utf8_safe = )false/.test(expr),
  },
  {
    reason: 'maps and lists of telemetry are {} in the texts of list literals for the reference',
    applies: ({ expr }, { verdict }) => verdict === 'done' && LIST_TEXT.test(expr),
  },
  {
    reason: 'a plus before a path or a number changes nothing, wherever they may stand',
    applies: (_, { message }, difference) =>
      /must be (?:a path|an int|a float)$/.test(message) && !difference.includes('ours refused'),
  },
  {
    reason: 'for the reference only the last item of a list decides whether the list can be set',
    applies: ({ expr }, { verdict }, difference) =>
      verdict === 'done' && expr.startsWith('set(') && difference.includes('for set operation'),
  },
  {
    reason: 'bucket counts and bounds never equal a list for the reference',
    applies: ({ expr, kind }) => kind === 'condition' && /bucket_counts|explicit_bounds/.test(expr),
  },
  {
    reason: 'text that is not UTF-8 is not kept byte for byte',
    applies: ({ expr }) => /Decode\(/.test(expr),
  },
  {
    reason: "the reference's globs of one character take the empty text too",
    applies: ({ expr }, { verdict }) =>
      verdict !== 'refused' && /^replace_(?:all_)?match(?:es)?\(.*"(?:\?|\[!a\])"/.test(expr),
  },
  {
    reason: 'the reference changes a map while it copies it from itself',
    applies: ({ expr }) => /^(?:set|merge_maps|append)\(([\w.]+)(?:\[.*|, )\1[,\])]/.test(expr),
  },
  {
    reason: 'times hundreds of millions of years away',
    applies: ({ expr }) => /Unix\(.*(?:9223372036854775807|FNV|_nano|Nano|Micro|Int\()/.test(expr),
  },
  {
    reason: 'a locale without morning and afternoon reads PM all the same',
    applies: ({ expr }, { verdict }) => verdict !== 'done' && /Time\(.*%p.*fr-FR/.test(expr),
  },
  {
    reason: 'Format shows the inside of Go types',
    applies: ({ expr }) => expr.includes('Format('),
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
