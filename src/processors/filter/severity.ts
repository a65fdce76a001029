/** Short names of severities and their numbers. https://opentelemetry.io/docs/specs/otel/logs/data-model/#displaying-severity */

const NAMES = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']
const STEPS = 4

const NUMBERS: ReadonlyMap<string, number> = new Map(
  NAMES.flatMap((name, i) =>
    Array.from({ length: STEPS }, (_, step): [string, number][] => {
      const number = i * STEPS + step + 1
      return [
        [step === 0 ? name : `${name}${step + 1}`, number],
        [String(number), number],
      ]
    }).flat(),
  ),
)

/** Of `INFO`, `warn2`, `9`; undefined for what is none. */
export function severityNumber(text: string): number | undefined {
  return NUMBERS.get(text.toUpperCase())
}
