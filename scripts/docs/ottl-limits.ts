/** The bounds of the rule language, as the code has them. */
import { MAX_ENTRIES } from '../../src/rules/contexts/cache.ts'
import { MAX_NESTING } from '../../src/rules/contexts/field-writer.ts'
import { MAX_MESSAGE_BYTES } from '../../src/rules/contexts/root-message.ts'
import { MAX_APPENDED_LENGTH } from '../../src/rules/functions/editors.ts'
import { MAX_FLATTENED_KEYS } from '../../src/rules/functions/flatten.ts'
import { MAX_GATHERED_VALUES } from '../../src/rules/functions/lambdas.ts'
import { MAX_CONCAT_LENGTH } from '../../src/rules/functions/text.ts'
import { MAX_XML_DEPTH, MAX_XML_LENGTH, MAX_XML_PARTS } from '../../src/rules/functions/xml/read.ts'
import { MAX_XML_OUTPUT } from '../../src/rules/functions/xml/tree.ts'
import { MAX_XML_VALUE_DEPTH } from '../../src/rules/functions/xml/values.ts'
import { MAX_XPATH_VISITS } from '../../src/rules/functions/xml/xpath-nodes.ts'
import { MAX_XPATH_LENGTH } from '../../src/rules/functions/xml/xpath-parse.ts'
import { MAX_EXPRESSION_LENGTH } from '../../src/rules/lexer.ts'
import { MAX_TREE_DEPTH } from '../../src/rules/parser.ts'
import { MAX_PATTERN_LENGTH, MAX_REPLACED_LENGTH } from '../../src/rules/regex.ts'
import { MAX_EXPRESSION_DEPTH } from '../../src/rules/token-cursor.ts'
import { MAX_KEYS } from '../../src/rules/value-parser.ts'

const LIMITS: readonly (readonly [what: string, most: number])[] = [
  ['characters of one expression', MAX_EXPRESSION_LENGTH],
  ['parentheses, calls, lists, maps and keys within each other', MAX_EXPRESSION_DEPTH],
  ['operations within each other, as in `1 + 1 + 1`', MAX_TREE_DEPTH],
  ['keys after one path or converter', MAX_KEYS],
  ['characters of a regular expression', MAX_PATTERN_LENGTH],
  ['characters of a text in which was replaced', MAX_REPLACED_LENGTH],
  ['characters that `Concat` gives', MAX_CONCAT_LENGTH],
  ['items of a list that `append` adds to', MAX_APPENDED_LENGTH],
  ['keys that `flatten` gives', MAX_FLATTENED_KEYS],
  ['values inside of what `Reduce` gathers', MAX_GATHERED_VALUES],
  ['entries of `cache`', MAX_ENTRIES],
  ['lists and maps within each other in a value that is set', MAX_NESTING],
  ['bytes of an item, resource or scope that was edited', MAX_MESSAGE_BYTES],
  ['characters of an XML document that is read', MAX_XML_LENGTH],
  ['characters of an XML document that is written', MAX_XML_OUTPUT],
  ['tags, texts, attributes and entities of an XML document', MAX_XML_PARTS],
  ['elements within each other in an XML document', MAX_XML_DEPTH],
  ['elements within each other for `ParseXML`', MAX_XML_VALUE_DEPTH],
  ['characters of an XPath', MAX_XPATH_LENGTH],
  ['nodes that an XPath may visit', MAX_XPATH_VISITS],
]

export function limitsTable(): string {
  const rows = LIMITS.map(([what, most]) => `| ${what} | ${most.toLocaleString('en-US')} |`)
  return ['| most | |', '|---|---|', ...rows].join('\n')
}
