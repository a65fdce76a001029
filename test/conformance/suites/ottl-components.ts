/** Cases with functions that one component alone has: asked of that processor as it runs in a pipeline. */
import assert from 'node:assert/strict'
import type { Consumer } from '../../../src/core/component.ts'
import { config as filterSpec } from '../../../src/processors/filter/config.ts'
import { FilterProcessor } from '../../../src/processors/filter/processor.ts'
import { config as transformSpec } from '../../../src/processors/transform/config.ts'
import { TransformProcessor } from '../../../src/processors/transform/processor.ts'
import { CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { batchOfJson } from '../../processors/request-batch.ts'
import { assertTelemetry, type ContextCase, type Inputs } from './ottl-contexts.ts'

type Check = (c: ContextCase, inputs: Inputs) => Promise<void>

/** By kind; all of these functions are about metrics. */
export const componentChecks: Readonly<Record<string, Check>> = {
  statements: checkTransform,
  'drop-conditions': checkFilter,
}

export function isComponentCase({ kind, context, input }: ContextCase): boolean {
  const isOfMetrics = ['metric', 'datapoint', 'metrics'].includes(context)
  return componentChecks[kind] !== undefined && isOfMetrics && input !== undefined
}

async function checkTransform(c: ContextCase, inputs: Inputs): Promise<void> {
  const groups = (c.groups ?? []).map(({ context, statements }) => ({ context, statements }))
  const config = transformSpec.schema.parse({
    error_mode: c.errorMode ?? 'ignore',
    metric_statements: groups,
  })
  const context = { ...fakeServices(), id: 'transform', config, signals: ['metrics'] as const }
  await checkProcessor(next => new TransformProcessor(context, next), c, inputs)
}

async function checkFilter(c: ContextCase, inputs: Inputs): Promise<void> {
  const config = filterSpec.schema.parse({
    error_mode: c.errorMode ?? 'ignore',
    metrics: c.conditions,
  })
  const context = { ...fakeServices(), id: 'filter', config, signals: ['metrics'] as const }
  await checkProcessor(next => new FilterProcessor(context, next), c, inputs)
}

async function checkProcessor(
  make: (next: CollectingConsumer) => Consumer,
  c: ContextCase,
  inputs: Inputs,
): Promise<void> {
  const next = new CollectingConsumer()
  const input = inputs[c.input ?? '']
  await make(next).consume(batchOfJson('metrics', input))
  const parts = next.batches.flatMap(batch => batch.parts)
  if (c.expect.dropAll === true) {
    assert.equal(
      parts.reduce((sum, part) => sum + part.items, 0),
      0,
    )
    return
  }
  assert.equal(parts.length, 1)
  assertTelemetry({ signal: 'metrics', part: parts[0] }, c.expect.output ?? input)
}
