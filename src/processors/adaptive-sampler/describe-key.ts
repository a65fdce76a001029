/** In words what stood out most in a trace. */
import type { OperationName, Operations } from '../../sampler/assembly/operations.ts'
import type { LoggedDecision } from './decision-log.ts'
import { kindOf } from './tick-rows.ts'

const SPAN_KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer']

/** Names are what senders say, and are shown on terminals. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it is for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** Null when nothing did. */
export function describeKey(
  { why, operation, callee }: Pick<LoggedDecision, 'why' | 'operation' | 'callee'>,
  operations: Pick<Operations, 'describe' | 'count'>,
): string | null {
  const kind = kindOf(why)
  if (kind === 'none' || operation < 0 || operation >= operations.count) return null
  const name = show(operations.describe(operation))
  switch (kind) {
    case 'self':
      return `${name}: own time`
    case 'gap':
      if (callee < 0 || callee >= operations.count) return `${name}: time on the way`
      return `${name} -> ${show(operations.describe(callee))}: time on the way`
    case 'structure':
      return `${name}: shape of the trace`
    case 'duration':
      return `${name}: duration of the trace`
    case 'error':
      return `${name}: errors`
  }
}

function show({ service, name, kind }: OperationName): string {
  const operation = name === '' ? '(other operations)' : name
  const role = SPAN_KINDS[kind]
  const words = [service || '(no service)', operation, role && `(${role})`].filter(Boolean)
  return words.join(' ').replace(CONTROLS, '\ufffd')
}
