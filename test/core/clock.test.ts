/** The system's clock where its timers have limits of their own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'

test('waits that are longer than a timer can be are long all the same', async () => {
  let fired = 0
  const timers = [1000 * 3_600_000, Number.POSITIVE_INFINITY].flatMap(ms => [
    SYSTEM_CLOCK.after(ms, () => fired++),
    SYSTEM_CLOCK.every(ms, () => fired++),
  ])

  await sleep(20)

  for (const timer of timers) timer.cancel()
  assert.equal(fired, 0)
})
