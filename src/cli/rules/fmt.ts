/** `millrace rules fmt`: one way to write rule files. Comments and meaning stay; keys get their order, expressions their spaces. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  isMap,
  isPair,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { readYaml } from '../../config/read-yaml.ts'
import { readSource } from '../../rules/files/read-file.ts'
import { parseCondition, parseStatement } from '../../rules/parser.ts'
import { printCondition, printStatement } from '../../rules/print.ts'
import { type CliIo, EXIT } from '../io.ts'
import { tellProblems } from './rule-files.ts'

const FILE_KEYS = ['version', 'defaults', 'rules', 'cases']
const RULE_KEYS = [
  ...['name', 'description', 'on', 'tenants', 'when', 'do', 'continue', 'error_mode'],
  // Of cases.
  ...['tenant', 'resource', 'scope', 'span', 'log', 'metric', 'expect'],
]

export function formatRuleFiles(
  paths: readonly string[],
  options: { readonly check: boolean; readonly stdout: boolean },
  io: CliIo,
): void {
  for (const path of paths) {
    const source = readSource(path, io.cwd)
    const { problems } = readYaml(source)
    if (problems.length > 0) {
      tellProblems(problems, io)
      continue
    }
    const text = formatRules(source.text)
    if (options.stdout) io.stdout.write(text)
    else if (text === source.text) continue
    else if (options.check) {
      io.stdout.write(`${path} is not formatted\n`)
      io.setExitCode(EXIT.failed)
    } else {
      writeFileSync(resolve(io.cwd, path), text)
      io.stdout.write(`${path} formatted\n`)
    }
  }
}

/** The text must be valid YAML. */
export function formatRules(text: string): string {
  // Scalars stay the texts that they are: an id of digits must not become a number.
  const doc = parseDocument(text, { schema: 'failsafe' })
  const { contents } = doc
  if (isMap(contents)) {
    orderKeys(contents, FILE_KEYS)
    for (const list of ['rules', 'cases']) {
      const rules = contents.get(list)
      if (isSeq(rules)) for (const rule of rules.items) if (isMap(rule)) formatRule(rule)
    }
  }
  visit(doc, { Map: (_, node) => padFlow(node, ' '), Seq: (_, node) => padFlow(node, '') })
  return doc.toString({ lineWidth: 0, indentSeq: true })
}

/** `{ a: 1 }` and `[a, b]`; the library pads both alike. */
function padFlow(node: YAMLMap | YAMLSeq, padding: string): void {
  const print = node.toString.bind(node)
  node.toString = (context, onComment, onChompKeep) =>
    print(context && { ...context, flowCollectionPadding: padding }, onComment, onChompKeep)
}

function formatRule(rule: YAMLMap): void {
  orderKeys(rule, RULE_KEYS)
  respace(rule.get('when', true), text => printCondition(parseCondition(text)))
  const action = rule.get('do')
  const edits = isMap(action) ? action.get('edit') : action
  if (isSeq(edits)) {
    for (const edit of edits.items) respace(edit, text => printStatement(parseStatement(text)))
  }
}

/** Known keys first, in their order; a comment in front of the first key stays where it is. */
function orderKeys(map: YAMLMap, order: readonly string[]): void {
  const place = (item: unknown): number => {
    const key = isPair(item) && isScalar(item.key) ? String(item.key.value) : ''
    const at = order.indexOf(key)
    return at < 0 ? order.length : at
  }
  map.items.sort((a, b) => place(a) - place(b))
  liftComment(map)
}

/** A comment on what is now the first key goes before the whole rule. */
function liftComment(map: YAMLMap): void {
  const key = map.items[0]?.key
  if (!isScalar(key) || !key.commentBefore || map.commentBefore) return
  map.commentBefore = key.commentBefore
  key.commentBefore = null
}

/** Only spaces and needless parentheses may change; what does not parse, or goes over several lines, stays as it is. */
function respace(node: unknown, print: (text: string) => string): void {
  if (!isScalar(node) || typeof node.value !== 'string' || node.value.includes('\n')) return
  const bare = (text: string): string => text.replace(/[\s()]+/g, '')
  try {
    const printed = print(node.value)
    if (bare(printed) === bare(node.value)) node.value = printed
  } catch {
    // `rules check` tells what is wrong with it.
  }
}
