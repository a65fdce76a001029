/** `adaptive_sampler` under random traffic and a random next stage: no span is lost or doubled, and all memory comes back. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import { ACCEPTED, busy, type Outcome, refused } from '../../../src/core/outcome.ts'
import { partOf, request, type TestSpan } from '../../sampler/assembly/spans.ts'
import { shopTrace, startSampler } from './kit.ts'

const TRACES = 15

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ what: fc.constant('send' as const), seed: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('wait' as const), seed: fc.nat(4000) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('next' as const), seed: fc.nat(4) }) },
)

const sections = fc.record({
  memory_limit: fc.constantFrom('3500KiB', '64MiB'),
  max_spans_per_trace: fc.constantFrom(4, 10_000),
  attributes: fc.constantFrom('root', 'all', 'none'),
  decision_cache: fc.constantFrom({ kept: 2, dropped: 16 }, { kept: 1000, dropped: 1000 }),
  budget: fc.constantFrom({ ratio: 0.5 }, { ratio: 0.9, max_spans_per_second: 5 }),
  always_keep: fc.constantFrom([], ['status.code == 2']),
})

/** A few spans of a few traces; now and then one without id, or large ones. */
function spansOf(seed: number, first: number): TestSpan[] {
  return Array.from({ length: 1 + (seed % 6) }, (_, i) => {
    const n = (seed >>> 3) + i * 7
    const span = { ...shopTrace(n % TRACES)[n % 3], id: (first + i).toString(16) }
    if (n % 11 === 0) return { ...span, trace: '' }
    if (n % 13 === 0) return { ...span, padding: 400_000 }
    return n % 5 === 0 ? { ...span, status: 2 } : span
  })
}

test('every span is handed on once or dropped in the book, whatever comes', async t => {
  await fc.assert(
    fc.asyncProperty(
      sections,
      fc.array(step, { maxLength: 40 }),
      fc.boolean(),
      async (section, steps, isLate) => {
        const sampler = await startSampler(t, section)
        let taken = 0
        for (const { what, seed } of steps) {
          if (what === 'wait') await sampler.clock.advance(seed)
          else if (what === 'next') sampler.next.answer = ANSWERS[seed] as never
          else {
            const batch = partOf(request(spansOf(seed, taken + 1)))
            const tenant = seed % 4 === 0 ? 'other' : 'default'
            const outcome = (await sampler.sendParts([batch], tenant)) as Outcome
            if (outcome.kind === 'accepted') taken += batch.items
            else {
              sampler.ledger.accepted(tenant, 'traces', -batch.items)
              batch.payload.release()
            }
          }
        }
        if (!isLate) sampler.next.answer = () => ACCEPTED
        const over = isLate ? AbortSignal.abort() : AbortSignal.timeout(5000)
        await sampler.clock.advance(200)
        await sampler.processor.stop(over)
        sampler.next.answer = () => ACCEPTED
        await new Promise(resolve => setImmediate(resolve))

        const dropped = sampler.ledger
          .rows()
          .flatMap(row => row.dropped)
          .reduce((sum, { items }) => sum + items, 0)
        assert.equal(sampler.next.items + dropped, taken)
        await sampler.finish()
      },
    ),
    { numRuns: 100 },
  )
})

test('what was answered for and had not left when the process was killed comes after a restart', async t => {
  const settings = (directory: string) => ({
    ...{ always_keep: ['true'], attributes: 'none', max_spans_per_trace: 6 },
    storage: { directory, undecided: true },
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async steps => {
      const directory = mkdtempSync(join(tmpdir(), 'millrace-sampler-'))
      const copy = `${directory}-copy`
      t.after(() => [directory, copy].map(each => rmSync(each, { recursive: true, force: true })))
      const first = await startSampler(t, settings(directory))
      let taken = 0
      for (const { what, seed } of steps) {
        if (what !== 'send') await first.clock.advance(seed % 4000)
        else {
          const spans = spansOf(seed, taken + 1).map((span, i) => ({
            ...span,
            name: `span ${taken + i}z`,
          }))
          assert.equal(await first.sendParts([partOf(request(spans))]), ACCEPTED)
          taken += spans.length
        }
      }
      cpSync(directory, copy, { recursive: true })
      rmSync(join(copy, 'adaptive_sampler.lock'))
      const left = first.kept().map(({ name }) => name)

      const second = await startSampler(t, settings(copy))
      await second.clock.advance(40_000)
      const all = [...left, ...second.kept().map(({ name }) => name)]
      assert.equal(new Set(all).size, taken)
      await second.finish()
      await first.finish()
    }),
    { numRuns: 40 },
  )
})

const ANSWERS = [
  () => ACCEPTED,
  () => busy(50),
  async () => ACCEPTED,
  async () => busy(70),
  (batch: { items: number }) => refused(batch.items, 'rejected', 'no'),
]
