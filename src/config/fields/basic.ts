/** The small pieces of every schema: sections, durations, sizes, integers, secrets. Apart so that the larger pieces can use them. */
import { z } from 'zod'
import { parseDuration } from '../../util/duration.ts'
import { Secret } from '../../util/secret.ts'

type Shape = Readonly<Record<string, z.ZodType>>
type SectionOf<S extends Shape> = z.output<z.ZodObject<S, z.core.$strict>>

/** What a check found wrong, and what would be right. */
export interface Wrong {
  readonly message: string
  readonly expected: string
}

/** JSON Schema keywords that a piece adds for editors, the docs and the printing of configurations. */
export type Keywords = Readonly<Record<string, unknown>>

/** Marks a text that names a component of this kind, so that references can be checked for all components alike. */
export const REFERENCE_KEYWORD = 'x-millrace-reference'

/** Marks a key that is accepted for upstream's sake and has no effect. */
export const IDLE_KEYWORD = 'x-millrace-no-effect'

/** A key without effect: who asks for something else than its default is warned. */
export function idle<S extends z.ZodType>(schema: S): S {
  return schema.meta({ [IDLE_KEYWORD]: true }) as S
}

/**
 * An object with known keys. Absent or YAML null means: all defaults, as in upstream (`batch:`).
 * Unknown keys are faults.
 */
export function section<S extends Shape>(shape: S): z.ZodType<SectionOf<S>> {
  return strict(shape).prefault({}) as unknown as z.ZodType<SectionOf<S>>
}

/**
 * As `section`, but absent stays absent: the presence of the key, even with null, switches the part on, unless
 * `enabled: false` is in it. `enabled` is added to the shape, as upstream does, and is not in the output.
 */
export function optionalSection<S extends Shape>(shape: S): z.ZodOptional<z.ZodType<SectionOf<S>>> {
  if ('enabled' in shape) return z.optional(strict(shape) as unknown as z.ZodType<SectionOf<S>>)
  const switched = strict({ enabled: ENABLED, ...shape }).transform(value => {
    const { enabled, ...rest } = value as Record<string, unknown>
    return enabled ? rest : undefined
  })
  return z.optional(switched as unknown as z.ZodType<SectionOf<S>>)
}

const ENABLED = z.boolean().default(true).describe('False is the same as leaving the section out.')

function strict(shape: Shape): z.ZodType {
  return z.preprocess(value => (value === null ? {} : value), z.strictObject(shape))
}

/** Texts; absent or YAML null means none, as in upstream, also where no section is around them. */
export function textList(): z.ZodType<string[]> {
  const list = z.preprocess(value => (value === null ? [] : value), z.array(z.string()))
  return list.default([]) as unknown as z.ZodType<string[]>
}

/** A text that `read` turns into a value or finds wrong. `keywords` describe it in the JSON Schema. */
export function textField<T>(
  read: (text: string) => T | Wrong,
  keywords: Keywords = {},
): z.ZodType<T> {
  return z
    .string()
    .transform((text, context) => settle(context, read(text), text))
    .meta({ ...keywords }) as unknown as z.ZodType<T>
}

/** Any scalar that `read` turns into a value or finds wrong. */
export function scalarField<T>(
  read: (value: unknown) => T | Wrong,
  keywords: Keywords,
): z.ZodType<T> {
  return z
    .any()
    .transform((value, context) => settle(context, read(value), value))
    .meta({ ...keywords }) as unknown as z.ZodType<T>
}

function settle<T>(context: z.core.$RefinementCtx, result: T | Wrong, input: unknown): T {
  if (!isWrong(result)) return result
  const { message, expected } = result
  context.issues.push({ code: 'custom', input, message, params: { expected } })
  return z.NEVER
}

const WRONGS = new WeakSet<object>()

/** The answer of a `read` function that does not like what it was given. */
export function wrong(message: string, expected: string): Wrong {
  const found: Wrong = { message, expected }
  WRONGS.add(found)
  return found
}

function isWrong(value: unknown): value is Wrong {
  return typeof value === 'object' && value !== null && WRONGS.has(value)
}

export interface DurationLimits {
  /** Least, in milliseconds; 0 if not said. Negative values of it allow negative durations. */
  readonly minMs?: number
  /** Greatest, in milliseconds. */
  readonly maxMs?: number
  /** Refuses 0. */
  readonly positive?: boolean
}

/** A Go duration with a default ("5s"); the output is milliseconds. */
export function duration(defaultText: string, limits: DurationLimits = {}): z.ZodType<number> {
  return requiredDuration(limits).prefault(defaultText as never) as unknown as z.ZodType<number>
}

/** A Go duration without a default. Append `.optional()` where it may be absent. */
export function requiredDuration(limits: DurationLimits = {}): z.ZodType<number> {
  return scalarField(value => readDuration(value, limits), {
    type: 'string',
    pattern: '^[-+]?(0|((\\d+\\.?\\d*|\\.\\d+)(ns|us|µs|ms|s|m|h))+)$',
    format: 'duration-go',
  })
}

function readDuration(value: unknown, limits: DurationLimits): number | Wrong {
  const expected = 'a duration with a unit, such as 200ms, 5s or 1m30s'
  if (value === undefined) return wrong('is missing', expected)
  const ms = value === 0 ? 0 : typeof value === 'string' ? parseDuration(value) : undefined
  if (ms === undefined) return wrong('is not a duration', expected)
  const minMs = limits.minMs ?? 0
  if (ms < minMs) {
    return wrong(ms < 0 && minMs === 0 ? 'is negative' : 'is too short', `at least ${minMs}ms`)
  }
  if (limits.positive === true && ms === 0) return wrong('may not be 0', 'more than 0s')
  if (limits.maxMs !== undefined && ms > limits.maxMs) {
    return wrong('is too long', `at most ${limits.maxMs}ms`)
  }
  return ms
}

const BYTE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
}

/** A number of bytes: a plain number as upstream has it, or a text such as "64MiB". The output is bytes. */
export function byteSize(defaultValue: number | string): z.ZodType<number> {
  return requiredByteSize().prefault(defaultValue as never) as unknown as z.ZodType<number>
}

/** A number of bytes without a default. Append `.optional()` where it may be absent. */
export function requiredByteSize(): z.ZodType<number> {
  return scalarField(readByteSize, {
    type: ['integer', 'string'],
    minimum: 0,
    pattern: '^\\d+(\\.\\d+)?\\s*([KMG]i?)?B$',
  })
}

function readByteSize(value: unknown): number | Wrong {
  const expected = 'a number of bytes, or a size such as 64MiB'
  if (value === undefined) return wrong('is missing', expected)
  if (typeof value === 'number' && Number.isSafeInteger(value)) {
    return value < 0 ? wrong('is negative', expected) : value
  }
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*([KMG]i?B|B)$/.exec(value) : null
  if (match === null) return wrong('is not a size', expected)
  return Math.round(Number(match[1]) * BYTE_UNITS[match[2]])
}

export interface IntegerRange {
  readonly min?: number
  readonly max?: number
}

/** A whole number with a default; not negative unless `min` says so. */
export function integer(defaultValue: number, range: IntegerRange = {}): z.ZodType<number> {
  return requiredInteger(range).prefault(defaultValue as never) as unknown as z.ZodType<number>
}

/** A whole number without a default. */
export function requiredInteger(range: IntegerRange = {}): z.ZodType<number> {
  const number = z
    .int()
    .min(range.min ?? 0)
    .max(range.max ?? Number.MAX_SAFE_INTEGER)
  return z.preprocess(readGrouped, number) as unknown as z.ZodType<number>
}

/** `1_000`, which upstream's YAML takes for a number and today's YAML for a text. */
function readGrouped(value: unknown): unknown {
  return typeof value === 'string' && /^\d+(_\d+)+$/.test(value)
    ? Number(value.replaceAll('_', ''))
    : value
}

/** A TCP port. */
export function port(defaultValue: number): z.ZodType<number> {
  return integer(defaultValue, { max: 65_535 })
}

/** A text that is never shown: print-config, logs and status pages say [REDACTED]. */
export function secret(): z.ZodType<Secret> {
  return textField(text => new Secret(text), { type: 'string', writeOnly: true })
}

/** The id of an extension; it is checked that the extension is defined and listed in `service.extensions`. */
export function extensionReference(): z.ZodType<string> {
  return textField(readReference, { type: 'string', [REFERENCE_KEYWORD]: 'extension' })
}

function readReference(text: string): string | Wrong {
  if (!/^[a-zA-Z][0-9a-zA-Z_]*(\/.+)?$/.test(text)) {
    return wrong('is not a component id', 'the id of an extension, type or type/name')
  }
  referencesRead++
  return text
}

let referencesRead = 0

/**
 * How many references any schema has read so far. Finding where they stand needs the JSON Schema, which costs
 * milliseconds a component; a number that has not changed spares it.
 */
export function countReferencesRead(): number {
  return referencesRead
}
