/** All functions that every context has; those of one context alone (IsRootSpan) are declared with that context. */
import type { FunctionSpec } from '../function.ts'
import { caseFunctions } from './case.ts'
import { collectionFunctions } from './collections.ts'
import { communityIdFunctions } from './community-id.ts'
import { valueEditors } from './editors.ts'
import { encodeFunctions } from './encode.ts'
import { formatFunctions } from './format.ts'
import { grokFunctions } from './grok.ts'
import { hashFunctions } from './hash.ts'
import { idFunctions } from './ids.ts'
import { keyValueFunctions } from './key-value.ts'
import { lambdaFunctions } from './lambdas.ts'
import { mapEditors } from './map-editors.ts'
import { matchFunctions } from './match.ts'
import { networkFunctions } from './network.ts'
import { csvFunctions } from './parse-csv.ts'
import { jsonFunctions } from './parse-json.ts'
import { severityFunctions } from './parse-severity.ts'
import { replaceEditors } from './replace.ts'
import { textFunctions } from './text.ts'
import { timeFunctions } from './time.ts'
import { timePartFunctions } from './time-parts.ts'
import { typeFunctions } from './types.ts'
import { urlFunctions } from './url.ts'
import { userAgentFunctions } from './user-agent.ts'
import { uuidFunctions } from './uuid.ts'
import { xmlEditFunctions } from './xml/edit.ts'
import { xmlValueFunctions } from './xml/values.ts'

/**
 * Each file of this folder adds its list here. A function's example is run by a test: `result` is the value as OTTL
 * writes it (`"text"`, `1`, `1.0`, `0x01`, `[1, 2]`, `{"k": 1}`, `nil`; a time in RFC 3339, a duration as Go prints it);
 * for an editor the `attributes` afterwards (before: the map in `before`, else none); a result in `<angle brackets>` says what comes where it differs each time.
 */
const LISTS: readonly (readonly FunctionSpec[])[] = [
  caseFunctions,
  formatFunctions,
  idFunctions,
  collectionFunctions,
  lambdaFunctions,
  mapEditors,
  replaceEditors,
  valueEditors,
  matchFunctions,
  networkFunctions,
  textFunctions,
  timeFunctions,
  timePartFunctions,
  csvFunctions,
  jsonFunctions,
  keyValueFunctions,
  severityFunctions,
  grokFunctions,
  urlFunctions,
  userAgentFunctions,
  communityIdFunctions,
  encodeFunctions,
  hashFunctions,
  uuidFunctions,
  xmlEditFunctions,
  xmlValueFunctions,
  typeFunctions,
]

export const standardFunctions: readonly FunctionSpec[] = LISTS.flat()
