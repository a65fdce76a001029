/**
 * Sampling probability as OpenTelemetry writes it (OTEP 235): an item is kept when its 56 bits of randomness are at least
 * the threshold. Both are bigints below 2^56: a double does not hold them.
 * https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
 */

/** Keeps everything. */
export const ALWAYS = 0n
/** Keeps nothing; has no text. */
export const NEVER = 1n << 56n
/** Kept at any probability above 0. */
export const KEPT_BY_ALL = NEVER - 1n
/** Hex digits of 56 bits. */
export const MAX_PRECISION = 14

const SCALE = 2 ** 56
export const MIN_PROBABILITY = 1 / SCALE

const HEX = /^[0-9a-fA-F]+$/

const scratch = new DataView(new ArrayBuffer(8))

/** `precision` is in hex digits, more near 0 and 1 where leading digits carry nothing. Undefined outside of [2^-56, 1]. */
export function probabilityToThreshold(probability: number, precision: number): bigint | undefined {
  if (!(probability >= MIN_PROBABILITY && probability <= 1)) return undefined
  if (probability === 1) return ALWAYS
  const digits = precision === 0 ? MAX_PRECISION : precision
  const raised = Math.max(
    digits + leadingDigits(probability),
    digits + leadingDigits(1 - probability),
  )
  const shift = 4n * BigInt(MAX_PRECISION - Math.min(MAX_PRECISION, raised))
  const exact = NEVER - BigInt(Math.round(probability * SCALE))
  return shift === 0n ? exact : ((exact + (1n << (shift - 1n))) >> shift) << shift
}

export function thresholdToProbability(threshold: bigint): number {
  return Number(NEVER - threshold) / SCALE
}

/** The hex digits that are zero before the first that is not. */
function leadingDigits(fraction: number): number {
  scratch.setFloat64(0, fraction)
  const exponent = (scratch.getUint16(0) >>> 4) - 1022
  return Math.trunc(-exponent / 4)
}

/** The digits of `th`, trailing zeros left out; empty for NEVER. */
export function formatThreshold(threshold: bigint): string {
  if (threshold === ALWAYS) return '0'
  return threshold === NEVER ? '' : formatRandomness(threshold).replace(/0+$/, '')
}

export function parseThreshold(text: string): bigint | undefined {
  if (text.length > MAX_PRECISION || !HEX.test(text)) return undefined
  return BigInt(`0x${text}`) << (4n * BigInt(MAX_PRECISION - text.length))
}

/** The digits of `rv`. */
export function formatRandomness(randomness: bigint): string {
  return randomness.toString(16).padStart(MAX_PRECISION, '0')
}

export function parseRandomness(text: string): bigint | undefined {
  return text.length === MAX_PRECISION && HEX.test(text) ? BigInt(`0x${text}`) : undefined
}
