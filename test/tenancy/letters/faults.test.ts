/** Whatever call of the file system fails and whenever: letters that were kept are found again, and nothing is made up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { faultyFs, letter, newFolder, openBox } from './kit.ts'

const STEP = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), size: fc.nat(2000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), at: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('look' as const) }) },
)

const FAULT = fc.constantFrom('ENOSPC', 'EIO', 'EROFS', 'SHORT')

test('no failing call costs a letter that was kept', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(STEP, { minLength: 1, maxLength: 30 }),
      fc.array(fc.option(FAULT, { freq: 4 }), { maxLength: 60 }),
      async (steps, faults) => {
        let calls = 0
        const fs = faultyFs(call => {
          // What cannot be closed or was never opened tells nothing about the data.
          if (call === 'close') return undefined
          const fault = faults[calls++] ?? undefined
          return fault === 'SHORT' && call !== 'writev' ? 'EIO' : fault
        })
        const folder = newFolder(t)
        let { box, clock } = await openBox(t, folder, { fs })
        /** Messages of letters that must be there, and of those that may be. */
        const [certain, possible] = [new Set<string>(), new Set<string>()]
        for (const [n, step] of steps.entries()) {
          if (step.kind === 'put') {
            const message = `m${n}`
            const isKept = await box.put(letter({ message, bytes: Buffer.alloc(step.size) }))
            if (isKept) certain.add(message)
            else possible.add(message)
            await clock.advance(1000)
          } else if (step.kind === 'remove') {
            const views = await box.list({}, 100)
            const view = views[step.at % Math.max(1, views.length)]
            if (view === undefined) continue
            await box.remove([view.id])
            certain.delete(view.message)
            possible.add(view.message)
          } else if (step.kind === 'crash') {
            // The next process may not find what cannot be read now; the one after it does.
            box = (await openBox(t, folder, { fs, clock })).box
          } else {
            for (const { id } of await box.list({}, 100)) await box.read(id)
          }
        }
        const last = await openBox(t, folder, { clock })
        const views = await last.box.list({}, 1000)
        const messages = views.map(({ message }) => message)
        assert.equal(new Set(messages).size, messages.length, 'none is there twice')
        for (const message of certain) assert.ok(messages.includes(message), `${message} is lost`)
        for (const message of messages) assert.ok(certain.has(message) || possible.has(message))
        for (const { id, bytes } of views) {
          assert.equal((await last.box.read(id))?.bytes.length, bytes)
        }
        await last.box.close()
      },
    ),
    { numRuns: 150 },
  )
})
