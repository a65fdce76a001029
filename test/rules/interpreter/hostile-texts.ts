/** Rule texts that nobody means well with: deep, long, tangled, unfinished, and damaged ones that were fine. */
import type { Random } from '../../../src/cli/generate/random.ts'
import { damaged, ExpressionMaker } from '../generate/expressions.ts'
import { KINDS } from '../generate/words.ts'

/** Each compiled as it is, and put into calls as an argument. */
export const EVIL_PATTERNS = [
  '(a+)+$',
  '(a|a)*$',
  '(a*)*b',
  '(.*)*x',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
  '(?:a{0,100}){0,100}$',
  '((((a{1,9}){1,9}){1,9}){1,9}){1,9}',
  'a{1000}b{1000}c{1000}',
  '(x+x+)+y',
  '(?=a)b',
  '(?<=a)b',
  '(a)\\\\1',
  '(?P<n>a)(?P<n>b)',
  '[[:alpha:',
  '[z-a]',
  '\\\\p{Nope}',
  '\\\\Q\\\\',
  `${'('.repeat(2_000)}a${')'.repeat(2_000)}`,
  `${'('.repeat(900)}a${')*'.repeat(900)}`,
  `${'a?'.repeat(3_000)}${'a'.repeat(3_000)}`,
  `${'(a|b|'.repeat(400)}c${')'.repeat(400)}`,
  `[${'a-z'.repeat(5_000)}]`,
  `${'.{0,1000}'.repeat(50)}`,
  '%{WORD:a}'.repeat(200),
  '%{GREEDYDATA}%{GREEDYDATA}%{GREEDYDATA}%{GREEDYDATA}x',
  '*'.repeat(3_000),
  '{a,{b,{c,'.repeat(200),
  '[!'.repeat(500),
]

const CALLS: readonly ((text: string) => string)[] = [
  text => `IsMatch(name, "${text}")`,
  text => `IsMatch("${'a'.repeat(300)}!", "${text}")`,
  text => `ExtractPatterns("${'ab'.repeat(200)}", "${text}")`,
  text => `ExtractGrokPatterns("${'ab '.repeat(60)}", "${text}", true)`,
  text => `replace_pattern(attributes["a"], "${text}", "$1$0${'$2'.repeat(20)}")`,
  text => `replace_all_patterns(attributes, "value", "${text}", "\${n}")`,
  text => `replace_match(name, "${text}", "x")`,
  text => `delete_matching_keys(attributes, "${text}")`,
  text => `Format("${text}", [1, "a", name])`,
  text => `Time("${text}", "${text}")`,
  text => `FormatTime(start_time, "${text}")`,
  text => `ParseXML("${text}")`,
  text => `GetXML("<a><b/></a>", "${text}")`,
  text => `ParseJSON("${text}")`,
  text => `ParseKeyValue("${text}", "=", "${text}")`,
  text => `Split(name, "${text}") == Concat(["${text}", "b"], "${text}")`,
  text => `Duration("${text}")`,
  text => `Decode("${text}", "${text}")`,
  text => `URL("${text}")`,
]

const OPENINGS = [
  ...[
    '(',
    '[',
    '{',
    '{"a": ',
    '[[',
    '((',
    'A(',
    'Len(',
    'a[',
    'a["b"][',
    'not (',
    'not ',
    '-(',
    '- ',
  ],
  ...[
    '(x) => ',
    '() => ',
    'Any([1], (x, y) => ',
    'When(() => true, ',
    'Reduce([1], 0, (a, b, c) => ',
  ],
  ...[
    'Concat([',
    '"',
    '"\\',
    'true and (',
    'true or ',
    '1 + ',
    '1 == ',
    'a.',
    'a = ',
    'set(',
    'where ',
  ],
]
const CLOSINGS = ['', ')', ']', '}', '"', ' == 1', ' where true', ', 1)', ')]', ') => 1', '\0', '1']

const SOUP =
  '( ) [ ] { } => == != <= >= < > = + - * / , . : ; ! @ # $ % ^ & | \\ _ ~ ` \' " 0x 0xg 08 1 -1 1. .5 1e9 1.5e999 99999999999999999999 a A Ab not and or true false nil where set( Len( "s" "\\x" "\\u12" (x)=> k= => \t \n \r\n \0 \u2028 \ufeff é 😀 \ud800 \udfff'.split(
    ' ',
  )

const DEPTHS = [3, 30, 60, 100, 150, 199, 200, 201, 500, 2_000]

export function hostileText(random: Random): string {
  switch (random.below(12)) {
    case 0:
      return nested(random)
    case 1:
      return longLiteral(random)
    case 2:
      return random.pick(CALLS)(random.pick(EVIL_PATTERNS))
    case 3:
      return Array.from({ length: random.below(60) }, () => random.pick(SOUP)).join(
        random.pick(['', ' ']),
      )
    case 4:
      return randomBytes(random)
    case 5:
      return longPath(random)
    case 6:
      return cutOff(random)
    default:
      return mutated(random)
  }
}

function nested(random: Random): string {
  const opening = random.pick(OPENINGS)
  const wanted = random.chance(0.02) ? 100_000 : random.pick(DEPTHS)
  const depth = Math.min(wanted, Math.floor(280_000 / opening.length))
  const other = random.chance(0.3) ? random.pick(OPENINGS) : ''
  const inner = random.pick(['1', 'a', '', '"x"', 'name == "x"', 'true'])
  return `${random.pick(['', 'Len(', 'set(name, '])}${(opening + other).repeat(Math.ceil(depth / (other === '' ? 1 : 2)))}${inner}${random.pick(CLOSINGS).repeat(random.pick([0, 1, depth]))}`
}

function longLiteral(random: Random): string {
  const length = random.chance(0.03)
    ? random.pick([200_000, 262_000, 300_000])
    : random.pick([19, 20, 400, 10_000])
  const digits = '9'.repeat(length)
  return random.pick([
    digits,
    `-${digits}`,
    `${digits}.${digits}`,
    `0.${'0'.repeat(length)}1e${digits.slice(0, 4)}`,
    `0x${'ab'.repeat(length >> 1)}`,
    `"${'a'.repeat(length)}"`,
    `"${'\\n'.repeat(length >> 1)}"`,
    `"${'\\'.repeat(length)}`,
    `"${'é'.repeat(length)}`,
    `[${'1,'.repeat(length >> 2)}1]`,
    `{${'"a":1,'.repeat(length >> 3)}}`,
    `IsMatch(name, "${'a'.repeat(length)}")`,
    `name == "${'x'.repeat(length)}"`,
    `${'true and '.repeat(length >> 4)}true`,
    `${'1 + '.repeat(length >> 3)}1`,
    `Concat([${'name, '.repeat(length >> 4)}name], "")`,
    `${' '.repeat(length)}true`,
    `${'A'.repeat(length)}(1)`,
    `${'aA'.repeat(length >> 5)}(1)`,
    `${'a A '.repeat(length >> 5)}`,
  ])
}

function longPath(random: Random): string {
  const count = random.pick([2, 50, 199, 200, 201, 3_000])
  const path = random.pick([
    `a${'.a'.repeat(count)}`,
    `attributes${'["a"]'.repeat(count)}`,
    `attributes${'[0]'.repeat(count)}`,
    `attributes${'[attributes["a"]]'.repeat(count >> 2)}`,
    `resource.${'attributes.'.repeat(count)}x`,
    `ParseJSON("{}")${'["a"]'.repeat(count)}`,
    `a${'.'.repeat(count)}`,
    `${'a'.repeat(count)}[${'b'.repeat(count)}]`,
  ])
  return random.pick([path, `${path} == nil`, `set(${path}, 1)`, `Len(${path})`])
}

/** Bytes read as UTF-8, as a rule file would be, or one by one. */
function randomBytes(random: Random): string {
  const bytes = Buffer.from(Array.from({ length: random.below(80) }, () => random.below(256)))
  const text = bytes.toString(random.pick(['utf8', 'latin1']))
  return random.chance(0.5) ? text : `name == "${text}"`
}

function made(random: Random): string {
  const maker = new ExpressionMaker(random, 'span')
  if (random.chance(0.4)) return maker.statement()
  return random.chance(0.5) ? maker.condition(3) : maker.value(random.pick(KINDS), 3)
}

function cutOff(random: Random): string {
  const text = made(random)
  return text.slice(
    random.below(3) === 0 ? random.below(text.length) : 0,
    random.below(text.length),
  )
}

function mutated(random: Random): string {
  let text = made(random)
  for (let i = random.below(4); i >= 0 && text !== ''; i--) text = damaged(random, text)
  return text
}
