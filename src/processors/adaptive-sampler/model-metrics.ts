/** The comparison of models as metrics: one series for each model at work. */
import type { Meter, MetricSpec } from '../../core/meter.ts'
import type { SamplerArmView, SamplerControl } from '../../core/sampler-control.ts'
import {
  ARM_FLAGGED,
  ARM_KEPT,
  ARM_SYMPTOMATIC,
  ARM_SYMPTOMATIC_KEPT,
  ARM_TRACES,
} from './metrics.ts'

const COLUMNS: readonly (readonly [spec: MetricSpec, read: (arm: SamplerArmView) => number])[] = [
  [ARM_TRACES, arm => arm.traces],
  [ARM_KEPT, arm => arm.kept],
  [ARM_FLAGGED, arm => arm.flagged],
  [ARM_SYMPTOMATIC, arm => arm.symptomatic],
  [ARM_SYMPTOMATIC_KEPT, arm => arm.symptomaticKept],
]

/** Returns how to take them away again. */
export function publishModels(
  meter: Meter,
  processor: string,
  control: SamplerControl,
): readonly (() => void)[] {
  return control.compare().arms.flatMap(({ model, role }, i) =>
    COLUMNS.map(([spec, read]) =>
      meter.observe(spec, { processor, model, role }, () => {
        const arm = control.compare().arms[i]
        return arm === undefined ? 0 : read(arm)
      }),
    ),
  )
}
