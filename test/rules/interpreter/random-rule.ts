/** Random rules with telemetry to run them on; some have a part of another rule put in the place of one of theirs. */
import { Random } from '../../../src/cli/generate/random.ts'
import { SIGNALS, type Signal } from '../../../src/otlp/signal.ts'
import type { BooleanNode, ValueNode } from '../../../src/rules/ast.ts'
import { type AnyNode, childrenOf } from '../../../src/rules/children.ts'
import type { ContextName } from '../../../src/rules/context.ts'
import { contextsOf } from '../../../src/rules/contexts/index.ts'
import { parseCondition, parseStatement, parseValue } from '../../../src/rules/parser.ts'
import { printCondition, printStatement, printValue } from '../../../src/rules/print.ts'
import { bytesOf } from '../generate/ask.ts'
import { ExpressionMaker } from '../generate/expressions.ts'
import { telemetryJson } from '../generate/telemetry.ts'
import { KINDS } from '../generate/words.ts'

export interface RandomRule {
  readonly signal: Signal
  readonly context: ContextName
  readonly kind: RuleKind
  readonly text: string
  /** An export request. */
  readonly bytes: Uint8Array
}

const RULE_KINDS = ['value', 'condition', 'statement'] as const
export type RuleKind = (typeof RULE_KINDS)[number]

export function randomRule(seed: number): RandomRule {
  const random = new Random(seed)
  const signal = random.pick(SIGNALS)
  const context = random.pick(contextsOf(signal))
  const kind = random.pick(RULE_KINDS)
  const maker = new ExpressionMaker(random, context)
  const plain = makeText(maker, random, kind)
  const text = random.chance(0.4) ? grafted(random, kind, plain, maker) : plain
  return { signal, context, kind, text, bytes: bytesOf(signal, telemetryJson(random, signal)) }
}

function makeText(maker: ExpressionMaker, random: Random, kind: RuleKind): string {
  if (kind === 'statement') return maker.statement()
  return kind === 'condition' ? maker.condition(3) : maker.value(random.pick(KINDS), 3)
}

/** A text that is no OTTL stays as it is. */
function grafted(random: Random, kind: RuleKind, text: string, maker: ExpressionMaker): string {
  try {
    const tree = parse(kind, text)
    const donor = parseValue(maker.value(random.pick(KINDS), 2))
    const places = valuesIn(tree)
    if (places.length === 0) return text
    return print(replaced(tree, random.pick(places), random.pick(valuesIn(donor))) as AnyNode)
  } catch (error) {
    if (error instanceof Error && error.name === 'SyntaxFault') return text
    throw error
  }
}

export function parse(kind: RuleKind, text: string): AnyNode {
  if (kind === 'statement') return parseStatement(text)
  return kind === 'condition' ? parseCondition(text) : parseValue(text)
}

export function print(node: AnyNode): string {
  if (node.kind === 'statement') return printStatement(node)
  return isCondition(node) ? printCondition(node) : printValue(node)
}

export function isCondition(node: AnyNode): node is BooleanNode {
  return ['or', 'and', 'not', 'comparison', 'constant', 'condition'].includes(node.kind)
}

/** Nodes in the places of values: neither an editor nor a converter that is a condition itself. */
function valuesIn(node: AnyNode): ValueNode[] {
  if (node.kind === 'statement') {
    const inEditor = childrenOf(node.editor).flatMap(valuesIn)
    return node.where === null ? inEditor : [...inEditor, ...valuesIn(node.where)]
  }
  if (node.kind === 'condition') return childrenOf(node.call).flatMap(valuesIn)
  const below = childrenOf(node).flatMap(valuesIn)
  return isCondition(node) ? below : [node, ...below]
}

/** A copy with one node in the place of another. */
function replaced(tree: unknown, place: unknown, by: ValueNode): unknown {
  if (tree === place) return by
  if (Array.isArray(tree)) return tree.map(item => replaced(item, place, by))
  if (tree === null || typeof tree !== 'object' || tree instanceof Uint8Array) return tree
  return Object.fromEntries(
    Object.entries(tree).map(([key, item]) => [key, replaced(item, place, by)]),
  )
}
