/** The models of `adaptive_sampler` at work: each scores, the network learns from traffic and feedback and keeps what it learned. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { MillraceError } from '../../../src/errors.ts'
import { shopTrace, startSampler, traceId } from './kit.ts'

for (const model of ['rules', 'heuristic', 'network', 'blend', 'isolation_forest'] as const) {
  test(`${model} keeps within the budget and writes its name`, async t => {
    const sampler = await startSampler(t, { model, budget: { ratio: 0.2, burst_credit: 0 } })
    for (let n = 0; n < 6000; n++) {
      sampler.send(shopTrace(n, n % 40 === 0 ? { status: 2 } : {}))
      if (n % 500 === 499) await sampler.clock.advance(1000)
    }
    await sampler.decide()

    const kept = sampler.keptTraces().size
    // Rules know failures only, and have nothing to spend the rest on.
    assert.ok(kept > (model === 'rules' ? 400 : 900) && kept < 1500, `${kept} kept`)
    const [root] = sampler.kept().filter(({ name }) => name === 'GET /cart')
    assert.equal(root.attributes['sampling.model'], model)
    await sampler.finish()
  })
}

test('a models_directory that is not there keeps the sampler from starting', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-sampler-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const missing = join(directory, 'not-mounted')

  await assert.rejects(startSampler(t, { models_directory: missing }), (error: unknown) => {
    assert.ok(error instanceof MillraceError)
    assert.equal(error.code, 'MILLRACE_MODEL_DIRECTORY')
    assert.ok(error.message.includes(missing))
    return true
  })
  const sampler = await startSampler(t, { models_directory: directory })
  await sampler.finish()
})

test('the network learns from made-up faults and from feedback, and has not forgotten it after a restart', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-sampler-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const settings = {
    model: 'network',
    learning: { interval: '5s' },
    storage: { directory },
    budget: { ratio: 0.5 },
  }
  const sampler = await startSampler(t, settings)
  const shipped = sampler.control.view().modelVersion
  for (let n = 0; n < 8000; n++) {
    sampler.send(shopTrace(n))
    if (n % 500 !== 499) continue
    await sampler.clock.advance(1000)
    // Training runs in a thread, on real time.
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  assert.equal(sampler.control.feedback(traceId(5000), 'noise'), null)
  for (let i = 0; i < 400 && sampler.control.view().modelVersion === shipped; i++) {
    await sampler.clock.advance(5000)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  const learned = sampler.control.view().modelVersion
  assert.match(learned, /\+\d+$/)
  await sampler.finish()

  const second = await startSampler(t, settings)
  assert.match(second.control.view().modelVersion, /\+\d+$/)
  await second.finish()
})
