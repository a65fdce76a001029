/** Arithmetic of OTTL: int64 wraps, an int with a float is a float, times and durations add and subtract. */
import type { MathOp } from './ast.ts'
import { Duration, EvaluationError, Time, typeName, type Value } from './value.ts'

export function calculate(left: Value, op: MathOp, right: Value): Value {
  if (left instanceof Time) return withTime(left, op, right)
  if (left instanceof Duration) return withDuration(left, op, right)
  if (typeof left === 'bigint' && typeof right === 'bigint') return integers(left, op, right)
  for (const value of [left, right]) {
    if (typeof value !== 'bigint' && typeof value !== 'number') {
      throw new EvaluationError(
        `${typeName(value)} must be int64, float64, time.Time or time.Duration`,
      )
    }
  }
  return floats(Number(left), op, Number(right))
}

export function negate(value: Value): Value {
  if (typeof value === 'bigint') return BigInt.asIntN(64, -value)
  if (typeof value === 'number') return -value
  throw new EvaluationError(`${typeName(value)} cannot have a minus before it`)
}

function integers(a: bigint, op: MathOp, b: bigint): bigint {
  if (op === '/' && b === 0n) throw dividedByZero()
  return BigInt.asIntN(64, op === '+' ? a + b : op === '-' ? a - b : op === '*' ? a * b : a / b)
}

function floats(a: number, op: MathOp, b: number): number {
  if (op === '/' && b === 0) throw dividedByZero()
  return op === '+' ? a + b : op === '-' ? a - b : op === '*' ? a * b : a / b
}

function dividedByZero(): EvaluationError {
  return new EvaluationError('attempted to divide by 0')
}

function withTime(time: Time, op: MathOp, right: Value): Value {
  if (op === '+') {
    if (right instanceof Duration) return new Time(time.unixNano + right.nanos, time.zone)
    throw new EvaluationError(
      `time.Time must be added to time.Duration; found ${typeName(right)} instead`,
    )
  }
  if (op !== '-') throw notForTimes()
  if (right instanceof Duration) return new Time(time.unixNano - right.nanos, time.zone)
  if (right instanceof Time) return new Duration(saturate(time.unixNano - right.unixNano))
  throw new EvaluationError(
    `time.Time or time.Duration must be subtracted from time.Time; found ${typeName(right)} instead`,
  )
}

function withDuration(duration: Duration, op: MathOp, right: Value): Value {
  if (op === '+') {
    if (right instanceof Time) return new Time(right.unixNano + duration.nanos, right.zone)
    if (right instanceof Duration) return wrapped(duration.nanos + right.nanos)
    throw new EvaluationError(
      `time.Duration must be added to time.Time or time.Duration; found ${typeName(right)} instead`,
    )
  }
  if (op !== '-') throw notForTimes()
  if (right instanceof Duration) return wrapped(duration.nanos - right.nanos)
  throw new EvaluationError(
    `time.Duration must be subtracted from time.Duration; found ${typeName(right)} instead`,
  )
}

function notForTimes(): EvaluationError {
  return new EvaluationError(
    'only addition and subtraction supported for time.Time and time.Duration',
  )
}

function wrapped(nanos: bigint): Duration {
  return new Duration(BigInt.asIntN(64, nanos))
}

/** Go's time.Sub stops at the limits of a duration. */
function saturate(nanos: bigint): bigint {
  const max = 2n ** 63n - 1n
  return nanos > max ? max : nanos < -max - 1n ? -max - 1n : nanos
}
