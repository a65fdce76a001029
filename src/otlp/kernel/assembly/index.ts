// The wire kernel: one pass over an OTLP export request that checks every nested message and notes where groups and
// items stand, a second one (slots.ts) that finds wanted values in rows, and a third (spans.ts) for holders of spans. Memory
// only; no allocation, no imports. The JavaScript twins are ../reference.ts (same checks, same order), ../slots-reference.ts
// and the reader of spans of the sampler.
//
//   memory: | tables, state | rows of level 0 | level 1 | ... | request | 16 bytes that may be read | scan: table, rows, slots |
//                                                                                               or | facts of spans          |
import { readSpans } from './spans'
import { begin, outcome, setRows, stateBlock } from './state'
import { walk } from './walk'

export { scan } from './slots'

let requestAt: usize = 0

/** Address of the state block; see state.ts for its words. */
export function state(): usize {
  return stateBlock()
}

/** Gives each level room for so many rows, MAX_ROWS at most, and returns where the request is to be put. */
export function layOut(room0: i32, room1: i32, room2: i32, room3: i32, room4: i32): usize {
  let at = (__heap_base + 63) & ~63
  setRows(0, at, room0)
  at += <usize>room0 << 4
  setRows(1, at, room1)
  at += <usize>room1 << 4
  setRows(2, at, room2)
  at += <usize>room2 << 4
  setRows(3, at, room3)
  at += <usize>room3 << 4
  setRows(4, at, room4)
  requestAt = at + (<usize>room4 << 4)
  return requestAt
}

/** 0 when valid, a fault code, or NO_ROOM. */
export function run(root: i32, length: i32): i32 {
  begin(requestAt)
  walk(root, requestAt, requestAt + <usize>length, 0)
  return outcome()
}

/** Facts of the spans `first` to `last` - 1 of the request that was run last, which must still be there. */
export function spans(first: i32, last: i32, out: usize): void {
  readSpans(first, last, requestAt, out)
}
