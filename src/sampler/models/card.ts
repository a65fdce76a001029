/** The card that goes with weights: what they are for, what they saw, how well they did, where not to trust them. */
import type { Manifest } from './manifest.ts'
import type { Judgement } from './training-job.ts'

export function describeModel(
  manifest: Omit<Manifest, 'sha256'>,
  sources: readonly (Judgement & { readonly what: string })[],
): string {
  const { name, version, features, hidden, rows, created } = manifest
  const scores = sources.map(
    ({ what, auc, coverage }) =>
      `| ${what} | ${auc.toFixed(4)} | ${(coverage * 100).toFixed(1)} % |`,
  )
  return `# ${name} ${version}

A network of ${features.length} inputs, one hidden layer of ${hidden} units (ReLU) and one output (sigmoid), trained on ${rows} rows on
${created.slice(0, 10)}. It scores how much a finished trace matters, from the numbers that the observer makes of it; it sees neither names
nor payloads. Scores order traces; they are no probabilities. No weight is below 0: a trace never scores lower because one more input is
higher.

## Inputs

${features.join(', ')}

## Data

${manifest.data.map(line => `- ${line}`).join('\n')}

## Scores

On rows that training did not see: the chance that a symptomatic row scores above a clean one, and the share of symptomatic rows above what
5 % of the clean ones pass.

| held-out rows of | AUC | coverage at 5 % |
|---|---|---|
${scores.join('\n')}

## Limits

- It judges by what the observer calls odd. What leaves no mark in durations, structure, status or events is not seen by it either.
- During the first 2,000 traces of a system the inputs say little, and so do the scores.
- Inputs are clipped at four deviations: systems far outside of what training saw are ranked, but coarsely.
`
}
