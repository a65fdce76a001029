/** Which keys go with which action on an attribute: what upstream refuses when it is built, told all at once. */
import type { AttributeAction } from '../../config/fields/attribute-actions.ts'
import type { ConfigProblem } from '../../core/factory.ts'
import { compileRegex, type Regex } from '../regex.ts'

type Path = readonly (string | number)[]

/** `path` is that of the list in the section. */
export function checkActions(actions: readonly AttributeAction[], path: Path): ConfigProblem[] {
  if (actions.length === 0) {
    return [{ path, message: 'is missing', expected: 'at least one action' }]
  }
  return actions.flatMap((action, i) => new ActionCheck(action, [...path, i]).problems)
}

/** Keys by which an action gets its value. */
const SOURCES = ['value', 'from_attribute', 'from_context'] as const

type Key = keyof AttributeAction

class ActionCheck {
  readonly problems: ConfigProblem[] = []
  readonly #action: AttributeAction
  readonly #path: Path

  constructor(action: AttributeAction, path: Path) {
    this.#action = action
    this.#path = path
    this.#check()
  }

  #check(): void {
    const { key, pattern, action: name } = this.#action
    const isByPattern = name === 'delete' || name === 'hash'
    if (key === '' && !(isByPattern && pattern !== '')) {
      this.#tell('key', 'is missing', isByPattern ? 'key, pattern or both' : 'an attribute')
    }
    if (name === 'delete' || name === 'hash') {
      this.#refuse('value', 'from_attribute', 'converted_type')
      this.#regex()
    } else if (name === 'extract') {
      this.#refuse(...SOURCES, 'converted_type')
      this.#groups()
    } else if (name === 'convert') {
      this.#refuse(...SOURCES, 'pattern')
      this.#type()
    } else {
      this.#refuse('pattern', 'converted_type')
      this.#source()
    }
  }

  #source(): void {
    const given = SOURCES.filter(key => this.#has(key))
    if (given.length > 1) {
      this.#tell(given[1], `cannot be used together with ${given[0]}`, 'one source of the value')
    } else if (given.length === 0 && !this.#has('default_value')) {
      this.#tell('value', 'is missing', 'value, from_attribute, from_context or default_value')
    }
  }

  #type(): void {
    const { converted_type: type } = this.#action
    if (type === 'int' || type === 'double' || type === 'string') return
    const message = type === '' ? 'is missing' : `${type} is not a type to convert to`
    this.#tell('converted_type', message, 'int, double or string')
  }

  #groups(): void {
    if (this.#action.pattern === '') {
      this.#tell('pattern', 'is missing', 'a regular expression with named groups')
      return
    }
    const names = this.#regex()?.groupNames.slice(1)
    if (names === undefined) return
    const expected = 'named groups only, such as (?P<user>[^@]+)'
    if (names.length === 0) this.#tell('pattern', 'has no named group', expected)
    else if (names.includes('')) this.#tell('pattern', 'has a group without a name', expected)
  }

  #regex(): Regex | undefined {
    const { pattern } = this.#action
    if (pattern === '') return undefined
    try {
      return compileRegex(pattern)
    } catch (error) {
      this.#tell('pattern', (error as Error).message, 'a regular expression of RE2')
      return undefined
    }
  }

  #refuse(...keys: readonly Key[]): void {
    const { action } = this.#action
    for (const key of keys) {
      if (this.#has(key)) this.#tell(key, `is not used by ${action}`, 'to be left out')
    }
  }

  /** An empty text is a value, but not a name or a pattern. */
  #has(key: Key): boolean {
    const given = this.#action[key] ?? null
    return given !== null && (given !== '' || key === 'value' || key === 'default_value')
  }

  #tell(key: Key, message: string, expected: string): void {
    this.problems.push({ path: [...this.#path, key], message, expected })
  }
}
