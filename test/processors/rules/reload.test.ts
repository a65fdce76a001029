/** Rule sets that change while batches flow: atomic swaps, refusals, rollback, and the guard. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertBalanced, fakeHost, settle } from '../../../src/testing/fakes.ts'
import { deliverAll, type Kit, makeKit, namesOf, rulesText, startKit } from './kit.ts'

const DROP_A = '  - { name: drop-a, when: name == "a", do: drop }'
const DROP_B = '  - { name: drop-b, when: name == "b", do: drop }'
const DROP_ALL = '  - { name: drop-all, do: drop }'

async function passing(kit: Kit, names: readonly string[]): Promise<string[]> {
  await kit.processor.consume(kit.batch(names))
  const passed = namesOf(kit.next)
  deliverAll(kit)
  return passed
}

test('a new set takes over between two batches', async t => {
  const kit = await startKit(t, DROP_A)
  assert.deepEqual(await passing(kit, ['a', 'b']), ['b'])

  kit.write(DROP_B)
  assert.deepEqual(await kit.processor.ruleControl.reload('admin'), [])

  assert.deepEqual(await passing(kit, ['a', 'b']), ['a'])
  const { live, kept } = kit.processor.ruleControl.view()
  assert.equal(live.origin, 'admin')
  assert.equal(kept.length, 1)
  assert.equal(kit.services.meter.total('millrace_rules_reloads'), 2)
  assertBalanced(kit.services.ledger)
})

test('batches that flow during reloads see one set or the other, and nothing is lost', async t => {
  const kit = await startKit(t, DROP_A)
  const seen = new Set<string>()
  let isOver = false
  const flow = async (): Promise<void> => {
    while (!isOver) {
      seen.add((await passing(kit, ['a', 'b', 'a', 'b'])).join(''))
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  const flowing = flow()
  for (let i = 0; i < 10; i++) {
    kit.write(i % 2 === 0 ? DROP_B : DROP_A)
    await kit.processor.ruleControl.reload('file')
    await settle()
    await settle()
  }
  isOver = true
  await flowing

  assert.deepEqual([...seen].sort(), ['aa', 'bb'])
  assertBalanced(kit.services.ledger)
  assert.equal(kit.held(), 0)
})

test('a set that is not right stays out, and it is seen', async t => {
  const kit = await startKit(t, DROP_A)

  kit.write('  - { name: one, when: nam == "a", do: drop }')
  const problems = await kit.processor.ruleControl.reload('file')

  assert.match(problems[0], /r\.yaml:3:24: .*did you mean name/)
  assert.deepEqual(await passing(kit, ['a', 'b']), ['b'])
  const { refusal, live } = kit.processor.ruleControl.view()
  assert.deepEqual(refusal?.problems, problems)
  assert.equal(live.origin, 'start')
  assert.equal(kit.services.meter.total('millrace_rules_refused'), 1)

  kit.write(DROP_B)
  await kit.processor.ruleControl.reload('file')
  assert.equal(kit.processor.ruleControl.view().refusal, null)
  assert.equal(kit.services.meter.total('millrace_rules_refused'), 0)
})

test('a set whose cases do not hold stays out', async t => {
  const kit = await startKit(t, DROP_A)

  kit.writeCases(
    'cases:\n  - { name: b stays, span: { name: b }, expect: { routed_to: default } }\n',
  )
  kit.write(DROP_B)
  const problems = await kit.processor.ruleControl.reload('file')

  assert.match(
    problems[0],
    /r\.cases\.yaml:2: case "b stays": dropped_by: expected nothing, got drop-b/,
  )
  assert.deepEqual(await passing(kit, ['a', 'b']), ['b'])
})

test('a file that vanishes leaves the old set running', async t => {
  const kit = await startKit(t, DROP_A)

  rmSync(kit.path)
  const problems = await kit.processor.ruleControl.reload('file')

  assert.match(problems[0], /there is no such file/)
  assert.deepEqual(await passing(kit, ['a', 'b']), ['b'])
  kit.write(DROP_A)
})

test('keeps ten sets and brings any of them back', async t => {
  const kit = await startKit(t, DROP_A)
  const { hash } = kit.processor.ruleControl.view().live
  for (let i = 0; i < 12; i++) {
    kit.write(`  - { name: drop-b, when: name == "b", do: drop, description: "${i}" }`)
    await kit.processor.ruleControl.reload('file')
  }
  const { kept } = kit.processor.ruleControl.view()
  assert.equal(kept.length, 9)
  assert.match(kit.processor.ruleControl.rollback(hash) ?? '', /there is no kept set/)

  kit.write(DROP_A)
  await kit.processor.ruleControl.reload('file')
  assert.deepEqual(await passing(kit, ['a', 'b']), ['b'])
  assert.equal(kit.processor.ruleControl.rollback(), null)

  assert.deepEqual(await passing(kit, ['a', 'b']), ['a'])
  assert.equal(kit.processor.ruleControl.view().live.origin, 'rollback')
  assert.equal(kit.processor.ruleControl.rollback(hash.slice(0, 6)), null)
  assert.deepEqual(await passing(kit, ['a', 'b']), ['b'])
})

test('what was taken back comes again only when it is asked for', async t => {
  const kit = await startKit(t, DROP_A)
  kit.write(DROP_B)
  await kit.processor.ruleControl.reload('file')
  kit.processor.ruleControl.rollback()

  await kit.processor.ruleControl.reload('signal')
  assert.deepEqual(await passing(kit, ['a', 'b']), ['b'])

  await kit.processor.ruleControl.reload('admin')
  assert.deepEqual(await passing(kit, ['a', 'b']), ['a'])
})

test('the guard brings the old set back when the new one drops too much', async t => {
  const guard = { window: '30s', min_items: 10, max_drop_ratio: 0.5 }
  const kit = await startKit(t, DROP_A, { guard })
  kit.write(DROP_ALL)
  await kit.processor.ruleControl.reload('file')
  assert.equal(kit.processor.ruleControl.view().guarded, true)

  await passing(kit, ['b', 'b', 'b'])
  await kit.services.clock.advance(2000)
  assert.equal(kit.processor.ruleControl.view().live.origin, 'file')
  for (let i = 0; i < 3; i++) assert.deepEqual(await passing(kit, ['b', 'b', 'b']), [])
  await kit.services.clock.advance(1000)

  assert.deepEqual(await passing(kit, ['a', 'b']), ['b'])
  const { live, refusal, guarded } = kit.processor.ruleControl.view()
  assert.deepEqual([live.origin, guarded], ['guard', false])
  assert.match(refusal!.problems[0], /drops 100% of the items, more than 50%/)
})

test('the guard lets a good set be, and looks away after its window', async t => {
  const guard = { window: '5s', min_items: 1, max_error_ratio: 0.1 }
  const kit = await startKit(t, DROP_A, { guard })
  kit.write(DROP_B)
  await kit.processor.ruleControl.reload('file')

  await passing(kit, ['a', 'b'])
  await kit.services.clock.advance(6000)

  const { live, guarded } = kit.processor.ruleControl.view()
  assert.deepEqual([live.origin, guarded], ['file', false])
  assert.equal(kit.services.clock.pending, 0)
})

test('the guard takes a set back that fails too often', async t => {
  const guard = { window: '30s', min_items: 2, max_error_ratio: 0.1 }
  const kit = await startKit(t, DROP_A, { guard })
  kit.write(`  - { name: bad, when: 'Int(name) + 1 == 2', do: drop }`)
  await kit.processor.ruleControl.reload('file')

  await passing(kit, ['b', 'b'])
  await kit.services.clock.advance(1000)

  assert.equal(kit.processor.ruleControl.view().live.origin, 'guard')
})

test('sees a ConfigMap whose symbolic link is swapped', async t => {
  const mount = mkdtempSync(join(tmpdir(), 'millrace-configmap-'))
  t.after(() => rmSync(mount, { recursive: true }))
  const version = (name: string, rules: string): void => {
    mkdirSync(join(mount, name))
    writeFileSync(join(mount, name, 'r.yaml'), rulesText(rules))
    symlinkSync(name, join(mount, `tmp-${name}`))
    renameSync(join(mount, `tmp-${name}`), join(mount, '..data'))
  }
  version('v1', DROP_A)
  symlinkSync(join('..data', 'r.yaml'), join(mount, 'r.yaml'))
  const path = join(mount, 'r.yaml')
  const kit = makeKit(t, DROP_A, { files: [path], watch: true, reload_interval: '1s' })
  await kit.processor.start(fakeHost())

  version('v2', DROP_B)
  await waitFor(kit, () => kit.processor.ruleControl.view().live.origin === 'file')

  assert.deepEqual(await passing(kit, ['a', 'b']), ['a'])
})

/** Moves the clock until what is waited for has come; reading files takes turns of the real event loop. */
async function waitFor(kit: Kit, isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !isSo(); i++) {
    await kit.services.clock.advance(1000)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  assert.ok(isSo(), 'it did not happen')
}

test('cases are about the rules of their own file', async t => {
  const kit = makeKit(t, DROP_A)
  const other = kit.path.replace('r.yaml', 's.yaml')
  writeFileSync(other, rulesText(DROP_ALL))
  kit.writeCases('cases:\n  - { name: b, span: { name: b }, expect: { routed_to: default } }\n')
  const both = makeKit(t, DROP_A, { files: [kit.path, other] })

  await both.processor.start(fakeHost())

  assert.deepEqual(await passing(both, ['a', 'b']), [])
})

test('a fault while a set is made ready is told, and the old set runs on', async t => {
  const kit = await startKit(t, DROP_A)
  const { log } = kit.services
  const { warn } = log
  kit.write(`${DROP_A}\n  - { name: never, when: name == "a", do: drop }\n${DROP_ALL}\n${DROP_B}`)
  log.warn = () => {
    throw new Error('broken')
  }
  const problems = await kit.processor.ruleControl.reload('file')
  log.warn = warn

  assert.deepEqual(problems, ['the set could not be made ready: broken'])
  assert.deepEqual(await passing(kit, ['a', 'b']), ['b'])
  kit.write(DROP_B)
  assert.deepEqual(await kit.processor.ruleControl.reload('file'), [])
})
