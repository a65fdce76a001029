/** Reads the Prometheus text exposition, as far as the demo needs it. */

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export function parseMetrics(text: string): Sample[] {
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)/.exec(line)
    if (match === null) continue
    const [, name, labels = '', value] = match
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, key, quoted]) => [key, quoted] as const,
    )
    samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value) })
  }
  return samples
}
