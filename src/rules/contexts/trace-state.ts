/** W3C trace state as a list of `key=value` members: https://www.w3.org/TR/trace-context/#tracestate-header */
import { readString } from '../../otlp/wire-reader.ts'
import type { PathKey } from '../context.ts'
import type { Target } from '../function.ts'
import { EvaluationError } from '../value.ts'
import type { Cursor } from './cursor.ts'
import { type Field, mismatch } from './field.ts'
import { fieldWriter } from './field-writer.ts'
import { putWritten } from './scalars.ts'

const MAX_MEMBERS = 32

const KEY = /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

type Members = [key: string, value: string][]

/** Undefined when the text is no trace state. */
function parseMembers(text: string): Members | undefined {
  const members: Members = []
  const seen = new Set<string>()
  for (const part of text.split(',')) {
    const member = part.replace(/^[ \t]+|[ \t]+$/g, '')
    if (member === '') continue
    const at = member.indexOf('=')
    const key = member.slice(0, at)
    const value = member.slice(at + 1)
    if (at < 0 || !KEY.test(key) || !VALUE.test(value)) return undefined
    if (seen.has(key) || members.length === MAX_MEMBERS) return undefined
    seen.add(key)
    members.push([key, value])
  }
  return members
}

/** One member by its key. A text that is no trace state reads as nil and stays as it is. */
export function traceStateKey(field: Field, key: PathKey): Target {
  const textOf = (cursor: Cursor): string => {
    const message = cursor.places[field.place]
    const at = message.find(field.number)
    return at < 0 ? '' : readString(message.bytes, message.startOf(at), message.endOf(at))
  }
  // The reference takes no expression here.
  const keyOf = (): string => {
    if (key.kind === 'string') return key.value
    throw new EvaluationError('trace_state indexing type must be a string')
  }
  return {
    get: scope => {
      const members = parseMembers(textOf(scope as Cursor))
      if (members === undefined) return null
      const name = keyOf()
      return members.find(member => member[0] === name)?.[1] ?? ''
    },
    set: (scope, value) => {
      if (typeof value !== 'string') throw mismatch('string', value)
      const cursor = scope as Cursor
      const members = parseMembers(textOf(cursor))
      if (members === undefined) return
      const name = keyOf()
      if (!KEY.test(name) || !VALUE.test(value)) return
      const others = members.filter(member => member[0] !== name).slice(0, MAX_MEMBERS - 1)
      const text = [[name, value], ...others].map(member => member.join('=')).join(',')
      putWritten(cursor.places[field.place], field.number, fieldWriter.text(field.number, text))
    },
  }
}
