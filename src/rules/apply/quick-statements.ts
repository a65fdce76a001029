/**
 * Finds out whether a group of statements is made of edits that can be told in advance (see `quick-edits.ts`), and makes their
 * program. Only for statements that are compiled already: what is not one of the common forms gives null, and all of the
 * group is done in the general way, which is always right.
 */

import { skipVarint } from '../../otlp/wire-reader.ts'
import type { BooleanNode, Call, ComparisonNode, PathNode, ValueNode } from '../ast.ts'
import type { ContextName } from '../context.ts'
import { fieldWriter } from '../contexts/field-writer.ts'
import { contextSpec } from '../contexts/index.ts'
import {
  ChangeText,
  GuardedStep,
  joined,
  NO,
  negated,
  PutField,
  QuickProgram,
  type QuickStep,
  QuickSteps,
  type QuickTest,
  RemovePair,
  testNil,
  testNumber,
  testText,
  YES,
} from '../contexts/quick-edits.ts'
import { QuickItem } from '../contexts/quick-item.ts'
import { parseCondition, parseStatement } from '../parser.ts'
import { compileRegex } from '../regex.ts'
import type { Value } from '../value.ts'

/** Items whose fields have the same numbers whatever they stand in. */
interface ItemForm {
  readonly attributes: number
  /** By path. */
  readonly texts: Readonly<Record<string, number>>
  readonly numbers: Readonly<Record<string, number>>
}

const FORMS: Readonly<Partial<Record<ContextName, ItemForm>>> = {
  span: { attributes: 9, texts: { name: 5 }, numbers: { kind: 6 } },
  log: { attributes: 6, texts: { severity_text: 3 }, numbers: { severity_number: 2 } },
}

export interface QuickGroup {
  readonly statements: readonly string[]
  /** Joined by `or`; none = always. */
  readonly conditions: readonly string[]
}

/** Groups that follow each other in one context. */
export function compileQuick(
  groups: readonly QuickGroup[],
  context: ContextName,
): QuickProgram | null {
  const form = FORMS[context]
  if (form === undefined) return null
  const item = new QuickItem(form.attributes)
  const compiler = new QuickCompiler(item, form, context)
  const steps = groups.map(group => compiler.group(group))
  return steps.every(step => step !== null) ? new QuickProgram(item, new QuickSteps(steps)) : null
}

class QuickCompiler {
  readonly #item: QuickItem
  readonly #form: ItemForm
  readonly #context: ContextName

  constructor(item: QuickItem, form: ItemForm, context: ContextName) {
    this.#item = item
    this.#form = form
    this.#context = context
  }

  group({ statements, conditions }: QuickGroup): QuickStep | null {
    const steps = statements.map(text => this.#statement(text))
    if (!steps.every(step => step !== null)) return null
    const step = new QuickSteps(steps)
    if (conditions.length === 0) return step
    const tests = conditions.map(text => this.#test(parseCondition(text)))
    return tests.every(test => test !== null) ? new GuardedStep(joined(tests, YES), step) : null
  }

  #statement(text: string): QuickStep | null {
    const { editor, where } = parseStatement(text)
    const step = this.#edit(editor)
    if (step === null || where === null) return step
    const test = this.#test(where)
    return test === null ? null : new GuardedStep(test, step)
  }

  #edit({ name, args }: Call): QuickStep | null {
    if (args.some(arg => arg.name !== '')) return null
    const [target, first, second] = args.map(arg => arg.value)
    if (target?.kind !== 'path') return null
    if (name === 'set' && args.length === 2) return this.#set(target, first)
    if (name === 'delete_key' && args.length === 2) return this.#deleteKey(target, first)
    if (name === 'replace_pattern' && args.length === 3) {
      return this.#replacePattern(target, first, second)
    }
    return null
  }

  #set(target: PathNode, node: ValueNode): QuickStep | null {
    const value = this.#constant(node)
    if (value === undefined) return null
    const key = this.#keyOf(target)
    if (key !== null) {
      const slot = this.#item.pair(Buffer.from(key))
      if (slot < 0) return null
      return putField(slot, fieldWriter.pair(this.#item.pairs, key, value))
    }
    const number = this.#form.texts[this.#nameOf(target)]
    if (number === undefined || typeof value !== 'string' || value === '') return null
    return putField(this.#item.field(number), fieldWriter.text(number, value))
  }

  #deleteKey(target: PathNode, key: ValueNode): QuickStep | null {
    if (this.#nameOf(target) !== 'attributes' || key.kind !== 'string') return null
    const slot = this.#item.pair(Buffer.from(key.value))
    return slot < 0 ? null : new RemovePair(slot)
  }

  #replacePattern(target: PathNode, pattern: ValueNode, replacement: ValueNode): QuickStep | null {
    const key = this.#keyOf(target)
    if (key === null || pattern.kind !== 'string' || replacement.kind !== 'string') return null
    const change = compileRegex(pattern.value).bytesReplacer(replacement.value)
    const slot = this.#item.pair(Buffer.from(key))
    return change === null || slot < 0 ? null : new ChangeText(slot, change)
  }

  #test(node: BooleanNode): QuickTest | null {
    switch (node.kind) {
      case 'and':
        return this.#join(node.factors, NO)
      case 'or':
        return this.#join(node.terms, YES)
      case 'not': {
        const test = this.#test(node.operand)
        return test === null ? null : negated(test)
      }
      case 'comparison':
        return this.#comparison(node)
      default:
        return null
    }
  }

  #join(nodes: readonly BooleanNode[], decisive: typeof NO | typeof YES): QuickTest | null {
    const tests = nodes.map(node => this.#test(node))
    return tests.every(test => test !== null) ? joined(tests, decisive) : null
  }

  #comparison({ left, op, right }: ComparisonNode): QuickTest | null {
    if (left.kind !== 'path' || (op !== '==' && op !== '!=')) return null
    const value = right.kind === 'nil' ? null : this.#constant(right)
    if (value === undefined) return null
    const test = this.#equality(left, value)
    return test === null || op === '==' ? test : negated(test)
  }

  #equality(path: PathNode, value: Value): QuickTest | null {
    const number = this.#form.numbers[this.#nameOf(path)]
    if (number !== undefined) {
      const wanted = typeof value === 'bigint' ? Number(value) : Number.NaN
      return Number.isSafeInteger(wanted) ? testNumber(this.#item.field(number), wanted) : null
    }
    const key = this.#keyOf(path)
    const slot = key === null ? -1 : this.#item.pair(Buffer.from(key))
    if (slot < 0) return null
    if (value === null) return testNil(slot)
    return typeof value === 'string' ? testText(slot, Buffer.from(value)) : null
  }

  /** The key of `attributes["key"]`. */
  #keyOf(path: PathNode): string | null {
    const [field, ...others] = this.#fields(path)
    if (field?.name !== 'attributes' || others.length > 0 || field.keys.length !== 1) return null
    const [key] = field.keys
    return key.kind === 'string' ? key.value : null
  }

  /** Of a path of one name without keys; else empty. */
  #nameOf(path: PathNode): string {
    const [field, ...others] = this.#fields(path)
    return field !== undefined && others.length === 0 && field.keys.length === 0 ? field.name : ''
  }

  #fields({ context, fields }: PathNode): PathNode['fields'] {
    return context === '' || context === this.#context ? fields : []
  }

  /** Undefined for what is no literal. */
  #constant(node: ValueNode): Value | undefined {
    switch (node.kind) {
      case 'int':
      case 'float':
      case 'string':
      case 'bool':
        return node.value
      case 'enum':
        return contextSpec(this.#context).enums.get(node.name)
      default:
        return undefined
    }
  }
}

/** A field that was just written, with its content after two varints. */
function putField(slot: number, written: { bytes: Uint8Array; length: number }): QuickStep {
  const field = new Uint8Array(written.bytes.subarray(0, written.length))
  return new PutField(slot, field, skipVarint(field, skipVarint(field, 0)))
}
