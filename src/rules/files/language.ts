/** The language of rule files: the contexts over bytes, and all functions. */
import { contextSpec } from '../contexts/index.ts'
import { standardFunctions } from '../functions/index.ts'
import type { RuleLanguage } from './rule-set.ts'

export const ruleLanguage: RuleLanguage = {
  context: name => contextSpec(name),
  functions: standardFunctions,
}
