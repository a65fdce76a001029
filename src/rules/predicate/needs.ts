/** What a slot has to be for a condition to have a chance, so that the conditions of other values need not be tried. */
import type { BytePattern } from './byte-pattern.ts'
import type { Constant } from './comparisons.ts'
import type { SlotPlan, SlotRef } from './slot-plan.ts'

/** One of: this literal of the slot; this number, of either kind; a text that begins so; another kind; nothing. */
export type Need =
  | { readonly ref: SlotRef; readonly literal: number }
  | { readonly ref: SlotRef; readonly value: number }
  | { readonly ref: SlotRef; readonly firstByte: number }
  | { readonly ref: SlotRef; readonly kind: 'other' | 'nil' }

/** Null when nothing can be said. */
export function needsOfEquality(plan: SlotPlan, ref: SlotRef, constant: Constant): Need[] | null {
  if (typeof constant === 'string') {
    // An absent field is an empty text and shows no literal.
    if (ref.kind !== 'any' && constant === '') return null
    return [{ ref, literal: plan.literal(ref, constant) }]
  }
  const isNumber = typeof constant === 'bigint' || typeof constant === 'number'
  // Beyond 2^53 different integers are the same double.
  if (!isNumber || !(Math.abs(Number(constant)) <= Number.MAX_SAFE_INTEGER)) return null
  return ref.kind === 'text' ? null : [{ ref, value: Number(constant) }]
}

/** Other kinds may become a text that matches, or fail; `failsOnNil` says whether nothing fails too. */
export function needsOfPattern(
  plan: SlotPlan,
  ref: SlotRef,
  { kind, literals }: BytePattern,
  failsOnNil: boolean,
): Need[] | null {
  if (kind === 'suffix' || kind === 'contains' || literals.includes('')) return null
  const needs: Need[] = literals.map(text =>
    kind === 'exact'
      ? { ref, literal: plan.literal(ref, text) }
      : { ref, firstByte: Buffer.from(text)[0] },
  )
  if (ref.kind !== 'any') return needs
  needs.push({ ref, kind: 'other' })
  if (failsOnNil) needs.push({ ref, kind: 'nil' })
  return needs
}
