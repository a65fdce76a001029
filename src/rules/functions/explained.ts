/** Getters of arguments whose errors say what they were wanted for, in functions where the reference's errors do. */
import { constantOf } from '../constant.ts'
import type { Getter } from '../function.ts'
import { EvaluationError } from '../value.ts'

/** Puts `what` and a colon before the message of an error of `get`. */
export function explained(get: Getter, what: string): Getter {
  if (constantOf(get) !== undefined) return get
  return scope => {
    try {
      return get(scope)
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
      throw new EvaluationError(`${what}: ${error.message}`)
    }
  }
}
