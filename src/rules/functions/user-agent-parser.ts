/** Tells browsers and systems by the definitions of uap-core: an ordered list of expressions, the first that fits counts. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { parse } from 'yaml'
import { compileRegex, type Regex } from '../regex.ts'
import { requiredLiterals } from './required-literals.ts'
import { type DefinitionChanges, NEWER_BROWSERS, NEWER_SYSTEMS } from './user-agent-newer.ts'

/** As uap-core names them; replacements are templates over the groups of the expression. */
export interface Definition {
  readonly regex: string
  readonly family_replacement?: string
  readonly v1_replacement?: string
  readonly v2_replacement?: string
  readonly v3_replacement?: string
  readonly os_replacement?: string
  readonly os_v1_replacement?: string
  readonly os_v2_replacement?: string
  readonly os_v3_replacement?: string
  readonly os_v4_replacement?: string
}

export interface Product {
  readonly family: string
  /** `1.2.3`; '' when unknown. */
  readonly version: string
}

/** Longer texts are no honest user agents: their beginning is looked at. */
const MAX_LENGTH = 2_048
/** Results kept, for each of browsers and systems; the oldest goes first. */
const MAX_KEPT = 1_000

interface Rule {
  readonly source: string
  /** Nothing matches without one of these; null when none are known. */
  readonly literals: readonly string[] | null
  /** Family, then the parts of the version. */
  readonly templates: readonly string[]
  /** Compiled when a text first comes so far. */
  regex: Regex | null
}

class ProductFinder {
  readonly #rules: readonly Rule[]
  readonly #kept = new Map<string, Product>()

  constructor(rules: readonly Rule[]) {
    this.#rules = rules
  }

  find(userAgent: string): Product {
    const text = userAgent.slice(0, MAX_LENGTH)
    const known = this.#kept.get(text)
    if (known !== undefined) return known
    const found = this.#match(text)
    if (this.#kept.size >= MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value as string)
    this.#kept.set(text, found)
    return found
  }

  #match(text: string): Product {
    // What an expression without a family leaves behind stays, as in the reference.
    let version = ''
    for (const rule of this.#rules) {
      if (rule.literals?.some(literal => text.includes(literal)) === false) continue
      rule.regex ??= compileRegex(rule.source)
      const { regex } = rule
      const match = regex.find(text)
      if (match === null) continue
      const [family, ...parts] = rule.templates.map(template => regex.expand(template, match))
      version = parts.map((part, i) => (i === 0 || part === '' ? part : `.${part}`)).join('')
      if (family !== '') return { family, version }
    }
    return { family: 'Other', version }
  }
}

export interface UserAgentParser {
  readonly browsers: { find(userAgent: string): Product }
  readonly systems: { find(userAgent: string): Product }
}

let parser: UserAgentParser | undefined

/** The one parser of the process: reading the definitions takes some 50 ms, and happens when it is first asked for. */
export function userAgentParser(): UserAgentParser {
  if (parser === undefined) {
    const { user_agent_parsers, os_parsers } = readDefinitions()
    const browsers = changed(user_agent_parsers, NEWER_BROWSERS).map(browserRule)
    const systems = changed(os_parsers, NEWER_SYSTEMS).map(systemRule)
    parser = { browsers: new ProductFinder(browsers), systems: new ProductFinder(systems) }
  }
  return parser
}

interface Definitions {
  readonly user_agent_parsers: readonly Definition[]
  readonly os_parsers: readonly Definition[]
}

function readDefinitions(): Definitions {
  const path = createRequire(import.meta.url).resolve('uap-core/regexes.yaml')
  const text = readFileSync(path, 'utf8')
  // Devices come last, are more than half of it, and are not asked for.
  const end = text.indexOf('\ndevice_parsers:')
  return parse(end < 0 ? text : text.slice(0, end)) as Definitions
}

function changed(definitions: readonly Definition[], changes: DefinitionChanges): Definition[] {
  const removed = new Set(changes.removed)
  const added = new Map(changes.added.map(({ before, definitions }) => [before, definitions]))
  const kept = definitions.filter(({ regex }) => !removed.has(regex))
  const all = kept.flatMap(definition => [...(added.get(definition.regex) ?? []), definition])
  return [...all, ...(added.get('') ?? [])]
}

function browserRule(found: Definition): Rule {
  return ruleOf(found.regex, [
    found.family_replacement || '$1',
    found.v1_replacement || '$2',
    found.v2_replacement || '$3',
    found.v3_replacement || '$4',
  ])
}

function systemRule(found: Definition): Rule {
  return ruleOf(found.regex, [
    found.os_replacement || '$1',
    found.os_v1_replacement || '$2',
    found.os_v2_replacement || '$3',
    found.os_v3_replacement || '$4',
    found.os_v4_replacement || '$5',
  ])
}

function ruleOf(source: string, templates: readonly string[]): Rule {
  return { source, literals: requiredLiterals(source), templates, regex: null }
}
