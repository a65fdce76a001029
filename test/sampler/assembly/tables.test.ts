/** The table of traces against a map, and the wheel against a sorted list. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Room } from '../../../src/sampler/assembly/room.ts'
import { Traces } from '../../../src/sampler/assembly/traces.ts'
import { Wheel } from '../../../src/sampler/assembly/wheel.ts'
import { CountingMemory } from '../../../src/testing/fakes.ts'

function table(conditionWords = 0) {
  const memory = new CountingMemory()
  const room = new Room(memory, 1 << 30)
  const traces = new Traces(room, conditionWords)
  const add = (id: number, tenant = 0, nowMs = 0) => {
    assert.ok(room.ensure(traces.need(1)))
    traces.makeRoom(1)
    return traces.add(tenant, id & 3, 7, id >>> 4, id, nowMs)
  }
  const find = (id: number, tenant = 0) => traces.find(tenant, id & 3, 7, id >>> 4, id)
  return { memory, room, traces, add, find }
}

test('finds what was added until it is removed, in order of arrival', () => {
  const action = fc.tuple(
    fc.boolean(),
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: 0, max: 1 }),
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 1500, size: 'max' }), actions => {
      const { traces, add, find } = table()
      const model = new Map<string, number>()
      for (const [adds, id, tenant] of actions) {
        const key = `${tenant} ${id}`
        const handle = find(id, tenant)
        assert.equal(handle, model.get(key) ?? -1)
        if (handle >= 0 && !adds) {
          traces.remove(handle)
          model.delete(key)
        } else if (handle < 0) model.set(key, add(id, tenant))
        assert.equal(traces.count, model.size)
      }
      const inOrder: number[] = []
      for (let h = traces.oldest; h >= 0; h = traces.newer(h)) inOrder.push(h)
      assert.deepEqual(inOrder, [...model.values()])
    }),
    { numRuns: 40 },
  )
})

test('grows with what it holds, keeps it, and shrinks when a flood is over', () => {
  const { room, traces, add, find } = table(3)
  const before = room.bytes - room.free
  const handles = Array.from({ length: 100_000 }, (_, id) => add(id))
  for (let id = 0; id < handles.length; id += 997) {
    traces.addConditions(handles[id], 2, 1 << (id & 31))
    traces.setNote(handles[id], id)
  }
  const flooded = room.bytes - room.free
  for (let id = 0; id < handles.length; id++) assert.equal(find(id), handles[id])
  for (let id = 0; id < handles.length; id += 997) {
    assert.equal(traces.conditions(handles[id], 2), 1 << (id & 31))
    assert.equal(traces.note(handles[id]), id)
  }
  for (const handle of handles.slice(50)) traces.remove(handle)
  for (let i = 0; i < 20; i++) traces.shrink(0)
  assert.equal(room.bytes - room.free, before)
  assert.ok(flooded > before * 20)
  for (let id = 0; id < 50; id++) assert.equal(find(id), handles[id])
  assert.equal(traces.idHex(handles[5]).length, 32)
})

test('the wheel hands out what is due, and nothing else, whatever the clock does', () => {
  const action = fc.oneof(
    fc.record({ in: fc.integer({ min: 0, max: 300_000 }) }),
    fc.record({ wait: fc.integer({ min: 0, max: 150_000 }), room: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ again: fc.nat(20), in: fc.integer({ min: 0, max: 50_000 }) }),
    fc.record({ drop: fc.nat(20) }),
    fc.record({ now: fc.nat(20) }),
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), actions => {
      const { traces, add } = table()
      const wheel = new Wheel(traces, 100)
      const due = new Map<number, number>()
      let nowMs = 12_345
      let id = 0
      const pick = (i: number): number | undefined => [...due.keys()][i]
      for (const each of actions) {
        if ('again' in each) {
          const handle = pick(each.again)
          if (handle === undefined) continue
          wheel.schedule(handle, nowMs + each.in)
          due.set(handle, Math.min(due.get(handle)!, Math.ceil((nowMs + each.in) / 100) * 100))
        } else if ('in' in each) {
          const handle = add(id++)
          wheel.schedule(handle, nowMs + each.in)
          due.set(handle, Math.ceil((nowMs + each.in) / 100) * 100)
        } else if ('now' in each) {
          const handle = pick(each.now)
          if (handle === undefined) continue
          wheel.scheduleNow(handle)
          due.set(handle, 0)
        } else if ('drop' in each) {
          const handle = pick(each.drop)
          if (handle === undefined) continue
          wheel.remove(handle)
          due.delete(handle)
        } else {
          nowMs += each.wait
          const out = new Int32Array(each.room)
          const count = wheel.take(nowMs, out)
          const expected = [...due].filter(([, at]) => at <= Math.floor(nowMs / 100) * 100)
          assert.equal(count, Math.min(each.room, expected.length))
          for (const handle of out.subarray(0, count)) {
            assert.ok(expected.some(([h]) => h === handle))
            due.delete(handle)
          }
        }
      }
    }),
    { numRuns: 300 },
  )
})
