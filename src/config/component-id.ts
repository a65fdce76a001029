/** Ids as configurations write them: `type` or `type/name` for components, `signal` or `signal/name` for pipelines. */
import { SIGNALS, type Signal } from '../core/signal.ts'
import { findNearest } from '../util/nearest.ts'

export interface ComponentId {
  readonly type: string
  /** Empty if there is none. */
  readonly name: string
}

/** The parts, or a sentence that says what is wrong. Upstream's rules for both parts. */
export function parseComponentId(text: string): ComponentId | string {
  const cut = text.indexOf('/')
  const type = cut < 0 ? text : text.slice(0, cut)
  const name = cut < 0 ? '' : text.slice(cut + 1)
  if (!/^[a-zA-Z][0-9a-zA-Z_]{0,62}$/.test(type)) {
    return `"${type}" is not a component type; types begin with a letter and have letters, digits and _`
  }
  if (cut >= 0 && (name.length > 1024 || !/^[^\p{Z}\p{C}\p{S}]+$/u.test(name))) {
    return 'the name after the slash is empty, too long, or has spaces or symbols'
  }
  return { type, name }
}

export interface BadPipelineId {
  readonly message: string
  readonly expected?: string
  readonly nearest?: string
}

/** Signal of a pipeline id, or what is wrong with it. */
export function parsePipelineId(text: string): Signal | BadPipelineId {
  const id = parseComponentId(text)
  const expected = `${SIGNALS.join(', ')}, or one of them with /name`
  if (typeof id === 'string') return { message: `is not a pipeline id: ${id}`, expected }
  const signal = SIGNALS.find(each => each === id.type)
  if (signal !== undefined) return signal
  if (id.type === 'profiles') {
    return {
      message: 'profiles are not supported by this build; upstream has them as alpha',
      expected,
    }
  }
  const nearest = findNearest(id.type, SIGNALS)
  const message = `"${id.type}" is not a signal`
  return nearest === undefined ? { message, expected } : { message, expected, nearest }
}
