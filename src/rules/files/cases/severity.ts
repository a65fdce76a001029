/** Severity numbers of log records and their names. https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber */

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']

/** `WARN2` is 14. Undefined for what is none. */
export function severityNumber(severity: string | number | boolean): number | undefined {
  if (typeof severity === 'number') return severity
  const match = /^([A-Z]+)([234]?)$/.exec(String(severity).toUpperCase())
  const level = match === null ? -1 : LEVELS.indexOf(match[1])
  return level < 0 ? undefined : level * 4 + Number(match![2] || 1)
}

export function severityName(number: number): string {
  if (number < 1 || number > 24) return String(number)
  const step = (number - 1) % 4
  return `${LEVELS[(number - 1) >> 2]}${step === 0 ? '' : step + 1}`
}
